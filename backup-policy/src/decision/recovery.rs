use chrono::{DateTime, Utc};

use super::Decisions;
use crate::{
    backup::Status,
    pitr::{Recovery, Stretch, joined},
};

impl Decisions<'_> {
    /// The instant from which the log (WAL, binlog) must be kept for [`Policy::pitr`](crate::Policy::pitr):
    /// the start of the backup that begins the window, or of the earliest-completed one while none is old
    /// enough. `None` without a window or a backup.
    ///
    /// What is older may go, except what [`Decisions::log_spans`] names.
    pub fn log_keep_from(&self) -> Option<DateTime<Utc>> {
        self.bases.first_needed().map(|base| self.group.time(base))
    }

    /// All log that must be kept, oldest first, without overlaps: what changed during the run of each other
    /// kept backup, and everything from [`Decisions::log_keep_from`] on, which is the last stretch and ends
    /// at the decision's now.
    ///
    /// A backup taken while its source was in use is restorable only with the log of its own run. Empty
    /// without a window.
    pub fn log_spans(&self) -> Vec<Stretch> {
        let Some(keep_from) = self.log_keep_from() else { return Vec::new() };
        let kept = self.kept().map(|decision| decision.backup());
        let runs =
            kept.filter(|backup| backup.status != Status::Failed && backup.time < keep_from).map(|backup| {
                let until = if backup.status == Status::Running { self.now } else { backup.completed() };
                Stretch { from: backup.time, until }
            });
        joined(runs.chain([Stretch { from: keep_from, until: self.now }]).collect())
    }

    /// Which instants can be recovered with what is kept and this log.
    ///
    /// `log` lists the stretches of log that exist, in any order. A backup begins a recovery if the log of
    /// its whole run exists, and reaches as far as the log goes on without a gap. Nothing is recoverable
    /// without [`Policy::pitr`](crate::Policy::pitr).
    pub fn recovery(&self, log: &[Stretch]) -> Recovery {
        let log = joined(log.to_vec());
        let mut begins: Vec<Option<DateTime<Utc>>> = vec![None; log.len()];
        // Bases come in the order of their ends, so the first that fits a stretch opens it.
        for backup in self.bases.iter().filter(|&base| self.is_kept(base)).map(|base| self.group.at(base)) {
            let end = backup.completed();
            let stretch = log.partition_point(|stretch| stretch.until < end);
            if log.get(stretch).is_some_and(|stretch| stretch.from <= backup.time) {
                begins[stretch].get_or_insert(end);
            }
        }
        let is_window_met =
            begins.last().copied().flatten().is_some_and(|begin| self.is_window_back_to(begin));
        let recoverable = begins.iter().zip(&log);
        let spans: Vec<Stretch> = recoverable
            .filter_map(|(begin, stretch)| begin.map(|from| Stretch { from, until: stretch.until }))
            .collect();
        let gaps =
            spans.windows(2).map(|pair| Stretch { from: pair[0].until, until: pair[1].from }).collect();
        Recovery { spans, gaps, is_window_met }
    }

    fn is_window_back_to(&self, instant: DateTime<Utc>) -> bool {
        let window = self.policy.pitr.as_ref().map(|pitr| &pitr.window);
        window.is_some_and(|window| self.transitions.add(instant, window) <= self.now)
    }
}
