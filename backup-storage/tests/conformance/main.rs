//! The contract, on every storage here; and for each of its sentences a storage that breaks it.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod broken;

use std::sync::Arc;

use backup_storage::conformance::{self, Case};
use backup_storage::{ObjectStorage, Storage};
use broken::Broken;
use tokio::runtime::{Builder, Runtime};

#[test]
fn memory_conforms() {
    for runtime in runtimes() {
        runtime
            .block_on(conformance::run(|| async { Arc::new(ObjectStorage::memory()) as Arc<dyn Storage> }))
            .unwrap();
    }
}

#[test]
fn local_directory_conforms() {
    let [single, many] = runtimes();
    conforms_in_a_directory(many, |_| true);
    // A thousand synced files once are enough.
    conforms_in_a_directory(single, |case| case.name() != "list_many");
}

fn conforms_in_a_directory(runtime: Runtime, wanted: fn(&&Case) -> bool) {
    let home = tempfile::tempdir().unwrap();
    for case in conformance::CASES.iter().filter(wanted) {
        // A path with characters that mean something to others.
        let directory = home.path().join(format!("ro ot#1 %41?{}", case.name()));
        runtime.block_on(case.check(Arc::new(ObjectStorage::local(directory).unwrap()))).unwrap();
    }
    // Ends what dropped futures left running, so that nothing appears below the directory after it is removed.
    drop(runtime);
    home.close().unwrap();
}

#[test]
fn every_case_finds_the_storage_that_breaks_its_sentence_and_no_other_does() {
    let runtime = Builder::new_current_thread().build().unwrap();
    for broken in conformance::CASES {
        let failed = conformance::CASES
            .iter()
            .filter_map(|case| runtime.block_on(case.check(Arc::new(Broken::new(broken.name())))).err());
        let failed: Vec<String> = failed.map(|failure| failure.to_string()).collect();
        let right = matches!(failed.as_slice(), [only] if only.contains(&format!("`{}`", broken.name())));
        assert!(right, "the storage that breaks {broken:?} failed these cases: {failed:#?}");
    }
}

#[test]
fn a_failing_run_names_the_case() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let make = || async { Arc::new(Broken::new("ranges")) as Arc<dyn Storage> };
    let failure = runtime.block_on(conformance::run(make)).unwrap_err();
    assert_eq!(failure.case(), "ranges");
}

/// One of each flavour, without timers or other drivers.
fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread().worker_threads(4).build().unwrap(),
    ]
}
