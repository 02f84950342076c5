//! What a run writes into its manifest.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::BackupRequest;
use super::capture::{Captured, Made};
use crate::engine::Role;
use crate::format::manifest::{Body, Manifest, ServiceRecord};
use crate::format::references::ReferenceBuilder;
use crate::observer::{Notice, NoticeLevel};
use crate::packer::Packed;
use crate::{Result, catalog::Consistency};

impl BackupRequest {
    pub(super) fn manifest(
        &self,
        made: &Made,
        stamp: DateTime<Utc>,
        started_at: DateTime<Utc>,
        packed: &Packed,
        notices: &[Notice],
    ) -> Result<Manifest> {
        let mut references = ReferenceBuilder::default();
        let services = made
            .services
            .iter()
            .map(|service| service.record(&mut references))
            .collect::<Result<Vec<_>>>()?;
        let consistency = self.consistency();
        let body = Body {
            environment: self.environment.name.clone(),
            started_at_ms: started_at.timestamp_millis(),
            finished_at_ms: self.repository.clock().now().timestamp_millis(),
            stamp_ms: stamp.timestamp_millis(),
            heads: made.parents.heads.clone(),
            parent: made.parents.newest,
            kinds: self.kinds.clone(),
            created_by: self.created_by.clone(),
            comment: self.comment.clone(),
            tags: self.tags.clone(),
            facts: self.environment.facts.clone(),
            consistency,
            pause_us: microseconds(made.pause),
            gap_us: microseconds(gap(&made.services, consistency == Consistency::Frozen)),
            warnings: notices.iter().filter(|notice| notice.level == NoticeLevel::Warning).count() as u64,
            stored_bytes: packed.totals.stored_bytes,
            program: self.program.clone(),
            services,
            left_out: made.left_out.clone(),
        };
        Ok(Manifest { references: references.take(), body })
    }
}

impl Captured {
    fn record(&self, references: &mut ReferenceBuilder) -> Result<ServiceRecord> {
        let mut artifacts =
            self.made.iter().map(|made| made.record(references)).collect::<Result<Vec<_>>>()?;
        artifacts.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(ServiceRecord {
            name: self.name.clone(),
            engine: self.engine.into(),
            role: self.role,
            point: self.point.clone(),
            started_at_ms: self.started_at.timestamp_millis(),
            frozen_at_ms: self.frozen_at.timestamp_millis(),
            pause_us: microseconds(self.pause),
            facts: self.facts.clone(),
            files: self.totals.files,
            changed_bytes: self.totals.changed_bytes,
            artifacts,
        })
    }
}

/// The widest time between what two services show. A database shows the moment at which it was frozen; so do files within a
/// pause. Without one, files are read as they are, so what they show may be as late as the end of reading them.
fn gap(services: &[Captured], paused: bool) -> Duration {
    let latest = |service: &Captured| match service.role {
        Role::Files if !paused => service.ended,
        _ => service.frozen,
    };
    let mut widest = Duration::ZERO;
    for (place, one) in services.iter().enumerate() {
        for other in services.iter().skip(place + 1) {
            let later = latest(other).saturating_sub(one.frozen);
            widest = widest.max(later).max(latest(one).saturating_sub(other.frozen));
        }
    }
    widest
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
