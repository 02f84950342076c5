//! The contract of [`Storage`] as a test suite, for every implementation.
//!
//! Each case checks one sentence of the contract on a fresh, empty storage. Nothing sleeps, so a listing is
//! checked for being up to date only where it is declared to be, and exclusive creation likewise.
//!
//! ```
//! use std::sync::Arc;
//! use backup_storage::{ObjectStorage, Storage, conformance};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! conformance::run(|| async { Arc::new(ObjectStorage::memory()) as Arc<dyn Storage> }).await.unwrap();
//! # }
//! ```

mod deleting;
mod listing;
mod putting;
mod reading;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::{Error, ErrorKind, Name, Result, Storage, StorageExt};

/// Checks all [`CASES`], each on a storage that `make` makes for it, and stops at the first that fails.
///
/// # Errors
/// The failure names the case. It prints itself, so a test may unwrap the result.
pub async fn run<F: Future<Output = Arc<dyn Storage>>>(make: impl Fn() -> F) -> Result<(), Failure> {
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
    check: fn(Arc<dyn Storage>) -> BoxFuture<'static, Verdict>,
}

impl Case {
    /// The short name that the contract has in brackets.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What must be so.
    pub fn sentence(&self) -> &'static str {
        self.sentence
    }

    /// Checks it on `storage`, which is fresh and empty.
    ///
    /// # Errors
    /// What was not as the contract says, with the name of the case.
    pub async fn check(&self, storage: Arc<dyn Storage>) -> Result<(), Failure> {
        let place = storage.to_string();
        let checked = (self.check)(storage).await;
        checked.map_err(|Flaw(reason)| Failure { case: self.name, sentence: self.sentence, place, reason })
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Case({})", self.name)
    }
}

/// A broken sentence of the contract.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    case: &'static str,
    sentence: &'static str,
    place: String,
    reason: String,
}

impl Failure {
    /// The name of the case that failed.
    pub fn case(&self) -> &'static str {
        self.case
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storage {} breaks `{}` ({}): {}", self.place, self.case, self.sentence, self.reason)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

macro_rules! cases {
    ($($module:ident::$name:ident: $sentence:literal,)*) => {
        /// All cases, in the order of the contract.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($name),
            sentence: $sentence,
            check: |storage| Box::pin($module::$name(storage)),
        },)*];
    };
}

cases! {
    putting::round_trip: "what was put is read back byte for byte, whatever its bytes and size, none included",
    putting::long_names: "every valid name can be used, up to its longest segments and its longest whole",
    putting::independent_puts: "objects of different names do not disturb each other, also when put at the same time",
    putting::no_replacement: "a put never replaces: it fails as AlreadyExists and the object stays as it is",
    putting::atomic_put: "a reader finds the whole object or none",
    putting::dropped_put: "a put that is dropped halfway leaves the whole object or none",
    putting::exclusive_creation: "exactly one of several puts of one name at the same time succeeds",
    reading::missing: "what does not exist is NotFound, by every way of reading",
    reading::ranges: "a range yields exactly its bytes, an empty one none",
    reading::range_beyond_end: "a range that reaches beyond the end is Invalid, never a shorter answer",
    reading::facts: "head and list tell the true size and one and the same stamp, which never changes",
    listing::list_complete: "a listing yields every object below the prefix once and nothing else",
    listing::list_many: "a listing is complete however many objects there are",
    listing::list_segments: "a prefix is a number of whole segments, and an object of exactly that name is not below it",
    listing::list_nothing: "nothing below a valid prefix is an empty listing",
    listing::list_invalid: "what could not be a prefix of a name is Invalid",
    listing::list_immediate: "a listing begun after a put or delete returned shows it",
    deleting::delete: "a deleted object is gone by every way of reading",
    deleting::delete_missing: "to delete what does not exist succeeds",
    deleting::delete_only: "nothing else is deleted with it",
}

type Verdict = Result<(), Flaw>;

/// What is wrong with a storage.
struct Flaw(String);

impl From<Error> for Flaw {
    fn from(error: Error) -> Self {
        let source =
            std::error::Error::source(&error).map(|source| format!(" ({source})")).unwrap_or_default();
        Self(format!("{error}{source}"))
    }
}

fn name(text: &str) -> Result<Name, Flaw> {
    Ok(text.parse()?)
}

/// Bytes that differ at every offset that a mistake could confuse.
fn pattern(length: usize, seed: u8) -> Bytes {
    (0..length).map(|i| (i ^ (i >> 8) ^ (i >> 16)).to_le_bytes()[0] ^ seed).collect()
}

fn expect(right: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if right { Ok(()) } else { Err(Flaw(otherwise())) }
}

/// Expects an error of `kind`.
fn expect_error<T: fmt::Debug>(result: Result<T>, kind: ErrorKind, what: &str) -> Verdict {
    match result {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(Flaw(format!("{what} failed as {:?} instead of {kind:?}: {error}", error.kind()))),
        Ok(_) => Err(Flaw(format!("{what} succeeded instead of failing as {kind:?}"))),
    }
}

/// Expects exactly these names, given in order, below `prefix`.
async fn expect_names(storage: &dyn Storage, prefix: &str, names: &[&str]) -> Verdict {
    let listed = storage.list_all(prefix).await?;
    let listed: Vec<&str> = listed.iter().map(|object| object.name.as_str()).collect();
    expect(listed == names, || format!("the listing of {prefix:?} has {listed:?} instead of {names:?}"))
}
