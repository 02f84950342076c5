//! How the engine behaves in the host's runtime.

use backup_core::engine::Engine;

use super::recording::{back_up, request};
use super::scratch::{Scratch, noise};

#[test]
fn one_blocking_thread_is_enough_for_many_backups() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
    let scratch = Scratch::new();
    for number in 0..1500 {
        scratch.write(&format!("{}/{number}", number % 50), number.to_string());
    }
    scratch.write("large", noise(5 << 20, 1));
    let engine = scratch.engine();
    runtime.block_on(async {
        let backups = futures_util::future::join_all((0..5).map(|_| back_up(&engine))).await;
        assert!(backups.iter().all(|backup| backup.tree.len() == 1 + 50 + 1500 + 1));
    });
}

#[tokio::test]
async fn totals_are_known_from_the_parent() {
    let scratch = Scratch::with(&["a/b", "c", "d -> c"]);
    let first = back_up(&scratch.engine()).await.long_after_the_files();
    scratch.write("new", "new");
    let second = request(&scratch.engine()).parent(&first).run().await.unwrap();
    assert_eq!((second.progress.total_items, second.progress.total_bytes), (Some(5), Some(4)));
}

#[tokio::test]
async fn preflight_says_where_the_files_are_and_touches_nothing() {
    let scratch = Scratch::with(&["a"]);
    let before = std::fs::metadata(scratch.root()).unwrap().modified().unwrap();
    let context = backup_core::engine::Context::new(
        backup_core::CancellationToken::new(),
        std::sync::Arc::new(backup_core::SystemClock::default()),
        std::sync::Arc::new(backup_core::Silent),
    );
    let preflight = scratch.engine().preflight(&context).await.unwrap();
    assert_eq!(preflight.facts["files.root"], scratch.root().to_str().unwrap());
    assert!(preflight.verdicts.is_empty());
    assert_eq!(std::fs::metadata(scratch.root()).unwrap().modified().unwrap(), before);
}
