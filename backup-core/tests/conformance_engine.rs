//! The contract of engines: an engine that keeps it, and for each of its sentences one that breaks it.

#![allow(clippy::unwrap_used, reason = "test helpers")]

#[path = "conformance_engine/ledger.rs"]
mod ledger;

use std::sync::Arc;

use backup_core::engine::conformance::{self, CASES, Subject};
use ledger::Ledger;

#[tokio::test]
async fn an_engine_that_keeps_the_contract_passes() {
    conformance::run(|| async { Arc::new(Ledger::sound()) as Arc<dyn Subject> }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_finds_the_engine_that_breaks_its_sentence_and_no_other_does() {
    for broken in CASES {
        let mut failed = Vec::new();
        for case in CASES {
            failed.extend(case.check(Arc::new(Ledger::breaking(broken.name()))).await.err());
        }
        let found = failed.iter().any(|failure| failure.case() == broken.name());
        assert!(found, "nothing was found wrong with the engine that breaks {broken:?}: {failed:#?}");
        // An engine that loses content fails wherever content is compared.
        let alone = failed.len() == 1 || ["round_trip", "parent"].contains(&broken.name());
        assert!(alone, "the engine that breaks {broken:?} failed these cases: {failed:#?}");
    }
}

#[tokio::test]
async fn a_failing_run_names_the_case_and_the_sentence() {
    let make = || async { Arc::new(Ledger::breaking("refuse")) as Arc<dyn Subject> };
    let failure = conformance::run(make).await.unwrap_err();
    assert_eq!(failure.case(), "refuse");
    assert!(failure.to_string().contains("a target with content is denied"), "{failure}");
}
