//! Restores by a user who is not root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use backup_core::NoticeLevel;
use backup_core::engine::{Existing, VerdictLevel};
use backup_engines::Sqlite;

use super::child::{self, not_run};
use super::shop::{self, Shop, WAYS, back_up, environment, repository};

#[tokio::test]
#[ignore = "run by the test of this file"]
#[allow(clippy::print_stdout, reason = "the test that runs it reads this")]
async fn child_restores_its_own() {
    let folder = child::folder();
    let shop = Shop::new(WAYS[2], 10);
    let repository = repository().await;
    let backup = back_up(&repository, shop.engine()).await.unwrap();
    let environment = environment(Sqlite::file(folder.join("shop.db")));
    let request = || repository.restore(backup.id).in_place(&environment).existing(Existing::Update);
    let plan = request().plan().await.unwrap();
    for verdict in plan.verdicts().filter(|verdict| verdict.level == VerdictLevel::Warn) {
        println!("VERDICT {verdict}");
    }
    let report = plan.execute().await.unwrap();
    for notice in report.notices.iter().filter(|notice| notice.level == NoticeLevel::Warning) {
        println!("WARNING {}", notice.message);
    }
}

#[test]
fn rights_of_a_group_are_not_given_to_another_one() {
    if !rustix::process::geteuid().is_root() {
        return not_run("a restore by a user who may not keep the group: this needs root");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.db");
    drop(shop::create(&path, false));
    fs::write(&path, "").unwrap();
    chown(folder.path(), Some(1234), Some(1234)).unwrap();
    chown(&path, Some(1234), Some(4321)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let user = ["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups"];
    let told = child::passed(child::start(&user, "ownership::child_restores_its_own", folder.path()));
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o7777), (1234, 1234, 0o604), "{told}");
    assert!(told.contains("WARNING the database now belongs to group 1234"), "{told}");
    assert!(!told.contains("belongs to user"), "{told}");
    // Others' processes are none of their business.
    assert!(told.contains("VERDICT") && told.contains("could not be looked into"), "{told}");
}
