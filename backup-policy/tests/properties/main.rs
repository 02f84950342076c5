//! Properties of retention over random policies and groups of backups.
//!
//! Each runs on 10,000 cases, those that take longer on fewer. Those that need conditions state them by the
//! methods of `Case`.

mod change;
mod generate;
mod oracle;
mod questions;
mod recovery;

use std::collections::BTreeSet;

use backup_policy::{
    Anchor, Backup, Count, Counting, Expiry, Hold, Keep, Period, Pick, Policy, Rule, Status, Ttl, Verdict,
    Zone,
};
use chrono::{DateTime, Months, TimeDelta, Utc};
use proptest::{prelude::*, sample::Index};

use crate::{
    generate::{Case, case, instant, period, rule, zone},
    oracle::{Answer, library, naive},
};

fn with_rules() -> impl Strategy<Value = Case> {
    case().prop_filter("has rules", |case| !case.policy.rules.is_empty())
}

fn kept(policy: &Policy, backups: &[Backup], now: DateTime<Utc>) -> BTreeSet<String> {
    let decisions = policy.decide(backups, now).expect("generated policies are valid");
    decisions.kept().map(|decision| decision.id().to_owned()).collect()
}

fn surviving(policy: &Policy, backups: &[Backup], now: DateTime<Utc>) -> Vec<Backup> {
    let decisions = policy.decide(backups, now).expect("generated policies are valid");
    decisions.kept().map(|decision| decision.backup().clone()).collect()
}

fn is_counting(rule: &Rule) -> bool {
    matches!(rule.keep, Keep::Last(_) | Keep::Bucket(_))
}

/// Ages measured from the newest backup let one arrival push out any number.
fn measures_from_newest(rule: &Rule) -> bool {
    match &rule.keep {
        Keep::Within { anchor, .. } => *anchor == Anchor::Newest,
        Keep::Bucket(bucket) => bucket.within.is_some() && bucket.anchor == Anchor::Newest,
        _ => false,
    }
}

fn shifted(case: &Case, shift: impl Fn(DateTime<Utc>) -> DateTime<Utc>) -> (Vec<Backup>, DateTime<Utc>) {
    let mut backups = case.backups.clone();
    for backup in &mut backups {
        backup.time = shift(backup.time);
        backup.completed_at = backup.completed_at.map(&shift);
        for hold in &mut backup.holds {
            hold.until = hold.until.map(&shift);
        }
    }
    (backups, shift(case.now))
}

fn without_expiry(answer: &Answer) -> (bool, &BTreeSet<String>) {
    match answer {
        Answer::Kept(reasons, _) => (true, reasons),
        Answer::Removed(reasons) => (false, reasons),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn answers_are_those_of_the_naive_implementation(case in case()) {
        let decisions = case.decide();
        let (answers, log_keep_from) = naive(&case);
        prop_assert_eq!(oracle::answers(&decisions), answers);
        prop_assert_eq!(decisions.log_keep_from(), log_keep_from);
    }

    #[test]
    fn the_end_of_a_period_is_that_of_jiff(time in instant(), period in period(), zone in zone()) {
        prop_assert_eq!(period.add(time, &zone).unwrap(), oracle::add(time, &period, &zone));
    }

    #[test]
    fn dates_of_ends_never_go_back(a in instant(), b in instant(), period in period()) {
        // The weak form: ends themselves may change order by less than a day (January 30 and 31 plus one
        // month).
        let utc = Zone::utc();
        let (early, late) = (a.min(b), a.max(b));
        let (first, second) = (period.add(early, &utc).unwrap(), period.add(late, &utc).unwrap());
        prop_assert!(first.date_naive() <= second.date_naive() || first - second < TimeDelta::days(1));
        prop_assert!(first - second < TimeDelta::days(1));
    }

    #[test]
    fn every_backup_is_kept_for_a_reason_or_removed_for_one(case in case()) {
        let decisions = case.policy.decide(&case.backups, case.now).unwrap();
        let all: BTreeSet<&str> = case.backups.iter().map(|backup| backup.id.as_str()).collect();
        let kept: BTreeSet<&str> = decisions.kept().map(|decision| decision.id()).collect();
        let removed: BTreeSet<&str> = decisions.removed().map(|decision| decision.id()).collect();
        prop_assert!(kept.is_disjoint(&removed));
        prop_assert_eq!(&kept | &removed, all);
        for decision in decisions.iter() {
            let (is_kept, count) = match decision.verdict() {
                Verdict::Kept { reasons, .. } => (true, reasons.len()),
                Verdict::Removed { reasons } => (false, reasons.len()),
            };
            prop_assert_eq!(is_kept, decision.is_kept());
            prop_assert!(count > 0);
            let opening = if is_kept { "kept: " } else { "removed: " };
            prop_assert!(decision.to_string().starts_with(opening));
        }
    }

    #[test]
    fn deciding_again_about_what_is_kept_keeps_it(case in case()) {
        let mut case = case;
        if case.policy.max_count.is_some() {
            // Once the limit took the first or oldest, a protected one takes its place and another's under
            // the limit.
            case.policy.rules.retain(|rule| match &rule.keep {
                Keep::Bucket(bucket) => bucket.pick == Pick::Last && !bucket.keep_oldest,
                _ => true,
            });
        }
        let survivors = surviving(&case.policy, &case.backups, case.now);
        prop_assert_eq!(surviving(&case.policy, &survivors, case.now), survivors);
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        (case, backups) in case().prop_flat_map(|case| {
            let backups = Just(case.backups.clone()).prop_shuffle();
            (Just(case), backups)
        }),
    ) {
        let texts = |backups: &[Backup]| -> Vec<String> {
            let decisions = case.policy.decide(backups, case.now).unwrap();
            decisions.iter().map(|decision| format!("{decision:?} {decision}")).collect()
        };
        prop_assert_eq!(texts(&backups), texts(&case.backups));
    }

    #[test]
    fn a_hold_keeps_and_only_adds(case in case(), index in any::<Index>()) {
        let before = kept(&case.policy, &case.backups, case.now);
        let mut backups = case.backups.clone();
        if backups.is_empty() {
            return Ok(());
        }
        let held = index.get_mut(&mut backups);
        held.holds.push(Hold::open("litigation"));
        let id = held.id.clone();
        let after = kept(&case.policy, &backups, case.now);
        prop_assert!(after.contains(&id));
        prop_assert!(before.is_subset(&after));
    }

    #[test]
    fn the_newest_sound_backup_stays(case in case()) {
        let case = case.without_chains();
        let policy = case.policy.clone().at_least(1);
        let sound = case.backups.iter().filter(|b| b.status == Status::Completed && b.time <= case.now);
        if let Some(newest) = sound.max_by_key(|backup| (backup.time, &backup.id)) {
            prop_assert!(kept(&policy, &case.backups, case.now).contains(&newest.id));
        }
    }

    #[test]
    fn what_a_kept_backup_needs_is_kept(case in case()) {
        let ids: BTreeSet<&String> = case.backups.iter().map(|backup| &backup.id).collect();
        let kept = kept(&case.policy, &case.backups, case.now);
        for backup in case.backups.iter().filter(|backup| kept.contains(&backup.id)) {
            if let Some(parent) = backup.parent.as_ref().filter(|id| ids.contains(id)) {
                prop_assert!(kept.contains(parent), "{} without {}", backup.id, parent);
            }
        }
    }

    #[test]
    fn a_zone_with_a_fixed_offset_is_utc_with_other_times(case in case()) {
        let five_hours_east = case.policy.clone().in_zone("Etc/GMT-5".parse().unwrap());
        let utc = case.policy.clone().in_zone(Zone::utc());
        let (backups, now) = shifted(&case, |time| time + TimeDelta::hours(5));
        let there = library(&five_hours_east, &case.backups, case.now);
        let here = library(&utc, &backups, now);
        prop_assert_eq!(
            there.iter().map(|(id, answer)| (id, without_expiry(answer))).collect::<Vec<_>>(),
            here.iter().map(|(id, answer)| (id, without_expiry(answer))).collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_calendar_repeats_after_400_years(case in case()) {
        let mut policy = case.policy.clone().in_zone(Zone::utc());
        for rule in &mut policy.rules {
            if let Keep::Bucket(bucket) = &mut rule.keep {
                bucket.every = 1;
            }
        }
        let later = |time: DateTime<Utc>| time + Months::new(400 * 12);
        let (backups, now) = shifted(&case, later);
        let expected = library(&policy, &case.backups, case.now).into_iter().map(|(id, answer)| match answer {
            Answer::Kept(reasons, Expiry::At(end)) => (id, Answer::Kept(reasons, Expiry::At(later(end)))),
            other => (id, other),
        });
        prop_assert_eq!(library(&policy, &backups, now), expected.collect::<oracle::Answers>());
    }

    #[test]
    fn a_larger_count_or_longer_life_keeps_more(case in with_rules(), index in any::<Index>(), longer in 1_u32..4) {
        let case = case.without_max_count();
        let mut policy = case.policy.clone();
        match &mut index.get_mut(&mut policy.rules).keep {
            Keep::Last(Count::AtMost(n)) => *n += longer,
            Keep::Bucket(bucket) => match bucket.n {
                Count::AtMost(n) => bucket.n = Count::AtMost(n + longer),
                Count::All => bucket.within = None,
            },
            Keep::Ttl(ttl @ Ttl::For(_)) => *ttl = Ttl::For(Period::years(2 + longer)),
            _ => return Ok(()),
        }
        let before = kept(&case.policy, &case.backups, case.now);
        prop_assert!(before.is_subset(&kept(&policy, &case.backups, case.now)));
    }

    #[test]
    fn waiting_brings_nothing_back(case in case(), wait in period()) {
        let case = case.without_max_count().without_future().without_long_runs();
        let before = kept(&case.policy, &case.backups, case.now);
        let later = wait.add(case.now, &Zone::utc()).unwrap();
        prop_assert!(kept(&case.policy, &case.backups, later).is_subset(&before));
    }

    #[test]
    fn another_rule_keeps_more_if_it_covers_nothing_new(case in with_rules(), mut extra in rule()) {
        let case = case.without_max_count();
        extra.kinds = case.policy.rules[0].kinds.clone();
        let before = kept(&case.policy, &case.backups, case.now);
        prop_assert!(before.is_subset(&kept(&case.policy.clone().and(extra), &case.backups, case.now)));
    }

    #[test]
    fn an_arrival_displaces_one_backup_per_counting_rule(case in case()) {
        let mut case = case.without_max_count().without_future().without_chains().shared();
        case.policy.rules.retain(|rule| !measures_from_newest(rule));
        let before = kept(&case.policy, &case.backups, case.now);
        let mut backups = case.backups.clone();
        backups.push(Backup::new("zz", case.now).verified());
        let after = kept(&case.policy, &backups, case.now);
        let counting = case.policy.rules.iter().filter(|rule| is_counting(rule)).count();
        let with_oldest = |rule: &&Rule| matches!(&rule.keep, Keep::Bucket(bucket) if bucket.keep_oldest);
        let with_oldest = case.policy.rules.iter().filter(with_oldest).count();
        // The two minimums count as well.
        prop_assert!(before.difference(&after).count() <= counting + with_oldest + 2);
    }

    #[test]
    fn a_counting_rule_keeps_as_many_as_it_says_or_as_there_are(case in with_rules(), n in 0_u32..9) {
        let mut rule = case.policy.rules[0].clone();
        match &mut rule.keep {
            Keep::Last(count) => *count = Count::AtMost(n),
            Keep::Bucket(bucket) => {
                (bucket.within, bucket.keep_oldest, bucket.n) = (None, false, Count::AtMost(n));
            }
            _ => return Ok(()),
        }
        let count = |rule: &Rule| {
            let policy = Policy::keep(rule.clone()).and(Rule::last(0)).in_zone(case.policy.tz.clone());
            let policy = policy.at_least(0).at_least_verified(0);
            let decisions = policy.decide(&case.backups, case.now).unwrap();
            decisions
                .kept()
                .filter(|decision| match decision.verdict() {
                    Verdict::Kept { reasons, .. } => reasons.iter().any(|reason| reason.rule().is_some()),
                    Verdict::Removed { .. } => false,
                })
                .count()
        };
        let mut unlimited = rule.clone();
        match &mut unlimited.keep {
            Keep::Last(count) => *count = Count::All,
            Keep::Bucket(bucket) => bucket.n = Count::All,
            _ => {}
        }
        prop_assert_eq!(count(&rule), count(&unlimited).min(n as usize));
    }

    #[test]
    fn counts_bound_what_rules_keep(case in case()) {
        let decisions = case.policy.decide(&case.backups, case.now).unwrap();
        for rule in &case.policy.rules {
            let (n, oldest) = match &rule.keep {
                Keep::Last(Count::AtMost(n)) => (*n, 0),
                Keep::Bucket(bucket) => match bucket.n {
                    Count::AtMost(n) => (n, u32::from(bucket.keep_oldest)),
                    Count::All => continue,
                },
                _ => continue,
            };
            let of_rule = decisions.kept().filter(|decision| match decision.verdict() {
                Verdict::Kept { reasons, .. } => {
                    reasons.iter().any(|reason| reason.rule().is_some_and(|known| std::ptr::eq(known, rule)))
                }
                Verdict::Removed { .. } => false,
            });
            prop_assert!(of_rule.count() <= (n + oldest) as usize);
        }
        let sound = |b: &&Backup| b.status == Status::Completed && b.time <= case.now && b.parent.is_none();
        let sound = case.backups.iter().filter(sound).count();
        prop_assert!(decisions.kept().count() >= sound.min(case.policy.min_keep as usize));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn pruning_after_every_backup_ends_like_pruning_once(case in case()) {
        let mut case = case.without_max_count().without_future().without_chains().without_long_runs();
        let is_distinct = case.policy.counting == Counting::Distinct;
        // With an age limit the first or oldest may be gone, and then another one is the first or oldest.
        case.policy.rules.retain(|rule| match &rule.keep {
            Keep::Bucket(bucket) => {
                let is_plain = bucket.pick == Pick::Last && !bucket.keep_oldest;
                if is_distinct { is_plain && bucket.within.is_none() } else { is_plain || bucket.within.is_none() }
            }
            _ => true,
        });
        if is_distinct {
            // What a rule passes over must not depend on kinds that its own scope does not share.
            case.policy.rules.iter_mut().for_each(|rule| rule.kinds = None);
        }
        let mut arrivals = case.backups.clone();
        arrivals.sort_by_key(|backup| (backup.time, backup.id.clone()));
        let mut present = Vec::new();
        for backup in arrivals {
            let now = backup.time;
            present.push(backup);
            present = surviving(&case.policy, &present, now);
        }
        prop_assert_eq!(
            kept(&case.policy, &present, case.now),
            kept(&case.policy, &case.backups, case.now)
        );
    }
}
