//! The notation (D8) and the schedules that platforms document.

use backup_policy::{Cron, DayMatch, ErrorKind};

use crate::{cron, cron_matching, runs, runs_between};

#[test]
fn what_is_accepted() {
    for expr in [
        "* * * * *",
        "0 2 * * *",
        "  0\t2 * * *  ",
        "00 02 01 01 *",
        "*/15 0-6/2,12 1,15 JAN-MAR,dec mon-FRI",
        "20/20 * * * *",
        "*/90 * * * *",
        "59/5 23 31 12 6",
        "0 0 ? * ?",
        "0 0 L * *",
        "0 0 l,15 * *",
        "0 0 * * 1#1,FRI#5,sun#2",
        "0 0 * * 5L,SUNL",
        "0 0 * * 0",
        "0 0 * * 7",
        "0 0 * * 5-7",
        "0 0 * * 7/2",
        "0 0 29 2 *",
        "0 0 31 2 1",
        "*,5 * * * *",
        "@hourly",
        "@daily",
        "@midnight",
        "@weekly",
        "@monthly",
        "@yearly",
        "@ANNUALLY",
    ] {
        assert!(Cron::new(expr).is_ok(), "{expr}");
    }
}

#[test]
fn what_is_rejected() {
    for expr in [
        "",
        " ",
        "* * * *",
        "0 0 2 * * *",
        "@reboot",
        "@every 1h",
        "@",
        "@daily *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 0 *",
        "* * * 13 *",
        "* * * * 8",
        "5-1 * * * *",
        "* 22-6 * * *",
        "* * * * SAT-SUN",
        "*/0 * * * *",
        "0-9/0 * * * *",
        "* * * * */0",
        "1,,2 * * * *",
        ",1 * * * *",
        "1, * * * *",
        "1- * * * *",
        "-1 * * * *",
        "+1 * * * *",
        "1/ * * * *",
        "/5 * * * *",
        "*-5 * * * *",
        "1-2-3 * * * *",
        "1/2/3 * * * *",
        "1.5 * * * *",
        "x * * * *",
        "MON * * * *",
        "* * * MON *",
        "* * * JANUARY *",
        "* * JAN * *",
        "? * * * *",
        "* ? * * *",
        "* * * ? *",
        "* * ?/2 * *",
        "* * ?,1 * *",
        "L * * * *",
        "* * L-3 * *",
        "* * 15W * *",
        "* * LW * *",
        "* * * * L",
        "* * * * 1#0",
        "* * * * 1#6",
        "* * * * 1#",
        "* * * * #1",
        "* * * * 1#1#1",
        "* * * * 1-5#1",
        "* * * * 8#1",
        "* * * * 8L",
        "* * * * 1LL",
        "* * * * 1-5L",
        "4294967297 * * * *",
        "* * * * 99999999999999999999",
        "\u{661} * * * *",
    ] {
        let error = Cron::new(expr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Syntax, "{expr}: {error}");
        assert!(error.to_string().contains("is not a cron expression: "), "{error}");
    }
}

#[test]
fn what_never_runs_is_an_error() {
    for expr in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "* * 30,31 2 ?"] {
        let error = Cron::new(expr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSchedule, "{expr}: {error}");
        assert!(error.to_string().contains("never runs"), "{error}");
    }
    // A 29th is never the first Monday.
    let leap_day = Cron::new("0 0 29 2 1#1").unwrap();
    assert_eq!(leap_day.matching(DayMatch::And).unwrap_err().kind(), ErrorKind::InvalidSchedule);
    // But it may be the fifth one, every 28 years.
    let rare = cron_matching("0 0 29 2 1#5", DayMatch::And);
    assert_eq!(runs(&rare, "2026-01-01T00:00:00Z", 2), ["2044-02-29T00:00:00Z", "2072-02-29T00:00:00Z"]);
}

#[test]
fn a_leap_day_is_waited_for() {
    let leap_day = cron("0 0 29 2 *", "UTC");
    assert_eq!(runs(&leap_day, "2096-02-29T00:00:00Z", 2), ["2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"]);
    let previous = leap_day.previous("2104-02-29T00:00:00Z".parse().unwrap()).unwrap();
    assert_eq!(crate::text(previous.run_at()), "2096-02-29T00:00:00Z");
}

/// D8: of August 2026, which begins on a Saturday.
fn august(expr: &str, day_match: DayMatch) -> String {
    let schedule = cron_matching(expr, day_match);
    let runs = runs_between(&schedule, "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z");
    runs.iter().map(|run| run[8..10].trim_start_matches('0')).collect::<Vec<_>>().join(" ")
}

#[test]
fn d8_either_day_is_enough_if_both_are_restricted() {
    use DayMatch::{And, Posix, Vixie};
    assert_eq!(august("0 0 1,13 * 5", Posix), "1 7 13 14 21 28");
    assert_eq!(august("0 0 1,13 * 5", Vixie), "1 7 13 14 21 28");
    assert_eq!(august("0 0 1,14 * 5", And), "14");
    // With a free one, the other decides.
    assert_eq!(august("0 0 13 * *", Posix), "13");
    assert_eq!(august("0 0 ? * 5", Posix), "7 14 21 28");
    assert_eq!(august("0 0 13 * ?", Vixie), "13");
}

#[test]
fn d8_whether_a_step_of_all_is_restricted_differs() {
    use DayMatch::{And, Posix, Vixie};
    assert_eq!(august("0 0 */10 * 1", Posix), "1 3 10 11 17 21 24 31");
    assert_eq!(august("0 0 */10 * 1", Vixie), "31");
    assert_eq!(august("0 0 */10 * 1", And), "31");
    assert_eq!(august("0 0 1-31/10 * 1", Vixie), "1 3 10 11 17 21 24 31");
    assert_eq!(august("0 0 13 * */7", Posix), "2 9 13 16 23 30");
    assert_eq!(august("0 0 13 * */7", Vixie), "");
}

#[test]
fn days_counted_within_the_month() {
    use DayMatch::{And, Posix};
    assert_eq!(august("0 0 L * *", Posix), "31");
    assert_eq!(august("0 0 15,L * *", Posix), "15 31");
    assert_eq!(august("0 0 * * 0#1", Posix), "2");
    assert_eq!(august("0 0 * * 7#5", Posix), "30");
    assert_eq!(august("0 0 * * 2#5", Posix), "");
    assert_eq!(august("0 0 * * 5L", Posix), "28");
    assert_eq!(august("0 0 * * 1L", Posix), "31");
    assert_eq!(august("0 0 * * 2L", Posix), "25");
    assert_eq!(august("0 0 * * 5L,6#1", Posix), "1 28");
    assert_eq!(august("0 0 L * 1L", And), "31");
    let last_of_month = cron("0 0 L 1-4 *", "UTC");
    let runs = runs(&last_of_month, "2028-01-01T00:00:00Z", 4);
    let dates: Vec<&str> = runs.iter().map(|run| &run[..10]).collect();
    assert_eq!(dates, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]);
}

#[test]
fn weekdays_by_number_and_name() {
    use DayMatch::Posix;
    assert_eq!(august("0 0 * * 7", Posix), august("0 0 * * SUN", Posix));
    assert_eq!(august("0 0 * * 0", Posix), "2 9 16 23 30");
    assert_eq!(august("0 0 * * 6-7", Posix), "1 2 8 9 15 16 22 23 29 30");
    assert_eq!(august("0 0 * * 5/1", Posix), "1 7 8 14 15 21 22 28 29");
    assert_eq!(august("0 0 * * 1-5/2", Posix), "3 5 7 10 12 14 17 19 21 24 26 28 31");
    assert_eq!(august("0 0 * AUG mon", Posix), "3 10 17 24 31");
}

#[test]
fn steps_begin_at_the_lowest_or_the_given() {
    let minutes = |expr: &str| {
        let runs = runs_between(&cron(expr, "UTC"), "2026-08-01T00:00:00Z", "2026-08-01T01:00:00Z");
        runs.iter().map(|run| run[14..16].to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(minutes("20/20 * * * *"), "20 40");
    assert_eq!(minutes("7/20 * * * *"), "07 27 47");
    assert_eq!(minutes("*/25 * * * *"), "00 25 50");
    assert_eq!(minutes("5-20/7 * * * *"), "05 12 19");
    assert_eq!(minutes("*/90 * * * *"), "00");
    assert_eq!(minutes("55/99 * * * *"), "55");
}

#[test]
fn names_stand_for_expressions() {
    for (name, expr) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
    ] {
        let from = "2026-11-20T12:34:56Z";
        assert_eq!(runs(&cron(name, "UTC"), from, 5), runs(&cron(expr, "UTC"), from, 5), "{name}");
    }
}

#[test]
fn x26_production_daily_staging_weekly_development_monthly() {
    let from = "2026-11-20T12:00:00Z";
    let production = runs(&cron("0 2 * * *", "UTC"), from, 2);
    assert_eq!(production, ["2026-11-21T02:00:00Z", "2026-11-22T02:00:00Z"]);
    let staging = runs(&cron("0 4 * * 0", "UTC"), from, 2);
    assert_eq!(staging, ["2026-11-22T04:00:00Z", "2026-11-29T04:00:00Z"]);
    let development = runs(&cron("0 6 1 * *", "UTC"), from, 2);
    assert_eq!(development, ["2026-12-01T06:00:00Z", "2027-01-01T06:00:00Z"]);
}

#[test]
fn x30_every_sunday_at_midnight() {
    let weekly = runs(&cron("0 0 * * 0", "UTC"), "2026-11-20T12:00:00Z", 2);
    assert_eq!(weekly, ["2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"]);
}

#[test]
fn p13_daily_at_five() {
    let daily = runs(&cron("0 5 * * *", "UTC"), "2026-11-20T05:00:00Z", 2);
    assert_eq!(daily, ["2026-11-21T05:00:00Z", "2026-11-22T05:00:00Z"]);
}
