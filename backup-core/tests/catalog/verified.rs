//! That a backup was verified is remembered.

use std::sync::Arc;

use backup_core::ErrorKind;
use backup_core::storage::testing::{Fault, Faulty, Harm, Operation};
use backup_core::storage::{ErrorKind as StorageErrorKind, Storage, StorageExt as _};
use backup_core::testing::RecordingObserver;

use crate::home::builder;
use crate::shop::{Shop, whole};

#[tokio::test]
async fn a_whole_verification_is_recorded_and_a_look_at_the_structure_is_not() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    shop.repository.verify(info.id).await.unwrap();
    assert_eq!(shop.info("latest").await.verified, None);
    shop.pass(5);
    shop.repository.verify(info.id).read_data(true).await.unwrap();
    let verified = shop.info("latest").await;
    assert!(verified.is_verified() && verified.to_policy().verified);
    assert_eq!(verified.verified.unwrap().at, shop.now());
}

#[tokio::test]
async fn damage_is_recorded_and_such_a_backup_is_not_restorable() {
    let shop = Shop::new().await;
    let info = shop.back_up("shop").await;
    let packs = shop.storage.list_all("packs").await.unwrap();
    for pack in packs {
        shop.flip(&pack.name).await;
    }
    let report = shop.stranger().await.verify(info.id).read_data(true).await.unwrap();
    assert!(!report.problems.is_empty());
    let found = shop.info(&info.id.to_string()).await;
    assert_eq!(found.verified.map(|verified| verified.sound), Some(false));
    assert!(!found.restorable && !found.is_verified());
    let error = shop.repository.find("latest-restorable").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn where_nothing_may_be_written_the_report_is_enough() {
    let shop = Shop::new().await;
    let id = shop.repository.backup(&whole("shop")).await.unwrap().id;
    let faulty = Arc::new(Faulty::new(shop.storage.clone() as Arc<dyn Storage>));
    let observer = RecordingObserver::new();
    let reader = builder(&(faulty.clone() as Arc<dyn Storage>)).observer(Arc::new(observer.clone()));
    let reader = reader.open().await.unwrap();
    faulty.plan(Fault::new(Harm::FailBefore(StorageErrorKind::Permission)).on(Operation::PutNew));
    assert!(reader.verify(id).read_data(true).await.unwrap().problems.is_empty());
    let notices = observer.notices();
    assert!(notices.iter().any(|notice| notice.message.contains("not recorded")), "{notices:?}");
    assert_eq!(shop.info("latest").await.verified, None);
}
