//! Times without a backup that a plan does not notice.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Finding, finding::date};
use crate::{
    civil::DAY,
    error::Result,
    kind::Kind,
    period::Period,
    plan::Plan,
    rule::{Anchor, Keep, Pick, Rule, kinds_meet},
    schedule::{Cron, Schedule},
    zone::{Transitions, Zone},
};

/// How many runs of a schedule are looked at, and for how many days unless these are fewer than two.
const RUNS: usize = 5_000;
const DAYS: i64 = 800;

/// What one run makes.
struct Made {
    at: DateTime<Utc>,
    kinds: BTreeSet<Kind>,
}

/// The rules that keep backups for less than it takes until the next one, where nothing else keeps them.
pub(super) fn exposed(plan: &Plan, now: DateTime<Utc>) -> Result<Vec<Finding>> {
    if plan.policy.min_keep > 0 {
        return Ok(Vec::new());
    }
    let made = made(plan, now)?;
    let Some(last) = made.last() else { return Ok(Vec::new()) };
    let until = last.at.timestamp() + plan.policy.longest_period();
    let transitions = Transitions::covering(&plan.policy.tz, now.timestamp(), until);
    let rules = plan.policy.rules.iter().enumerate();
    let found = rules.filter(|&(index, _)| !is_backed(plan, index)).filter_map(|(_, rule)| {
        let covered: Vec<DateTime<Utc>> = made
            .iter()
            .filter(|made| kinds_meet(rule.kinds.as_ref(), &made.kinds))
            .map(|made| made.at)
            .collect();
        worst_gap(rule, &covered, &transitions)
    });
    Ok(found.collect())
}

/// The runs of all routines, in their order.
fn made(plan: &Plan, now: DateTime<Utc>) -> Result<Vec<Made>> {
    let mut made = Vec::new();
    for routine in &plan.routines {
        let slots = routine.schedule.after(now)?.take(RUNS).enumerate();
        let near =
            slots.take_while(|(index, slot)| *index < 2 || slot.run_at() - now < TimeDelta::days(DAYS));
        for (_, slot) in near {
            made.push(Made { at: slot.run_at(), kinds: routine.kinds_of(&slot)? });
        }
    }
    made.sort_by_key(|made| made.at);
    Ok(made)
}

/// Whether something else keeps what this rule keeps at least as long.
fn is_backed(plan: &Plan, index: usize) -> bool {
    let rule = &plan.policy.rules[index];
    let Some(kept) = time_left(rule) else { return true };
    let others = plan.policy.rules.iter().enumerate().filter(|&(other, _)| other != index);
    let is_backing = |(position, other): (usize, &Rule)| match time_left(other) {
        Some(longer) => {
            let is_equal = kept.is_never_shorter_than(&longer);
            longer.is_never_shorter_than(&kept) && (!is_equal || position < index)
        }
        None => !other.keeps_nothing() && !matches!(other.keep, Keep::Tags(_)),
    };
    let by_window = plan.policy.pitr.as_ref().is_some_and(|pitr| match (&pitr.kinds, &rule.kinds) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(kinds), Some(fewer)) => fewer.is_subset(kinds),
    });
    by_window || others.filter(|(_, other)| other.covers_all_of(rule)).any(is_backing)
}

/// For how long a rule keeps the newest backup while no others come; none if for as long as none do.
fn time_left(rule: &Rule) -> Option<Period> {
    match (&rule.keep, rule.age()) {
        // Other findings are about first picks.
        (Keep::Bucket(bucket), _) if bucket.pick == Pick::First => None,
        (_, Some((period, Anchor::Now))) => period,
        _ => None,
    }
}

fn worst_gap(rule: &Rule, covered: &[DateTime<Utc>], transitions: &Transitions) -> Option<Finding> {
    let kept = time_left(rule)?;
    let gaps = covered.windows(2).map(|pair| (pair[1] - transitions.add(pair[0], &kept), pair[1] - pair[0]));
    let (exposed, interval) = gaps.max().filter(|(exposed, _)| *exposed >= TimeDelta::zero())?;
    let is_enough =
        |period: &Period| covered.windows(2).all(|pair| transitions.add(pair[0], period) > pair[1]);
    let interval_s = interval.num_seconds();
    let fix = Period::just_beyond(interval_s);
    // A day that clocks shorten may make the shortest remedy too short.
    let fix = if is_enough(&fix) { fix } else { Period::just_beyond(interval_s + DAY) };
    Some(Finding::Exposed { rule: rule.reason(), interval_s, kept, exposed_s: exposed.num_seconds(), fix })
}

/// The next day of which clocks skip all times that a schedule names, within two years.
pub(super) fn skipped_day(schedule: &Schedule, now: DateTime<Utc>) -> Result<Option<Finding>> {
    const AHEAD: i64 = 2 * 366 * DAY;
    let Schedule::Cron(cron) = schedule else { return Ok(None) };
    let zone = cron.zone();
    let until = now.timestamp() + AHEAD;
    let transitions = Transitions::covering(zone, now.timestamp(), until);
    // The same times without a clock change: what the wall's clock shows, as if that were UTC.
    let undisturbed = Schedule::from(Cron::clone(cron).in_zone(Zone::utc()));
    let mut change = zone.span(now.timestamp()).end;
    while change < until {
        let span = zone.span(change);
        change = span.end;
        if span.gap().is_empty() {
            continue;
        }
        let days = span.gap().start.div_euclid(DAY);
        let (midnight, next_midnight) = (days * DAY, (days + 1) * DAY);
        let is_named = has_run(&undisturbed, midnight, next_midnight)?;
        if is_named && !has_run(schedule, transitions.instant(midnight), transitions.instant(next_midnight))?
        {
            return Ok(Some(Finding::SkippedDay { schedule: schedule.clone(), date: date(days) }));
        }
    }
    Ok(None)
}

/// Whether a run comes from one second up to another.
fn has_run(schedule: &Schedule, from: i64, until: i64) -> Result<bool> {
    let before = |seconds: i64| DateTime::from_timestamp(seconds - 1, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Ok(schedule.count(before(from), before(until))? > 0)
}
