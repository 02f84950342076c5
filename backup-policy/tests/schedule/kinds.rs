//! Which kinds a night's backup is of (M5, M6, M15).

use backup_policy::{Kind, Schedule, nightly_kinds};
use chrono::{DateTime, Utc};

use crate::{at, cron, schedule, zone};

fn kinds(slot: &str, tz: &str) -> Vec<String> {
    nightly_kinds(at(slot), &zone(tz)).unwrap().iter().map(Kind::to_string).collect()
}

const NIGHTLY: [&str; 1] = ["nightly"];
const WEEKLY: [&str; 2] = ["nightly", "weekly"];
const MONTHLY: [&str; 3] = ["nightly", "weekly", "monthly"];

#[test]
fn m5_m6_sundays_are_weekly_and_first_sundays_monthly() {
    assert_eq!(kinds("2026-11-01T03:00:00Z", "UTC"), MONTHLY);
    assert_eq!(kinds("2026-11-02T03:00:00Z", "UTC"), NIGHTLY);
    assert_eq!(kinds("2026-11-07T03:00:00Z", "UTC"), NIGHTLY);
    assert_eq!(kinds("2026-11-08T03:00:00Z", "UTC"), WEEKLY);
    assert_eq!(kinds("2026-11-29T03:00:00Z", "UTC"), WEEKLY);
    // A first Sunday may be as late as the 7th.
    assert_eq!(kinds("2027-02-07T03:00:00Z", "UTC"), MONTHLY);
    assert_eq!(kinds("2027-02-14T03:00:00Z", "UTC"), WEEKLY);
}

#[test]
fn the_date_is_that_of_the_zone() {
    // Sao Paulo's window opens at midnight UTC, which is still Saturday there.
    assert_eq!(kinds("2026-11-08T00:00:00Z", "UTC"), WEEKLY);
    assert_eq!(kinds("2026-11-08T00:00:00Z", "America/Sao_Paulo"), NIGHTLY);
    assert_eq!(kinds("2026-11-09T00:00:00Z", "America/Sao_Paulo"), WEEKLY);
    // Tokyo's at 16:00 UTC, which is already Sunday there.
    assert_eq!(kinds("2026-10-31T16:00:00Z", "Asia/Tokyo"), MONTHLY);
    assert_eq!(kinds("2026-10-31T16:00:00Z", "UTC"), NIGHTLY);
    // On both sides of Berlin's clock change.
    assert_eq!(kinds("2026-10-24T21:59:59Z", "Europe/Berlin"), NIGHTLY);
    assert_eq!(kinds("2026-10-24T22:00:00Z", "Europe/Berlin"), WEEKLY);
    assert_eq!(kinds("2026-10-25T22:59:59Z", "Europe/Berlin"), WEEKLY);
    assert_eq!(kinds("2026-10-25T23:00:00Z", "Europe/Berlin"), NIGHTLY);
}

#[test]
fn a_window_that_crosses_midnight_belongs_to_the_date_on_which_it_opens() {
    let london = schedule(
        r#"{"type":"window","start":"23:00","duration_min":120,"days":{"type":"daily"},"jitter":{"mode":"daily","seed":"app"}}"#,
    );
    let mut crossed = 0;
    for slot in london.after(at("2026-01-01T00:00:00Z")).unwrap().take(365) {
        let is_sunday = slot.start().format("%a").to_string() == "Sun";
        let is_weekly = nightly_kinds(slot.start(), london.zone()).unwrap().contains(&Kind::Weekly);
        assert_eq!(is_weekly, is_sunday);
        crossed += usize::from(slot.run_at().date_naive() != slot.start().date_naive());
    }
    assert!(crossed > 100, "{crossed}");
}

fn monthlies(nightly: &Schedule, from: &str, until: &str) -> Vec<DateTime<Utc>> {
    let slots = nightly.after(at(from)).unwrap().map(|slot| slot.start());
    slots
        .take_while(|slot| *slot < at(until))
        .filter(|slot| nightly_kinds(*slot, nightly.zone()).unwrap().contains(&Kind::Monthly))
        .collect()
}

#[test]
fn m15_who_starts_after_the_first_sunday_has_no_monthly_that_month() {
    let nightly = cron("0 3 * * *", "UTC");
    let (early, late) = ("2026-11-01T00:00:00Z", "2026-11-01T03:00:00Z");
    assert_eq!(monthlies(&nightly, early, "2026-12-01T00:00:00Z").len(), 1);
    assert_eq!(monthlies(&nightly, late, "2026-12-01T00:00:00Z").len(), 0);
    assert_eq!(monthlies(&nightly, early, "2027-11-01T00:00:00Z").len(), 12);
}
