use std::collections::BTreeSet;

use backup_policy::{CatchUp, ErrorKind, FinalBackup, Kind, Lifecycle, Period, Policy, Rule, Stage};

use crate::{at, backup, by_cron, keep};

const AUTOMATIC: [Kind; 4] = [Kind::Automatic, Kind::Nightly, Kind::Weekly, Kind::Monthly];

fn running() -> Lifecycle {
    Lifecycle::created(at("2026-11-01T00:00:00Z")).start(at("2026-11-02T00:00:00Z")).unwrap()
}

fn later() -> chrono::DateTime<chrono::Utc> {
    at("2026-11-20T12:00:00Z")
}

#[test]
fn m11_p5_only_what_runs_is_backed_up_or_restored() {
    let created = Lifecycle::created(at("2026-11-01T00:00:00Z"));
    let stopped = running().stop(later()).unwrap();
    for (life, remedy) in [(created, "deploy and start it first"), (stopped, "start it first")] {
        for kind in AUTOMATIC.into_iter().chain([Kind::Manual, Kind::Final, Kind::PreRestore]) {
            let error = life.allows(&kind).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotAllowed);
            assert!(error.to_string().ends_with(remedy), "{error}");
        }
        assert_eq!(life.allows_restore_in_place().unwrap_err().kind(), ErrorKind::NotAllowed);
    }
    for kind in AUTOMATIC.into_iter().chain([Kind::Manual, Kind::Final, Kind::PreRestore]) {
        assert!(running().allows(&kind).is_ok(), "{kind}");
    }
    assert!(running().allows_restore_in_place().is_ok());
    assert!(stopped.start(later()).unwrap().allows(&Kind::Nightly).is_ok());
}

#[test]
fn a26_who_is_excluded_gets_no_new_automatic_and_no_final_backup() {
    let excluded = running().exclude(later());
    for kind in AUTOMATIC.into_iter().chain([Kind::Final]) {
        assert_eq!(excluded.allows(&kind).unwrap_err().kind(), ErrorKind::NotAllowed, "{kind}");
    }
    assert!(excluded.allows(&Kind::Manual).is_ok());
    assert!(excluded.allows(&Kind::PreRestore).is_ok());
    assert!(excluded.allows_restore_in_place().is_ok());
    assert_eq!(excluded.final_backup(true), FinalBackup::Excluded);
    let nightly = &by_cron(Policy::keep_everything(), "0 2 * * *").routines[0].schedule;
    assert_eq!(excluded.due(nightly, None, later(), &CatchUp::once()).unwrap(), None);
    // Included again, it does not catch up.
    let included = excluded.include(at("2026-11-25T12:00:00Z"));
    let due =
        included.due(nightly, Some(at("2026-11-20T02:00:00Z")), at("2026-11-25T13:00:00Z"), &CatchUp::once());
    let due = due.unwrap().unwrap();
    assert_eq!((due.slot, due.missed), (None, 0));
}

#[test]
fn a25_a12_a_final_backup_is_made_while_it_runs() {
    assert_eq!(running().final_backup(true), FinalBackup::Make);
    assert_eq!(running().final_backup(false), FinalBackup::NotWanted);
    assert_eq!(running().exclude(later()).final_backup(false), FinalBackup::NotWanted);
    assert_eq!(running().stop(later()).unwrap().final_backup(true), FinalBackup::NotRunning);
    assert_eq!(Lifecycle::created(later()).final_backup(true), FinalBackup::NotRunning);
    assert_eq!(running().deprovision(later()).final_backup(true), FinalBackup::NotRunning);
}

#[test]
fn what_is_deprovisioned_stays_so() {
    let gone = running().deprovision(later());
    assert_eq!((gone.stage, gone.since), (Stage::Deprovisioned, later()));
    let much_later = at("2027-01-01T00:00:00Z");
    assert_eq!(gone.deprovision(much_later), gone);
    assert_eq!(gone.start(much_later).unwrap_err().kind(), ErrorKind::NotAllowed);
    assert_eq!(gone.stop(much_later).unwrap_err().kind(), ErrorKind::NotAllowed);
    let error = gone.allows(&Kind::Manual).unwrap_err();
    assert!(error.to_string().ends_with("restore its backups into another one"), "{error}");
}

#[test]
fn doing_again_what_is_done_changes_nothing() {
    let much_later = at("2027-01-01T00:00:00Z");
    assert_eq!(running().start(much_later).unwrap(), running());
    let stopped = running().stop(later()).unwrap();
    assert_eq!(stopped.stop(much_later).unwrap(), stopped);
    let created = Lifecycle::created(later());
    assert_eq!(created.stop(much_later).unwrap(), created);
    let excluded = running().exclude(later());
    assert_eq!(excluded.exclude(much_later), excluded);
    assert_eq!(running().include(much_later), running());
}

#[test]
fn a28_a29_a30_what_happens_to_the_existing() {
    let policy = keep(Rule::daily(30).of([Kind::Automatic]))
        .and(Rule::forever().of([Kind::Manual, Kind::Final]))
        .purging([Kind::Automatic]);
    let set = [
        backup("2026-11-18T02:00:00Z"),
        backup("2026-11-19T02:00:00Z"),
        backup("2026-11-19T12:00:00Z").with_kinds([Kind::Manual]),
        backup("2026-11-20T02:00:00Z").with_kinds([Kind::Final]),
    ];
    let before = policy.decide(&set, later()).unwrap();
    assert_eq!(before.kept().count(), 4);
    let after = policy.decide_deprovisioned(&set, later()).unwrap();
    let kept: Vec<&str> = after.kept().map(|decision| decision.id()).collect();
    assert_eq!(kept, ["2026-11-19T12:00:00Z", "2026-11-20T02:00:00Z"]);
}

#[test]
fn a5_an_automatic_backup_can_be_made_a_manual_one() {
    let policy = keep(Rule::ttl(Period::days(3)).of([Kind::Automatic]))
        .and(Rule::forever().of([Kind::Manual]))
        .purging([Kind::Automatic]);
    let automatic = backup("2026-11-19T02:00:00Z");
    let set = [automatic.clone().into_manual()];
    let much_later = at("2036-01-01T00:00:00Z");
    assert_eq!(policy.decide_deprovisioned(&set, much_later).unwrap().kept().count(), 1);
    assert_eq!(policy.decide_deprovisioned(&[automatic], much_later).unwrap().kept().count(), 0);
    // Of a Sunday's nightly only the reason of a schedule goes.
    let kinds = [Kind::Nightly, Kind::Weekly, Kind::Monthly, Kind::Custom("release".into())];
    let sunday = backup("2026-11-01T02:00:00Z").with_kinds(kinds).into_manual();
    assert_eq!(sunday.kinds, BTreeSet::from([Kind::Manual, Kind::Custom("release".into())]));
    let last = backup("2026-11-01T02:00:00Z").with_kinds([Kind::Final]).into_manual();
    assert_eq!(last.kinds, BTreeSet::from([Kind::Manual, Kind::Final]));
}

#[test]
fn the_json_form() {
    let json = r#"{"stage":"running","excluded":false,"since":"2026-11-02T00:00:00Z"}"#;
    assert_eq!(serde_json::to_string(&running()).unwrap(), json);
    assert_eq!(serde_json::from_str::<Lifecycle>(json).unwrap(), running());
    assert!(
        serde_json::from_str::<Lifecycle>(r#"{"stage":"asleep","since":"2026-11-02T00:00:00Z"}"#).is_err()
    );
}
