use backup_policy::{Anchor, Backup, Bucket, ErrorKind, Period, Policy, Rule, Unit};
use chrono::{DateTime, Utc};

use crate::{NEVER, at, backup, keep};

#[test]
fn an_id_that_occurs_twice_is_an_error() {
    let set = [Backup::new("x", at("2026-01-01T00:00:00Z")), Backup::new("x", at("2026-01-02T00:00:00Z"))];
    let error = Policy::keep_everything().decide(&set, at(NEVER)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DuplicateId);
    assert_eq!(
        error.to_string(),
        "two backups have the id \"x\": pass the backups of one group, each of them once"
    );
}

#[test]
fn a_time_beyond_the_calendar_names_its_backup() {
    for time in [DateTime::<Utc>::MAX_UTC, DateTime::<Utc>::MIN_UTC] {
        let set = [Backup::new("x", time), backup("2026-01-01T00:00:00Z")];
        let error = Policy::keep_everything().decide(&set, at(NEVER)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfRange);
        assert!(error.to_string().starts_with("backup \"x\": the time "), "{error}");
        assert!(Policy::keep_everything().decide(&[], time).is_err());
    }
}

#[test]
fn a_policy_without_sense_decides_nothing() {
    let refused = |policy: &Policy| policy.decide(&[], at(NEVER)).unwrap_err().kind();
    assert_eq!(refused(&keep(Rule::ttl(Period::ZERO))), ErrorKind::InvalidPolicy);
    assert_eq!(refused(&keep(Bucket::new(Unit::Daily, 1).every(0))), ErrorKind::InvalidPolicy);
    assert_eq!(refused(&keep(Rule::last(1).named(""))), ErrorKind::InvalidPolicy);
    assert_eq!(refused(&keep(Rule::ttl(Period::years(1001)))), ErrorKind::OutOfRange);
    assert_eq!(refused(&Policy::keep_everything().failed_for(Period::years(1001))), ErrorKind::OutOfRange);
}

#[test]
fn extremes_are_answered() {
    let set = [backup("0001-01-01T00:00:00Z"), backup("8000-12-31T23:59:59.999999999Z")];
    for unit in [Unit::Minutely, Unit::Hourly, Unit::Daily, Unit::Weekly, Unit::Quarterly, Unit::Yearly] {
        for every in [1, u32::MAX] {
            let bucket = Bucket::new(unit, u32::MAX).every(every).within(Period::years(1000), Anchor::Now);
            let policy = keep(bucket).in_zone("Europe/Berlin".parse().unwrap());
            let decisions = policy.decide(&set, at("8000-12-31T23:59:59.999999999Z")).unwrap();
            let texts: Vec<String> = decisions.iter().map(|decision| decision.to_string()).collect();
            assert!(texts[0].starts_with("removed: ") && texts[1].starts_with("kept: "), "{texts:?}");
        }
    }
}
