use backup_policy::{Backup, ErrorKind, Fingerprint, Hold, Kind, Period, Plan, Policy, Preview, Rule};
use chrono::TimeDelta;

use crate::{NOW, at, keep, series};

fn ten_days() -> Vec<Backup> {
    let mut set = series("2026-11-11T02:00:00Z", TimeDelta::days(1), 10);
    set.iter_mut().for_each(|backup| backup.size = 100);
    set
}

fn preview(old: &Policy, new: &Policy, backups: &[Backup]) -> Preview {
    old.preview(new, backups, at(NOW)).unwrap()
}

#[test]
fn a19_a_smaller_count_says_what_it_loses() {
    let mut set = ten_days();
    set[5].verified = true;
    set[6].kinds.insert(Kind::Final);
    let change = preview(&keep(Rule::last(6)), &keep(Rule::last(2)), &set);
    assert_eq!(change.lost, ["2026-11-15T02:00", "2026-11-16T02:00", "2026-11-17T02:00", "2026-11-18T02:00"]);
    assert_eq!(change.still_kept, ["2026-11-19T02:00", "2026-11-20T02:00"]);
    assert_eq!(change.bytes_lost, 400);
    assert_eq!(change.oldest_before, Some(at("2026-11-15T02:00:00Z")));
    assert_eq!(change.oldest_after, Some(at("2026-11-19T02:00:00Z")));
    assert_eq!(change.verified_lost, ["2026-11-16T02:00"]);
    assert_eq!(change.finals_lost, ["2026-11-17T02:00"]);
    assert!(change.needs_confirmation && !change.loses_nothing());
}

#[test]
fn a_larger_count_loses_nothing_and_needs_nobody() {
    let change = preview(&keep(Rule::last(2)), &keep(Rule::last(6)), &ten_days());
    assert!(change.lost.is_empty() && !change.needs_confirmation && change.loses_nothing());
    // What the old policy was about to remove is neither lost nor still kept.
    assert_eq!(change.still_kept, ["2026-11-19T02:00", "2026-11-20T02:00"]);
    assert_eq!(change.oldest_after, Some(at("2026-11-15T02:00:00Z")));
}

#[test]
fn ids_are_sorted_as_texts() {
    let mut set = ten_days();
    for (number, backup) in set.iter_mut().enumerate() {
        backup.id = format!("b{}", 10 - number);
    }
    let change = preview(&keep(Rule::last(10)), &keep(Rule::last(8)), &set);
    assert_eq!(change.lost, ["b10", "b9"]);
    assert_eq!(change.still_kept[..2], ["b1", "b2"]);
}

#[test]
fn a19_a_shorter_window_loses_log_even_if_no_backup() {
    let window = |days: u32| keep(Rule::forever()).recoverable_for(Period::days(days));
    let change = preview(&window(5), &window(1), &ten_days());
    assert!(change.lost.is_empty() && !change.needs_confirmation);
    assert_eq!(change.log_keep_from_before, Some(at("2026-11-15T02:00:00Z")));
    assert_eq!(change.log_keep_from_after, Some(at("2026-11-19T02:00:00Z")));
    let lost = change.log_lost.unwrap();
    assert_eq!((lost.from, lost.until), (at("2026-11-15T02:00:00Z"), at("2026-11-19T02:00:00Z")));
    assert!(!change.loses_nothing());
    assert_eq!((change.window_before, change.window_after), (Some(Period::days(5)), Some(Period::days(1))));
    // Without a window all of it goes.
    let change = preview(&window(1), &keep(Rule::forever()), &ten_days());
    assert_eq!(change.log_lost.unwrap().until, at(NOW));
    assert!(preview(&window(1), &window(5), &ten_days()).loses_nothing());
}

#[test]
fn a33_what_holds_prevent_is_said() {
    let mut set = ten_days();
    set[0].holds.push(Hold::open("litigation"));
    set[1].holds.push(Hold::until("over", at("2026-11-20T00:00:00Z")));
    set[9].holds.push(Hold::open("needless"));
    let change = preview(&keep(Rule::last(10)), &keep(Rule::last(1)), &set);
    assert_eq!(change.held, ["2026-11-11T02:00"]);
    assert!(
        change.lost.contains(&"2026-11-12T02:00".to_owned())
            && !change.lost.contains(&"2026-11-11T02:00".to_owned())
    );
}

#[test]
fn only_what_was_confirmed_may_be_deleted() {
    let (old, new) = (keep(Rule::last(6)), keep(Rule::last(2)));
    let set = ten_days();
    let shown = preview(&old, &new, &set);
    let confirmed: Fingerprint = shown.fingerprint.to_string().parse().unwrap();
    // The same, a little later.
    let again = old.preview(&new, &set, at("2026-11-20T23:59:59Z")).unwrap();
    assert_eq!(again.confirm(&confirmed).unwrap(), shown.lost);

    let refused = |preview: &Preview| preview.confirm(&confirmed).unwrap_err().kind();
    let one_more = series("2026-11-11T02:00:00Z", TimeDelta::days(1), 11);
    assert_eq!(refused(&preview(&old, &new, &one_more)), ErrorKind::Outdated);
    assert_eq!(refused(&preview(&old, &keep(Rule::last(1)), &set)), ErrorKind::Outdated);
    assert_eq!(refused(&preview(&keep(Rule::last(7)), &new, &set)), ErrorKind::Outdated);
    assert_eq!(refused(&old.preview(&new, &set, at("2026-11-21T00:00:00Z")).unwrap()), ErrorKind::Outdated);
    // The same backups and policies, but a hold was released and one more would go.
    let mut held = set;
    held[5].holds.push(Hold::open("a"));
    assert_eq!(refused(&preview(&old, &new, &held)), ErrorKind::Outdated);
    let error = preview(&old, &new, &one_more).confirm(&confirmed).unwrap_err().to_string();
    assert!(
        error.contains(&confirmed.to_string()) && error.ends_with("show the new one and ask again"),
        "{error}"
    );
}

#[test]
fn the_date_of_a_fingerprint_is_that_of_the_policy() {
    let kolkata = keep(Rule::last(2)).in_zone("Asia/Kolkata".parse().unwrap());
    let at_time = |time: &str| kolkata.preview(&kolkata, &ten_days(), at(time)).unwrap().fingerprint;
    assert_eq!(at_time("2026-11-20T18:31:00Z"), at_time("2026-11-21T12:00:00Z"));
    assert_ne!(at_time("2026-11-20T18:29:00Z"), at_time("2026-11-20T18:31:00Z"));
}

#[test]
fn other_texts_are_no_fingerprints() {
    for text in ["", "00", "zz", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
        let error = text.parse::<Fingerprint>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax);
        assert!(error.to_string().contains("is not a fingerprint"), "{error}");
    }
}

#[test]
fn a_preview_has_the_names_of_its_json_form() {
    let change = preview(&keep(Rule::last(6)), &keep(Rule::last(2)), &ten_days());
    let form = serde_json::to_value(&change).unwrap();
    let names: Vec<&str> = form.as_object().unwrap().keys().map(String::as_str).collect();
    for name in
        ["lost", "still_kept", "bytes_lost", "oldest_before", "wal_keep_from_before", "wal_keep_from_after"]
    {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(form["fingerprint"].as_str().unwrap().len(), 64);
}

#[test]
fn sizes_beyond_all_bounds_are_an_error() {
    let mut set = ten_days();
    set.iter_mut().for_each(|backup| backup.size = u64::MAX);
    let error = keep(Rule::last(6)).preview(&keep(Rule::last(2)), &set, at(NOW)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfRange);
    set.truncate(1);
    assert_eq!(preview(&keep(Rule::last(6)), &keep(Rule::last(0)), &set).bytes_lost, u64::MAX);
}

#[test]
fn a11_a30_copies_have_policies_of_their_own() {
    let mut set = ten_days();
    for backup in &mut set[..8] {
        let time = backup.time + TimeDelta::hours(1);
        backup
            .replicas
            .push(serde_json::from_value(serde_json::json!({"region": "eu-west-1", "time": time})).unwrap());
    }
    set[0].holds.push(Hold::open("litigation"));
    let copied = Plan::new(keep(Rule::forever())).copied_to("eu-west-1", keep(Rule::last(4)));
    // Fewer copies: of those there are, not of all backups.
    let fewer = Plan::new(keep(Rule::forever())).copied_to("eu-west-1", keep(Rule::last(3)));
    let change = copied.preview(&fewer, &set, at(NOW)).unwrap();
    assert_eq!(change.replicas_lost["eu-west-1"], ["2026-11-15T02:00"]);
    assert!(change.lost.is_empty() && change.needs_confirmation);
    // Off: all but the held one.
    let off = Plan::new(keep(Rule::forever()));
    let change = copied.preview(&off, &set, at(NOW)).unwrap();
    assert_eq!(change.replicas_lost["eu-west-1"].len(), 4);
    let all = Plan::new(keep(Rule::forever())).copied_to("eu-west-1", keep(Rule::forever()));
    let change = all.preview(&off, &set, at(NOW)).unwrap();
    assert_eq!(change.replicas_lost["eu-west-1"].len(), 7);
    assert!(!change.replicas_lost["eu-west-1"].contains(&"2026-11-11T02:00".to_owned()));
    // On, or elsewhere: nothing there is lost by it.
    assert!(off.preview(&all, &set, at(NOW)).unwrap().replicas_lost.is_empty());
    // Copies are part of what is confirmed.
    assert_ne!(
        copied.preview(&off, &set, at(NOW)).unwrap().fingerprint,
        copied.preview(&fewer, &set, at(NOW)).unwrap().fingerprint
    );
}

#[test]
fn a19_a_preview_can_be_read_out() {
    let mut set = ten_days();
    set[5].verified = true;
    set[6].kinds.insert(Kind::Final);
    set[7].holds.push(Hold::open("audit"));
    let say = |old: &Policy, new: &Policy| preview(old, new, &set).to_string();
    assert_eq!(
        say(&keep(Rule::last(6)), &keep(Rule::last(2))),
        "loses 3 of 6 backups, 300 bytes, 1 of them verified, 1 of them final; the oldest is then of \
         2026-11-18T02:00:00Z instead of 2026-11-15T02:00:00Z; held, and lost with the hold: 1 backup"
    );
    assert_eq!(say(&keep(Rule::last(2)), &keep(Rule::last(3))), "loses nothing, keeps 3 backups");
    let window = keep(Rule::forever()).recoverable_for(Period::days(1));
    assert_eq!(
        say(&window, &keep(Rule::forever())),
        "loses the log from 2026-11-19T02:00:00Z to 2026-11-20T12:00:00Z"
    );
    set[7].holds.clear();
    assert!(
        preview(&keep(Rule::last(6)), &keep(Rule::last(0)), &set).to_string().ends_with("; none is left")
    );
}
