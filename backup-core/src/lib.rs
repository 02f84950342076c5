//! Embeddable backup and restore: encrypted, deduplicating repositories of environments.
//!
//! A host hands over an [`Environment`] (databases and file trees, each behind an [`Engine`](engine::Engine)), a place to keep backups and a
//! key, and gets back complete backups that it can list, inspect, verify and restore. All of it happens inside the host's own process
//! and on its own tokio runtime: no daemon, no global state (but a list of the runs that the process does), no environment variable, no clock but the one passed in.
//!
//! # Tour
//!
//! Engines for real services are in the crate `backup-engines`. One of your own is small; this one keeps a note:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use backup_core::engine::{
//!     Artifact, Context, Engine, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Selection, ServiceReader, Sink, Snapshot, Target,
//! };
//! use backup_core::{Environment, Passphrase, Repository, Result};
//! # use futures_util::StreamExt as _;
//!
//! #[derive(Debug, Clone, Default)]
//! struct Note(Arc<Mutex<String>>);
//!
//! /// The note as it was when it was frozen.
//! struct Copy { text: String, sink: Arc<dyn Sink> }
//! struct Ready { note: Note, sink: Arc<dyn Sink> }
//!
//! #[async_trait::async_trait]
//! impl Engine for Note {
//!     fn kind(&self) -> &'static str { "note" }
//!
//!     async fn preflight(&self, _: &Context) -> Result<Preflight> { Ok(Preflight::default()) }
//!
//!     async fn prepare(&self, _: &Context, _: Option<Arc<dyn ServiceReader>>, sink: Arc<dyn Sink>) -> Result<Box<dyn Prepared>> {
//!         Ok(Box::new(Ready { note: self.clone(), sink }))
//!     }
//!
//!     async fn plan_restore(&self, _: &Context, _: Arc<dyn ServiceReader>, target: &Target, what: &Selection) -> Result<RestorePlan> {
//!         Ok(RestorePlan::new(target.clone(), what.clone()))
//!     }
//!
//!     async fn restore(&self, _: &Context, from: Arc<dyn ServiceReader>, _: RestorePlan) -> Result<RestoreSummary> {
//!         let (mut stream, mut bytes) = (from.stream("text").await?, Vec::new());
//!         while let Some(piece) = stream.next().await { bytes.extend_from_slice(&piece?); }
//!         *self.0.lock().unwrap() = String::from_utf8_lossy(&bytes).into_owned();
//!         Ok(RestoreSummary { written: 1, written_bytes: bytes.len() as u64, ..RestoreSummary::default() })
//!     }
//! }
//!
//! #[async_trait::async_trait]
//! impl Prepared for Ready {
//!     async fn freeze(self: Box<Self>, _: &Context) -> Result<Box<dyn Snapshot>> {
//!         Ok(Box::new(Copy { text: self.note.0.lock().unwrap().clone(), sink: self.sink }))
//!     }
//! }
//!
//! #[async_trait::async_trait]
//! impl Snapshot for Copy {
//!     fn point(&self) -> &str { "when it was copied" }
//!
//!     async fn stream(self: Box<Self>, _: &Context) -> Result<Facts> {
//!         let mut stream = self.sink.stream(Artifact::new("text")).await?;
//!         stream.write(self.text.into()).await?;
//!         stream.commit().await?;
//!         Ok(Facts::new())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let repository = Repository::open_or_create("memory:", Passphrase::from("correct horse battery staple")).await?;
//!
//! let note = Note::default();
//! *note.0.lock().unwrap() = "buy milk".into();
//! let home = Environment::new("home").service("note", note.clone());
//!
//! let made = repository.backup(&home).comment("before shopping").await?;
//! *note.0.lock().unwrap() = "lost".into();
//!
//! let backup = repository.find("latest").await?;
//! assert_eq!((backup.id, backup.comment.as_str()), (made.id, "before shopping"));
//! assert!(repository.verify(backup.id).read_data(true).await?.problems.is_empty());
//!
//! repository.restore(backup.id).in_place(&home).await?;
//! assert_eq!(*note.0.lock().unwrap(), "buy milk");
//! # Ok(())
//! # }
//! ```
//!
//! # What holds
//!
//! * A backup exists when its manifest is confirmed, and from then on it can be restored whole. A run that fails or is cancelled leaves no backup, one that is
//!   dropped or killed none or a whole one, and nothing that trips anyone; what it stored is used by the next run.
//! * Any number of processes may back up into one repository at the same time. There is no lock. Only prune works alone: backups fail as retryable while it deletes.
//! * Deleting goes in steps: [`forget`](Repository::forget) and [`delete`](Repository::delete) say so in a note, [`undelete`](Repository::undelete) takes it back, and only
//!   [`prune`](Repository::prune) removes data, after a grace period. Each shows a plan first.
//! * Requests ([`BackupRequest`], [`RestoreRequest`](restore::RestoreRequest), [`ListRequest`], [`ForgetRequest`], [`PruneRequest`] and the others) do nothing until awaited; their futures are `Send`.
//!   [`Repository`] is cheap to clone and may be shared.
//! * Buffers of one operation are bounded by [`RepositoryBuilder::memory`].
//! * Errors are one type, [`Error`]: its [`kind`](Error::kind) says what to do, its [`remedy`](Error::remedy) says it to people.
//! * Work on the CPU runs on tokio's blocking pool. A runtime with time enabled is needed.
//!
//! # Words
//!
//! | word | means |
//! |---|---|
//! | environment | named set of services backed up and restored together |
//! | service | one data source in an environment, served by one engine |
//! | engine | adapter that captures and restores one kind of service |
//! | snapshot | an engine's frozen, consistent view, held open only while a backup runs |
//! | artifact | one named stream or tree that a snapshot yields |
//! | backup | the stored, immutable, restorable state; also the act |
//! | manifest | the sealed record that *is* one backup |
//! | run | one attempt to make a backup, or to do something else with the repository, with a status |
//! | repository | everything in one storage under one set of keys |
//! | chunk | unit of deduplication, compression and sealing, about 1 MiB |
//! | extent | part of a chunk |
//! | pack | one stored object that holds many sealed chunks |
//! | index | chunk id to pack, offset, length |
//! | verify, check | one backup is readable; the repository is sound |
//! | forget, prune | drop backups by retention; delete data that nothing refers to |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `testing` | the conformance suite for engines and doubles of what a host gives |

mod backup;
mod catalog;
mod check;
#[doc(hidden)]
pub mod chunker;
mod chunks;
mod clock;
#[doc(hidden)]
pub mod compress;
mod delete;
mod diff;
pub mod engine;
mod environment;
mod error;
mod forget;
mod format;
mod id;
mod index;

mod note;
mod observer;
mod packer;
mod problem;
mod prune;
mod references;
mod repository;
pub mod restore;
mod run;
mod stats;
#[cfg(feature = "testing")]
pub mod testing;
mod tree;
mod undelete;
mod verify;

pub use backup_crypto as crypto;
pub use backup_policy as policy;
pub use backup_storage as storage;

pub use backup_crypto::{KdfParameters, KeyRing, OsRandom, Passphrase, Random};
pub use backup_policy::{Hold, Kind};
pub use backup_storage::{Location, Storage};
pub use tokio_util::sync::CancellationToken;

pub use backup::{BackupReport, BackupRequest};
pub use catalog::{
    ArtifactSummary, BackupInfo, BackupStatus, Consistency, Contents, EnvironmentInfo, LeftOut, ListRequest,
    RetentionGroup, ServiceInfo, Verification,
};
pub use check::{CheckReport, CheckRequest, Share};
pub use clock::{Clock, SystemClock};
pub use delete::{DeletePlan, DeleteRequest};
pub use diff::{Change, Diff, DiffItem, DiffKind, DiffRequest, DiffSummary, Difference};
pub use environment::{Environment, check_environment_name, check_service_name};
pub use error::{Error, ErrorKind, Result};
pub use forget::{ForgetDecision, ForgetGroup, ForgetPlan, ForgetReport, ForgetRequest, RefusedEnvironment};
pub use format::{BUNDLE_LIMIT, FORMAT};
pub use id::{BackupId, RunId};
pub use note::NoteRequest;
pub use observer::{Event, Notice, NoticeLevel, Observer, Phase, Progress, Silent};
pub use problem::Problem;
pub use prune::{PrunePlan, PruneReport, PruneRequest};
pub use repository::{IntoPlace, Place, Repository, RepositoryBuilder};
pub use run::{Operation, QueueRequest, RunFailure, RunInfo, RunStatus, RunsRequest};
pub use stats::{BackupStats, EnvironmentStats, GrowthMonth, GrowthPoint, Stats, StatsRequest, Totals};
pub use undelete::UndeleteRequest;
pub use verify::{VerifyReport, VerifyRequest};

/// What writes, unless the host says otherwise.
pub(crate) const PROGRAM: &str = concat!("backup-core ", env!("CARGO_PKG_VERSION"));
