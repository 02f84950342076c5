//! A simulation removes exactly what the policy would, and the moment it would.

use std::collections::BTreeSet;

use backup_policy::{Backup, Counting, Every, Keep, Kind, Life, Pick, Plan, Policy, Routine, Scenario};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::{prelude::*, sample::select};

use crate::{
    at,
    generate::{period, policy},
};

fn kind() -> impl Strategy<Value = Kind> {
    select(vec![Kind::Automatic, Kind::Nightly, Kind::Weekly, Kind::Manual])
}

fn routine() -> impl Strategy<Value = Routine> {
    let starts = select(vec!["2026-10-25T00:30:00Z", "2026-03-01T00:00:00Z", "2026-01-31T12:00:00Z"]);
    (20_u64..200, starts, kind()).prop_map(|(hours, anchor, kind)| {
        Routine::new(Every::new(hours * 3600, at(anchor)).unwrap()).of([kind])
    })
}

fn plan() -> impl Strategy<Value = Plan> {
    let window = prop::option::weighted(0.3, period());
    let parts = (policy(), prop::collection::vec(routine(), 1..3), window, any::<bool>());
    parts.prop_map(|(mut policy, routines, window, is_plain)| {
        if is_plain {
            policy = plain(policy);
        }
        if let Some(window) = window {
            policy = policy.recoverable_for(window);
        }
        routines.into_iter().fold(Plan::new(policy), Plan::by)
    })
}

/// A policy none of whose rules looks at what others keep, as simulations know a faster way for these.
fn plain(mut policy: Policy) -> Policy {
    policy.counting = Counting::Shared;
    policy.max_count = None;
    for rule in &mut policy.rules {
        if let Keep::Bucket(bucket) = &mut rule.keep {
            (bucket.pick, bucket.within, bucket.keep_oldest) = (Pick::Last, None, false);
        }
    }
    policy
}

/// The same backups, as the policy sees them.
fn backups(plan: &Plan, lives: &[Life]) -> Vec<Backup> {
    let kinds = |time: DateTime<Utc>| {
        let just_before = time - TimeDelta::nanoseconds(1);
        let runs = |routine: &&Routine| routine.schedule.next(just_before).unwrap().run_at() == time;
        plan.routines.iter().filter(runs).flat_map(|routine| routine.kinds.clone()).collect::<BTreeSet<_>>()
    };
    let backup = |(number, life): (usize, &Life)| {
        let mut backup =
            Backup::new(format!("{number:06}"), life.time).with_kinds(kinds(life.time)).verified();
        backup.completed_at = Some(life.completed_at);
        backup
    };
    lives.iter().enumerate().map(backup).collect()
}

fn kept(policy: &Policy, backups: &[Backup], now: DateTime<Utc>) -> BTreeSet<String> {
    policy.decide(backups, now).unwrap().kept().map(|decision| decision.id().to_owned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn backups_go_the_moment_the_policy_lets_them_go(plan in plan()) {
        let start = at("2026-01-01T00:00:00Z");
        let simulation = plan.simulate(&Scenario::new(start, 1)).unwrap();
        let all = backups(&plan, simulation.lives());
        let events: BTreeSet<DateTime<Utc>> = simulation
            .lives()
            .iter()
            .flat_map(|life| [Some(life.completed_at), life.removed_at])
            .flatten()
            .chain([at("2027-01-01T00:00:00Z")])
            .collect();
        let mut present: Vec<Backup> = Vec::new();
        for now in events {
            // Between events nothing is to be removed: up to just before this one, all is kept.
            let expected: BTreeSet<String> = present.iter().map(|backup| backup.id.clone()).collect();
            prop_assert_eq!(kept(&plan.policy, &present, now - TimeDelta::nanoseconds(1)), expected);
            let arrived = simulation.lives().iter().zip(&all).filter(|(life, _)| life.completed_at == now);
            present.extend(arrived.map(|(_, backup)| backup.clone()));
            let keeps = kept(&plan.policy, &present, now);
            present.retain(|backup| keeps.contains(&backup.id));
            let simulated = simulation.lives().iter().zip(&all);
            let simulated = simulated.filter(|(life, _)| {
                life.completed_at <= now && life.removed_at.is_none_or(|removed| removed > now)
            });
            prop_assert_eq!(simulated.map(|(_, backup)| backup.id.clone()).collect::<BTreeSet<_>>(), keeps);
        }
    }
}
