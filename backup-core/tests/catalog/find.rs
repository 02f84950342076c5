//! Finding one backup.

use backup_core::{BackupStatus, ErrorKind};

use crate::shop::{Shop, broken};

#[tokio::test]
async fn the_newest_restorable_and_verified_have_words() {
    let shop = Shop::new().await;
    for word in ["latest", "latest-restorable", "latest-verified"] {
        assert_eq!(shop.repository.find(word).await.unwrap_err().kind(), ErrorKind::NotFound, "{word}");
    }
    let verified = shop.back_up("shop").await.id;
    shop.repository.verify(verified).read_data(true).await.unwrap();
    let restorable = shop.back_up("shop").await.id;
    shop.pass(1);
    let latest = shop.repository.backup(&broken("shop")).partial().await.unwrap().id;
    let elsewhere = shop.back_up("blog").await.id;
    let deleted = shop.back_up("shop").await.id;
    shop.repository.delete(&deleted).await.unwrap();
    for (word, here, anywhere) in [
        ("latest", latest, elsewhere),
        ("latest-restorable", restorable, elsewhere),
        ("latest-verified", verified, verified),
    ] {
        assert_eq!(shop.repository.find_in("shop", word).await.unwrap().id, here, "{word}");
        assert_eq!(shop.repository.find(word).await.unwrap().id, anywhere, "{word}");
    }
    let error = shop.repository.find_in("blog", "latest-verified").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("verified") && error.to_string().contains("\"blog\""), "{error}");
}

#[tokio::test]
async fn by_its_id_a_backup_is_found_whatever_its_status() {
    let shop = Shop::new().await;
    let (lost, deleted) = (shop.back_up("shop").await, shop.back_up("shop").await);
    let confirmation = format!("{}-ok", shop.object("backups", &lost).await);
    shop.remove(&confirmation).await;
    shop.repository.delete(&deleted.id).await.unwrap();
    for (info, status) in [(&lost, BackupStatus::Unconfirmed), (&deleted, BackupStatus::Deleted)] {
        let id = info.id.to_string();
        assert_eq!(shop.info(&id[16..]).await.status, status);
        assert_eq!(shop.repository.find_in("shop", &id).await.unwrap().status, status);
    }
    assert_eq!(shop.repository.find("latest").await.unwrap_err().kind(), ErrorKind::NotFound);
}
