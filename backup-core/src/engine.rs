//! The seam to what is backed up: adapters that capture and restore one kind of service.
//!
//! A backup drives an [`Engine`] through four calls, and so may drive several engines at one point in time:
//!
//! 1. [`preflight`](Engine::preflight): facts about the service, without side effects.
//! 2. [`prepare`](Engine::prepare): all that is slow and needs no pause. Yields a [`Prepared`].
//! 3. [`freeze`](Prepared::freeze): inside the pause, in milliseconds. Yields a [`Snapshot`] that names its point.
//! 4. [`stream`](Snapshot::stream): pushes the artifacts into the [`Sink`], as long as it takes.
//!
//! A restore is pulled: [`plan_restore`](Engine::plan_restore) says what would happen, as verdicts and counts, and
//! [`restore`](Engine::restore) does it, reading through a [`ServiceReader`].
//!
//! # Contract
//!
//! Each sentence in *italics* is one case of the `conformance` suite (feature `testing`), under the name in brackets.
//!
//! **Every engine.** *The kind is a lower-case word and never changes* (`kind`). *A call that has ended leaves nothing running*
//! (`nothing_left`), and dropping a future is as safe as a crash of the process. A context that is cancelled ends a call
//! soon, with [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled).
//!
//! **Backing up.** *Preflight changes nothing* (`preflight`). *What was backed up is what is restored* (`round_trip`), and *a backup with a
//! parent is as complete as one without* (`parent`): *a parent that is damaged costs time, not the backup*
//! (`damaged_parent`). With a pause, the backup holds the content at the freeze: *nothing that came later* (`pause`), *and all that changed since it was prepared* (`first_pass`). *The snapshot names its point* (`point`).
//! *A failed call of the sink fails the backup, with that error* (`sink_error`). *A cancelled backup ends with
//! `Cancelled`* (`cancelled_backup`). *A backup whose future is dropped hurts neither the service nor the next backup*
//! (`dropped_backup`).
//!
//! **Restoring.** *[`plan_restore`](Engine::plan_restore) changes nothing* (`plan`). *A plan counts what will be overwritten or
//! deleted* (`counts`). *Where nothing existing may be changed, a target with content is denied* (`refuse`), and *a denied plan
//! is not carried out* (`denied`). *A failed read of the backup fails the restore, with that error* (`reader_error`). *A
//! cancelled restore ends with `Cancelled`* (`cancelled_restore`), and *one whose future is dropped can be done again*
//! (`dropped_restore`).
//!
//! What core sees to by itself: an engine that fails or panics, an artifact that was begun and not committed, entries that are not in canonical order
//! ([`path_order`]) or come twice: none of them yields a backup.

mod artifact;
#[cfg(feature = "testing")]
pub mod conformance;
mod context;
mod entries;
mod quiesce;
mod sink;
mod source;
mod target;
mod verdict;

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub use artifact::{Artifact, ArtifactInfo, ArtifactKind, Layout};
pub use context::Context;
pub use entries::{
    Content, Entries, Entry, EntryKind, Extent, ExtentList, Metadata, StoredContent, Timestamp, path_order,
    printable_path,
};
pub use quiesce::{NoQuiesce, Quiesce};
pub use sink::{FileWriter, Sink, StreamWriter, TreeWriter};
pub use source::{Piece, ServiceReader, TreeReader};
pub use target::{Existing, Facts, RestorePlan, RestoreSummary, Selection, Target};
pub use verdict::{Verdict, VerdictLevel};

use crate::Result;

/// An adapter for one kind of service. Object-safe; hosts hold `Arc<dyn Engine>`.
#[async_trait]
pub trait Engine: Debug + Send + Sync + 'static {
    /// The kind of service, as a stable lower-case word stored in manifests: `files`, `sqlite`, `postgres`.
    fn kind(&self) -> &'static str;

    /// What the service is to its application. Lists say by it whether a backup is full, of the databases only or of the files only.
    fn role(&self) -> Role {
        Role::Database
    }

    /// Files and folders that only this engine may open while the process runs: others of the environment leave them out and say so
    /// ([`Context::reserved`]), and restoring others onto them is denied. None by default.
    fn reserves(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Looks at the service without side effects: what it is, how big it is, whether a backup can work.
    ///
    /// # Errors
    /// When a backup cannot work; the error says what to change.
    async fn preflight(&self, context: &Context) -> Result<Preflight>;

    /// Does all that is slow and needs no pause of the application: connects, takes inventory, and, if
    /// [`Context::pause_follows`], a first pass over the data.
    ///
    /// `parent` reads the same service of the backup that this one follows, if there is one.
    ///
    /// # Errors
    /// When the service cannot be read. Nothing is committed.
    async fn prepare(
        &self,
        context: &Context,
        parent: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>>;

    /// Says what a restore would do, as a plan that a person can judge and [`restore`](Self::restore) carries out. Changes
    /// nothing.
    ///
    /// # Errors
    /// When the plan cannot be made; what forbids a restore is a verdict, not an error.
    async fn plan_restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan>;

    /// Carries out a plan.
    ///
    /// # Errors
    /// When the target cannot be written or the backup not be read; the message says what is left.
    async fn restore(
        &self,
        context: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary>;
}

/// What a service is to its application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// It has the records that everything else belongs to. Frozen and read before files.
    Database,
    /// It has files that records refer to.
    Files,
}

/// A service that is ready to be frozen.
#[async_trait]
pub trait Prepared: Send {
    /// Opens the consistent view, inside the pause: milliseconds, never waiting for other clients longer than
    /// [`Context::remaining`].
    ///
    /// # Errors
    /// When no consistent view can be had in time. The backup is aborted, the application goes on.
    async fn freeze(self: Box<Self>, context: &Context) -> Result<Box<dyn Snapshot>>;
}

/// An engine's frozen, consistent view of a service, held open only while a backup runs.
#[async_trait]
pub trait Snapshot: Send {
    /// Names the point in time that the view shows, in the service's own terms (an LSN, a GTID, a time).
    fn point(&self) -> &str;

    /// Pushes all artifacts into the sink that [`Engine::prepare`] was given, and returns the facts to record.
    ///
    /// # Errors
    /// When the view could not be read whole; the backup then never exists.
    async fn stream(self: Box<Self>, context: &Context) -> Result<Facts>;
}

/// What an engine finds out before a backup.
#[derive(Debug, Clone, Default)]
pub struct Preflight {
    /// Facts about the service: version, dialect, options.
    pub facts: Facts,
    /// Bytes that a backup would read, if that can be known cheaply.
    pub size_estimate: Option<u64>,
    /// Whether a backup is advisable, with reasons and remedies.
    pub verdicts: Vec<Verdict>,
}
