use backup_policy::{Backup, Hold, Kind, Period, Policy, Rule, Status};
use chrono::TimeDelta;

use crate::{at, keep, series};

const NOW: &str = "2026-02-01T00:00:00Z";

fn kept(policy: &Policy, backups: &[Backup]) -> Vec<String> {
    let decisions = policy.decide_deprovisioned(backups, at(NOW)).unwrap();
    decisions.kept().map(|decision| decision.id().to_owned()).collect()
}

/// Two automatic backups, a manual one that is automatic too, a final one.
fn leftovers() -> Vec<Backup> {
    let mut set = series("2026-01-28T00:00:00Z", TimeDelta::days(1), 4);
    set[2].kinds.insert(Kind::Manual);
    set[3].kinds = [Kind::Final].into();
    set
}

#[test]
fn a29_automatic_backups_go_and_others_follow_their_rules() {
    let policy = keep(Rule::forever().of([Kind::Manual, Kind::Final]))
        .and(Rule::daily(30).of([Kind::Automatic]))
        .purging([Kind::Automatic]);
    assert_eq!(kept(&policy, &leftovers()), ["2026-01-30T00:00", "2026-01-31T00:00"]);
    let set = leftovers();
    let decisions = policy.decide_deprovisioned(&set, at(NOW)).unwrap();
    assert_eq!(decisions.explain("2026-01-28T00:00").unwrap(), "removed: its source was deprovisioned");
    // While the source lives, nothing is purged.
    assert_eq!(policy.decide(&set, at(NOW)).unwrap().kept().count(), 4);
}

#[test]
fn a12_a25_final_backups_stay_or_go_by_their_rule() {
    let automatic = || Policy::keep(Rule::daily(30).of([Kind::Automatic])).purging([Kind::Automatic]);
    let finals = |policy: Policy| kept(&policy, &leftovers()).contains(&"2026-01-31T00:00".to_owned());
    assert!(finals(automatic().and(Rule::forever().of([Kind::Final]))));
    assert!(!finals(automatic().and(Rule::last(0).of([Kind::Final]))));
    // No rule for them: nobody said that they shall go.
    assert!(finals(automatic()));
}

#[test]
fn the_minimums_end_with_the_source() {
    let mut set = leftovers();
    set.iter_mut().for_each(|backup| backup.verified = true);
    let policy = Policy::keep(Rule::last(0)).at_least(2).at_least_verified(2);
    assert_eq!(policy.decide(&set, at(NOW)).unwrap().kept().count(), 2);
    assert!(kept(&policy, &set).is_empty());
}

#[test]
fn holds_chains_and_what_runs_outlive_the_source() {
    let mut set = leftovers();
    set[0].holds.push(Hold::open("litigation"));
    set[3].parent = Some(set[1].id.clone());
    let policy = keep(Rule::forever().of([Kind::Manual, Kind::Final])).purging([Kind::Automatic]);
    assert_eq!(kept(&policy, &set).len(), 4);
    let running = [set[1].clone().with_status(Status::Running)];
    assert_eq!(kept(&policy, &running).len(), 1);
    // A window of recovery still protects what it does not purge.
    let policy = keep(Rule::last(0)).recoverable_for(Period::days(1)).purging([Kind::Automatic]);
    let decisions = policy.decide_deprovisioned(&set[1..], at(NOW)).unwrap();
    assert_eq!(decisions.log_keep_from(), Some(at("2026-01-31T00:00:00Z")));
}

#[test]
fn only_backups_whose_kinds_are_all_purged_go() {
    let policy = Policy::keep_everything().purging([Kind::Automatic, Kind::Manual]);
    assert_eq!(kept(&policy, &leftovers()), ["2026-01-31T00:00"]);
    // Without a word about it, nothing goes: not even what has no kind at all.
    let mut set = leftovers();
    set[0].kinds.clear();
    assert_eq!(kept(&Policy::keep_everything(), &set).len(), 4);
}
