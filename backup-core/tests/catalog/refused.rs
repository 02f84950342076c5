//! What was deleted or never confirmed is not read as if it were there.

use backup_core::{BackupId, BackupInfo, Error, ErrorKind, Hold, Repository};

use crate::shop::Shop;

/// The errors of all who read a backup.
async fn refusals(repository: &Repository, id: BackupId) -> Vec<Error> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("target");
    let errors = vec![
        repository.service(&id, "database").await.err().unwrap(),
        repository.verify(id).await.unwrap_err(),
        repository.restore(id).to_directory(&target).await.unwrap_err(),
    ];
    assert!(!target.exists());
    errors
}

async fn expect_readable(shop: &Shop, info: &BackupInfo) {
    assert!(shop.repository.verify(info.id).await.unwrap().problems.is_empty());
    shop.repository.service(&info.id, "database").await.unwrap();
}

#[tokio::test]
async fn a_deleted_backup_is_refused_until_it_is_brought_back() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    shop.repository.delete(&info.id).await.unwrap();
    for error in refusals(&shop.repository, info.id).await {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(&info.id.to_string()), "{error}");
        assert!(error.to_string().contains("deleted") && error.remedy().contains("undelete"), "{error}");
    }
    shop.repository.undelete(&info.id).await.unwrap();
    expect_readable(&shop, &info).await;
}

#[tokio::test]
async fn an_unconfirmed_backup_is_refused() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    let confirmation = format!("{}-ok", shop.object("backups", &info).await);
    shop.remove(&confirmation).await;
    for error in refusals(&shop.repository, info.id).await {
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("never confirmed") && !error.remedy().is_empty(), "{error}");
    }
    let error = shop.repository.note(&info.id).hold(Hold::open("case")).await.unwrap_err();
    assert!(error.to_string().contains("never confirmed"), "{error}");
}
