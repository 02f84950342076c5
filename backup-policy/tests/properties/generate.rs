//! Random policies and groups of backups around places where calendars are difficult.

use std::collections::BTreeSet;

use backup_policy::{
    Anchor, Backup, Bucket, Count, Counting, Decisions, Hold, Kind, Period, Pitr, Policy, Rule, Status, Unit,
    Zone,
};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::{Index, select},
};

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) policy: Policy,
    pub(crate) backups: Vec<Backup>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) is_deprovisioned: bool,
}

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "Pacific/Apia",
    "Asia/Kolkata",
    "America/Juneau",
];

/// Clock changes in the zones above, ends of months and years, a leap day.
///
/// In Juneau, 1867-10-18 was a day of 48 hours.
const BASES: [&str; 9] = [
    "1867-10-18T18:00:00Z",
    "2026-10-25T00:30:00Z",
    "2027-03-28T00:45:00Z",
    "2026-04-04T14:40:00Z",
    "2026-10-03T15:20:00Z",
    "2010-11-07T02:15:00Z",
    "2011-12-30T09:50:00Z",
    "2024-02-29T23:30:00Z",
    "2026-12-31T23:59:59Z",
];

const STEPS: [i64; 7] = [1, 20 * 60, 3600, 6 * 3600, 86_400, 7 * 86_400, 30 * 86_400];

pub(crate) const PERIODS: [&str; 12] =
    ["PT1H", "PT36H", "P1D", "P2D", "P6D", "P1W", "P1M", "P3M", "P1Y", "P22W", "P1M2DT3H", "P2Y6MT90M"];

pub(crate) fn zone() -> impl Strategy<Value = Zone> {
    select(ZONES.as_slice()).prop_map(|name| name.parse().expect("a known zone"))
}

pub(crate) fn instant() -> impl Strategy<Value = DateTime<Utc>> {
    let parts = (select(BASES.as_slice()), select(STEPS.as_slice()), -30_i64..30, 0_i64..3600, any::<bool>());
    parts.prop_map(|(base, step, steps, shift, is_shifted)| {
        let base: DateTime<Utc> = base.parse().expect("RFC 3339");
        base + TimeDelta::seconds(step * steps + if is_shifted { shift } else { 0 })
    })
}

pub(crate) fn period() -> impl Strategy<Value = Period> {
    select(PERIODS.as_slice()).prop_map(|text| text.parse().expect("a period"))
}

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Automatic, Kind::Nightly, Kind::Weekly, Kind::Manual, Kind::Custom("drill".into())])
}

fn count() -> impl Strategy<Value = Count> {
    prop_oneof![4 => (0_u32..6).prop_map(Count::AtMost), 1 => Just(Count::All)]
}

fn anchor() -> impl Strategy<Value = Anchor> {
    select(vec![Anchor::Newest, Anchor::Now])
}

fn bucket() -> impl Strategy<Value = Bucket> {
    let units = vec![
        Unit::Minutely,
        Unit::Hourly,
        Unit::Daily,
        Unit::Weekly,
        Unit::Monthly,
        Unit::Quarterly,
        Unit::Yearly,
    ];
    let within = option::weighted(0.3, (period(), anchor()));
    let parts = (select(units), count(), 1_u32..5, any::<[bool; 2]>(), within);
    parts.prop_map(|(unit, n, every, [is_first, keep_oldest], within)| {
        let mut bucket = Bucket::new(unit, n).every(if every == 4 { 1 } else { every });
        if is_first {
            bucket = bucket.first();
        }
        if keep_oldest {
            bucket = bucket.keep_oldest();
        }
        match within {
            Some((period, anchor)) => bucket.within(period, anchor),
            None => bucket,
        }
    })
}

pub(crate) fn rule() -> impl Strategy<Value = Rule> {
    let tags = vec(btree_set(select(vec!["a", "b", "c"]), 1..3), 1..3);
    let keep = prop_oneof![
        2 => count().prop_map(Rule::last),
        6 => bucket().prop_map(Rule::from),
        1 => period().prop_map(Rule::within),
        1 => period().prop_map(Rule::within_of_now),
        2 => period().prop_map(Rule::ttl),
        1 => Just(Rule::forever()),
        1 => tags.prop_map(|mut lists| Rule::tagged(lists.remove(0))),
    ];
    let kinds = option::weighted(0.4, btree_set(kind(), 1..3));
    (keep, kinds, option::weighted(0.2, select(vec!["abc", "daily", "xyz"]))).prop_map(
        |(rule, kinds, name)| {
            let rule = match kinds {
                Some(kinds) => rule.of(kinds),
                None => rule,
            };
            match name {
                Some(name) => rule.named(name),
                None => rule,
            }
        },
    )
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let max_count = option::weighted(0.25, (0_u32..12, option::of(btree_set(kind(), 1..3))));
    let parts =
        (vec(rule(), 0..5), zone(), any::<[bool; 2]>(), max_count, 0_u32..3, 0_u32..3, option::of(period()));
    let pitr = option::weighted(0.3, (period(), option::weighted(0.4, btree_set(kind(), 1..3))));
    let purge = prop_oneof![1 => Just(BTreeSet::new()), 1 => btree_set(kind(), 1..4)];
    (parts, pitr, purge).prop_map(|(parts, pitr, purge)| {
        let (rules, zone, [from_sunday, is_distinct], max_count, newest, verified, failed) = parts;
        let mut policy = Policy::keep_everything().in_zone(zone).at_least(newest).at_least_verified(verified);
        policy.rules = rules;
        policy.failed_ttl = failed;
        policy.purge_on_deprovision = purge;
        policy.pitr = pitr.map(|(window, kinds)| match kinds {
            Some(kinds) => Pitr::window(window).of(kinds),
            None => Pitr::window(window),
        });
        if from_sunday {
            policy = policy.weeks_from_sunday();
        }
        if is_distinct {
            policy.counting = Counting::Distinct;
        }
        match max_count {
            Some((n, Some(kinds))) => policy.at_most_of(n, kinds),
            Some((n, None)) => policy.at_most(n),
            None => policy,
        }
    })
}

fn backup() -> impl Strategy<Value = (Backup, Option<Index>)> {
    let status =
        prop_oneof![8 => Just(Status::Completed), 1 => Just(Status::Failed), 1 => Just(Status::Running)];
    let hold = option::weighted(0.1, option::of(instant()));
    let parts = (
        instant(),
        btree_set(kind(), 1..3),
        status,
        any::<bool>(),
        btree_set(select(vec!["a", "b", "c"]), 0..3),
        hold,
        option::weighted(0.2, any::<Index>()),
        option::weighted(0.4, (select(STEPS.as_slice()), 0_i64..4)),
        0_u64..1000,
    );
    parts.prop_map(|(time, kinds, status, is_verified, tags, hold, parent, run, size)| {
        let mut backup = Backup::new("", time).with_kinds(kinds).with_status(status).with_size(size);
        backup.completed_at = run.map(|(step, steps)| time + TimeDelta::seconds(step * steps));
        backup.verified = is_verified;
        backup.tags = tags.into_iter().map(str::to_owned).collect();
        backup.holds = match hold {
            Some(Some(until)) => vec![Hold::until("h", until)],
            Some(None) => vec![Hold::open("h")],
            None => Vec::new(),
        };
        (backup, parent)
    })
}

/// Backups around one base, so that they share days, months and clock changes.
pub(crate) fn backups() -> impl Strategy<Value = Vec<Backup>> {
    let times = (instant(), select(STEPS.as_slice()));
    let shifts = vec((backup(), 0_i64..40, option::of(0_i64..3600), any::<bool>()), 0..28);
    (times, shifts).prop_map(|((base, step), drafts)| {
        let count = drafts.len();
        let mut backups = Vec::new();
        for (number, ((mut backup, parent), steps, shift, is_near)) in drafts.into_iter().enumerate() {
            // Ids neither rise with time nor repeat.
            backup.id = format!("{}{number}", ["x", "b", "m"][number % 3]);
            if is_near || number % 4 != 0 {
                let run = backup.completed_at.map(|end| end - backup.time);
                backup.time = base + TimeDelta::seconds(step * steps + shift.unwrap_or(0));
                backup.completed_at = run.map(|run| backup.time + run);
            }
            // One index beyond the end names a backup that does not exist; some name a descendant or
            // themselves.
            backup.parent = parent.map(|index| {
                let number = index.index(count + 1);
                format!("{}{number}", ["x", "b", "m"][number % 3])
            });
            backups.push(backup);
        }
        backups
    })
}

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let is_deprovisioned = prop_oneof![4 => Just(false), 1 => Just(true)];
    let instant = (any::<Index>(), select(STEPS.as_slice()), -2_i64..10);
    (policy(), backups(), instant, is_deprovisioned).prop_map(
        |(policy, backups, (index, step, steps), is_deprovisioned)| {
            let mut times: Vec<DateTime<Utc>> = backups.iter().map(|backup| backup.time).collect();
            times.sort();
            // Mostly after all backups, sometimes between them.
            let base = match times.last() {
                Some(newest) if index.index(4) > 0 => *newest,
                Some(_) => times[index.index(times.len())],
                None => BASES[0].parse().expect("RFC 3339"),
            };
            Case { policy, backups, now: base + TimeDelta::seconds(step * steps), is_deprovisioned }
        },
    )
}

impl Case {
    /// What the policy says, whether or not the source still exists.
    pub(crate) fn decide(&self) -> Decisions<'_> {
        let decisions = match self.is_deprovisioned {
            true => self.policy.decide_deprovisioned(&self.backups, self.now),
            false => self.policy.decide(&self.backups, self.now),
        };
        decisions.expect("generated policies are valid")
    }

    /// Nothing dated later than now.
    pub(crate) fn without_future(mut self) -> Self {
        self.now = self.backups.iter().map(|backup| backup.time).fold(self.now, DateTime::max);
        self
    }

    /// No backup needs another.
    pub(crate) fn without_chains(mut self) -> Self {
        self.backups.iter_mut().for_each(|backup| backup.parent = None);
        self
    }

    /// Every run ends when it begins, so none that is completed ends later than now.
    pub(crate) fn without_long_runs(mut self) -> Self {
        self.backups.iter_mut().for_each(|backup| backup.completed_at = None);
        self
    }

    pub(crate) fn without_max_count(mut self) -> Self {
        self.policy.max_count = None;
        self
    }

    pub(crate) fn shared(mut self) -> Self {
        self.policy.counting = Counting::Shared;
        self
    }
}
