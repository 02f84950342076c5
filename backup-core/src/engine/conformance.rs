//! The contract of [`Engine`] as a test suite, for every implementation.
//!
//! Each case checks one sentence of the contract on a fresh [`Subject`]: an engine, and the service that it serves, with some content.
//! Backups go into real repositories in memory. Nothing sleeps.
//!
//! ```
//! use std::sync::Arc;
//! use backup_core::engine::conformance::{self, Subject};
//!
//! # async fn example(make_subject: impl Fn() -> Arc<dyn Subject>) {
//! conformance::run(|| async { make_subject() }).await.unwrap();
//! # }
//! ```

mod capturing;
mod failing;
mod interposed;
mod reading;
mod restoring;
mod rig;
mod tap;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use self::rig::Rig;
use super::Engine;
use crate::Error;

/// A service with its engine, for one case.
#[async_trait]
pub trait Subject: fmt::Debug + Send + Sync + 'static {
    /// The engine over the service; the same or another one each time.
    fn engine(&self) -> Arc<dyn Engine>;

    /// Changes content, adds some and removes some, as the application would; each time in another way.
    async fn change(&self);

    /// The content of the service, all that a restore must bring back: equal bytes exactly if the content is equal.
    async fn content(&self) -> Vec<u8>;
}

/// Checks all [`CASES`], each on a subject that `make` makes for it, and stops at the first that fails.
///
/// # Errors
/// The failure names the case. It prints itself, so a test may unwrap the result.
pub async fn run<F: Future<Output = Arc<dyn Subject>>>(make: impl Fn() -> F) -> Result<(), Failure> {
    for case in CASES {
        case.check(make().await).await?;
    }
    Ok(())
}

/// A sentence of the contract and the check of it.
#[derive(Clone, Copy)]
pub struct Case {
    name: &'static str,
    sentence: &'static str,
    check: fn(Rig) -> BoxFuture<'static, Verdict>,
}

impl Case {
    /// The short name that the contract has in brackets.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What must be so.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        self.sentence
    }

    /// Checks it on a fresh subject.
    ///
    /// # Errors
    /// What was not as the contract says, with the name of the case.
    pub async fn check(&self, subject: Arc<dyn Subject>) -> Result<(), Failure> {
        let engine = subject.engine().kind();
        let checked = match Rig::new(subject).await {
            Ok(rig) => (self.check)(rig).await,
            Err(error) => Err(error.into()),
        };
        checked.map_err(|Flaw(reason)| Failure { case: self.name, sentence: self.sentence, engine, reason })
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Case({})", self.name)
    }
}

/// A broken sentence of the contract.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    case: &'static str,
    sentence: &'static str,
    engine: &'static str,
    reason: String,
}

impl Failure {
    /// The name of the case that failed.
    #[must_use]
    pub fn case(&self) -> &'static str {
        self.case
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the engine \"{}\" breaks `{}` ({}): {}",
            self.engine, self.case, self.sentence, self.reason
        )
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::error::Error for Failure {}

macro_rules! cases {
    ($($module:ident::$name:ident: $sentence:literal,)*) => {
        /// All cases, in the order of the contract.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            sentence: $sentence,
            check: |rig| Box::pin($module::$name(rig)),
        },)*];
    };
}

cases! {
    capturing::kind: "the kind is a lower-case word and never changes",
    capturing::preflight: "preflight changes nothing",
    capturing::round_trip: "what was backed up is what is restored",
    capturing::parent: "a backup with a parent is as complete as one without",
    capturing::damaged_parent: "a parent that is damaged costs time, not the backup",
    capturing::pause: "with a pause, the backup holds the content at the freeze: nothing that came later",
    capturing::first_pass: "with a pause, the backup holds the content at the freeze: all that changed since it was prepared",
    capturing::point: "the snapshot names its point",
    failing::sink_error: "a failed call of the sink fails the backup, with that error",
    failing::cancelled_backup: "a cancelled backup ends with Cancelled",
    failing::nothing_left: "a call that has ended leaves nothing running",
    failing::dropped_backup: "a backup whose future is dropped hurts neither the service nor the next backup",
    restoring::plan: "plan_restore changes nothing",
    restoring::counts: "a plan counts what will be overwritten or deleted",
    restoring::refuse: "where nothing existing may be changed, a target with content is denied",
    restoring::denied: "a denied plan is not carried out",
    failing::reader_error: "a failed read of the backup fails the restore, with that error",
    failing::cancelled_restore: "a cancelled restore ends with Cancelled",
    failing::dropped_restore: "a restore whose future is dropped can be done again",
}

type Verdict = Result<(), Flaw>;

/// What is wrong with an engine.
struct Flaw(String);

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        Self(error.chain())
    }
}

/// Calls of one operation that are tried one by one.
const MAX_CALLS: u64 = 100;

fn expect(right: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if right { Ok(()) } else { Err(Flaw(otherwise())) }
}
