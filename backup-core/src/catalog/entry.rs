//! One backup in the catalog: what its manifest says in short, and what was said about it later.

use std::sync::Arc;
use std::time::Duration;

use backup_storage::Object;
use chrono::{DateTime, Utc};

use super::{
    ArtifactSummary, BackupInfo, BackupStatus, Contents, LeftOut, ServiceInfo, Verification, to_time,
};
use crate::engine::ArtifactKind;
use crate::format::manifest::{ArtifactRecord, Body, LeftOutRecord, ServiceRecord};
use crate::format::names::ManifestName;
use crate::note::BackupNotes;

/// One backup in the catalog.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) name: ManifestName,
    /// The manifest.
    pub(crate) object: Object,
    pub(crate) confirmed: bool,
    /// What the manifest says. Where its contents are may be missing: whoever reads them reads the manifest.
    pub(crate) body: Arc<Body>,
    pub(crate) notes: BackupNotes,
}

impl Entry {
    /// When it began.
    pub(crate) fn created_at(&self) -> DateTime<Utc> {
        created_at(&self.body)
    }

    /// Whether it is there to be restored.
    pub(crate) fn status(&self, now: DateTime<Utc>) -> BackupStatus {
        if self.notes.state.is_deleted(now) {
            BackupStatus::Deleted
        } else if self.confirmed {
            BackupStatus::Completed
        } else {
            BackupStatus::Unconfirmed
        }
    }

    /// What a person sees of it.
    pub(crate) fn info(&self, now: DateTime<Utc>) -> BackupInfo {
        let body: &Body = &self.body;
        let said = &self.notes.state;
        let services: Vec<ServiceInfo> = body.services.iter().map(ServiceRecord::info).collect();
        let left_out: Vec<LeftOut> = body.left_out.iter().map(LeftOutRecord::info).collect();
        let sum = |of: fn(&ServiceInfo) -> u64| services.iter().map(of).fold(0, u64::saturating_add);
        let contents = Contents::of(&services, &left_out);
        let status = self.status(now);
        let mut tags = body.tags.clone();
        tags.retain(|tag| said.tags.get(tag) != Some(&false));
        tags.extend(said.tags.iter().filter(|(_, added)| **added).map(|(tag, _)| tag.clone()));
        BackupInfo {
            id: self.name.id,
            environment: body.environment.clone(),
            status,
            created_at: self.created_at(),
            finished_at: to_time(body.finished_at_ms),
            kinds: said.kinds.as_ref().unwrap_or(&body.kinds).clone(),
            created_by: body.created_by.clone(),
            comment: said.comment.as_ref().unwrap_or(&body.comment).clone(),
            tags,
            facts: body.facts.clone(),
            contents,
            restorable: status == BackupStatus::Completed
                && contents.is_whole()
                && !said.verified.is_some_and(Verification::found_damage),
            entries: sum(|service| service.entries),
            files: sum(|service| service.files),
            logical_bytes: sum(|service| service.bytes),
            changed_bytes: sum(|service| service.changed_bytes),
            services,
            left_out,
            stored_bytes: body.stored_bytes,
            consistency: body.consistency,
            pause: Duration::from_micros(body.pause_us),
            gap: Duration::from_micros(body.gap_us),
            warnings: body.warnings,
            parent: body.parent,
            program: body.program.clone(),
            holds: said.holds.clone(),
            verified: said.verified,
            pinned_until: said.pinned_until,
            deleted_at: said.deletion.as_ref().map(|deletion| deletion.at),
        }
    }
}

/// When a backup began: the storage's stamp of the object by which its run said that it runs.
pub(super) fn created_at(body: &Body) -> DateTime<Utc> {
    to_time(body.stamp_ms)
}

impl LeftOutRecord {
    fn info(&self) -> LeftOut {
        let Self { name, engine, role, failure } = self.clone();
        LeftOut { name, engine, role, failure }
    }
}

impl ServiceRecord {
    fn info(&self) -> ServiceInfo {
        let summary = |artifact: &ArtifactRecord| ArtifactSummary {
            name: artifact.name.clone(),
            kind: artifact.kind,
            entries: artifact.entries,
            bytes: artifact.bytes,
        };
        let artifacts: Vec<_> = self.artifacts.iter().map(summary).collect();
        let entries = |artifact: &ArtifactSummary| match artifact.kind {
            ArtifactKind::Tree => artifact.entries,
            ArtifactKind::Stream => 1,
        };
        ServiceInfo {
            name: self.name.clone(),
            engine: self.engine.clone(),
            role: self.role,
            point: self.point.clone(),
            frozen_at: to_time(self.frozen_at_ms),
            pause: Duration::from_micros(self.pause_us),
            facts: self.facts.clone(),
            entries: artifacts.iter().map(entries).fold(0, u64::saturating_add),
            files: self.files,
            bytes: artifacts.iter().map(|artifact| artifact.bytes).fold(0, u64::saturating_add),
            changed_bytes: self.changed_bytes,
            artifacts,
        }
    }
}
