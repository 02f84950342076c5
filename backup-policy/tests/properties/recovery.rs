//! Point-in-time recovery, told instant by instant.

use std::collections::BTreeSet;

use backup_policy::{Backup, Decisions, Period, Pitr, Status, Stretch};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{collection::vec, prelude::*};

use crate::generate::{Case, case, period};

/// A case with a window, and log in pieces.
fn with_log() -> impl Strategy<Value = (Case, Vec<Stretch>)> {
    let pieces = vec((-10_i64..45, 0_i64..12, 0_i64..3600), 0..8);
    (case(), period(), pieces).prop_map(|(mut case, window, pieces)| {
        let pitr = case.policy.pitr.take();
        case.policy.pitr = Some(pitr.unwrap_or(Pitr::window(window)));
        let base = case.backups.iter().map(|backup| backup.time).min().unwrap_or(case.now);
        let span = (case.now - base).max(TimeDelta::hours(1));
        let at =
            |tenths: i64, seconds: i64| base + TimeDelta::seconds(span.num_seconds() / 40 * tenths + seconds);
        let log = pieces.into_iter().map(|(from, length, seconds)| Stretch {
            from: at(from, seconds),
            until: at(from + length, seconds),
        });
        let log = log.collect();
        (case, log)
    })
}

fn bases<'a>(case: &'a Case, decisions: &Decisions<'_>) -> Vec<&'a Backup> {
    let scope = case.policy.pitr.as_ref().expect("a window").kinds.as_ref();
    let completed = |backup: &Backup| backup.completed_at.unwrap_or(backup.time);
    let is_base = |backup: &&Backup| {
        let decision = decisions.get(&backup.id).expect("of the group");
        let is_counted = backup.time <= case.now && completed(backup) <= case.now;
        let in_scope = scope.is_none_or(|kinds| !kinds.is_disjoint(&backup.kinds));
        decision.is_kept()
            && backup.status == Status::Completed
            && is_counted
            && in_scope
            && is_sound(case, backup)
    };
    let is_purged = |backup: &&Backup| {
        let purge = &case.policy.purge_on_deprovision;
        case.is_deprovisioned && !purge.is_empty() && backup.kinds.is_subset(purge)
    };
    case.backups.iter().filter(is_base).filter(|backup| !is_purged(backup)).collect()
}

fn is_sound(case: &Case, backup: &Backup) -> bool {
    let mut seen = BTreeSet::new();
    let mut current = backup;
    while let Some(parent) = &current.parent {
        let Some(parent) = case.backups.iter().find(|other| other.id == *parent) else { return false };
        if parent.status == Status::Failed || !seen.insert(&parent.id) || parent.id == backup.id {
            return false;
        }
        current = parent;
    }
    true
}

/// Whether all log from one instant to another is there, found by walking over the pieces.
fn has_log(log: &[Stretch], from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    let mut reached = from;
    loop {
        let next = log
            .iter()
            .filter(|piece| piece.from <= reached && piece.until >= reached)
            .map(|piece| piece.until)
            .max();
        match next {
            Some(end) if end >= until => return true,
            Some(end) if end > reached => reached = end,
            _ => return false,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn an_instant_is_recoverable_if_a_backup_and_all_log_since_are_there((case, log) in with_log()) {
        let decisions = case.decide();
        let recovery = decisions.recovery(&log);
        let bases = bases(&case, &decisions);
        let ends = log.iter().flat_map(|piece| [piece.from, piece.until]);
        let runs = bases.iter().flat_map(|base| [base.time, base.completed_at.unwrap_or(base.time)]);
        let second = TimeDelta::seconds(1);
        for instant in ends.chain(runs).flat_map(|at| [at - second, at, at + second]) {
            let expected = bases.iter().any(|base| {
                base.completed_at.unwrap_or(base.time) <= instant && has_log(&log, base.time, instant)
            });
            let said = recovery.spans.iter().any(|span| (span.from..=span.until).contains(&instant));
            prop_assert_eq!(said, expected, "{}", instant);
        }
        for (pair, gap) in recovery.spans.windows(2).zip(&recovery.gaps) {
            prop_assert!(pair[0].until < pair[1].from);
            prop_assert_eq!((gap.from, gap.until), (pair[0].until, pair[1].from));
        }
        prop_assert_eq!(recovery.gaps.len(), recovery.spans.len().saturating_sub(1));
    }

    #[test]
    fn the_log_that_is_kept_suffices_for_every_window((case, _) in with_log()) {
        let decisions = case.decide();
        let kept = decisions.log_spans();
        for base in bases(&case, &decisions) {
            prop_assert!(has_log(&kept, base.time, base.completed_at.unwrap_or(base.time)), "{:?}", base);
        }
        // With all log that is to be kept, nothing of the window is missing once a backup is old enough.
        let window: Period = case.policy.pitr.as_ref().expect("a window").window;
        let is_old = |base: &&Backup| {
            window.add(base.completed_at.unwrap_or(base.time), &case.policy.tz).expect("in range") <= case.now
        };
        let is_covered = bases(&case, &decisions).iter().any(is_old);
        prop_assert_eq!(decisions.recovery(&kept).is_window_met, is_covered);
    }
}
