//! Random operations, done by a repository and by a naive model of one, which must give the same answers.
//!
//! Two hosts with clocks of their own back up, say things, delete, forget, bring back and prune by turns, while time passes. After each
//! operation both tell all backups with all that is known of them.

mod application;
mod change;
mod forgetting;
mod naive;
mod operation;
mod question;
mod retention;
mod view;
mod world;

use std::cell::RefCell;

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, TestRunner};

use self::operation::{Step, step};
use self::world::{Seen, World};

#[test]
fn a_repository_answers_as_a_naive_model_does() {
    let config = ProptestConfig {
        cases: CASES,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(FAILURES))),
        max_shrink_iters: 500,
        ..ProptestConfig::default()
    };
    let sum = RefCell::new(Seen::new());
    let case = (any::<u64>(), [-3_i64..4, -3..4], prop::collection::vec(step(), STEPS..STEPS + 40));
    let result = TestRunner::new(config).run(&case, |(seed, ahead, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen = runtime.block_on(operate(seed, ahead, &steps));
        for (what, count) in seen {
            *sum.borrow_mut().entry(what).or_default() += count;
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    // What never happens proves nothing.
    let sum = sum.take();
    for what in MUST_HAPPEN {
        assert!(sum.get(what).is_some_and(|count| *count > 0), "{what} never happened: {sum:?}");
    }
}

async fn operate(seed: u64, ahead: [i64; 2], steps: &[Step]) -> Seen {
    let mut world = World::new(seed, ahead).await;
    for (number, step) in steps.iter().enumerate() {
        world.step(step).await;
        world.expect_known(&format!("step {number}, {step:?}")).await;
    }
    world.end().await;
    world.seen
}

/// Together at least two thousand operations.
const CASES: u32 = 16;
const STEPS: usize = 140;
/// Cases that failed once are tried first, every time.
const FAILURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog/model/proptest-regressions.txt");
const MUST_HAPPEN: [&str; 19] = [
    "a backup",
    "a partial backup",
    "an interrupted backup",
    "a note",
    "a refusal",
    "a verification",
    "a deletion",
    "an undeletion",
    "a backup that was forgotten",
    "a confirmed forgetting",
    "a plan that was refused",
    "a backup that was pruned",
    "an interrupted backup that was pruned",
    "a pack that was pruned",
    "a pack that was rewritten",
    "a filtered list with something in it",
    "a find",
    "a digest",
    "a restore to a directory",
];
