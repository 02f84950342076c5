use backup_policy::{
    Backup, Every, History, Kind, Objective, Overdue, Period, Plan, Policy, Routine, Standing, Status,
    TimesPerDay, Window,
};
use chrono::TimeDelta;

use crate::{at, backup, by_cron, by_hours};

const HOUR_S: u64 = 3600;

fn nightly() -> Plan {
    by_cron(Policy::keep_everything(), "0 2 * * *")
}

#[test]
fn x20_x28_four_backups_a_day_do_not_reach_one_hour() {
    let plan = Plan::new(Policy::keep_everything()).by(Routine::new(TimesPerDay::new(4).unwrap()));
    let one_hour = Objective::new(HOUR_S);
    let now = at("2026-11-20T12:00:00Z");
    let reach = one_hour.reach(&plan, now, None).unwrap();
    assert!(!reach.is_possible());
    assert_eq!(
        reach.to_string(),
        "worst loss 6 h plus duration, objective 1 h: not reachable with four backups a day; \
         needs an interval of at most 1 h less the duration, or point-in-time recovery"
    );
    let measured = one_hour.reach(&plan, now, Some(TimeDelta::minutes(20))).unwrap();
    assert_eq!(measured.worst_loss_s(), Some(6 * HOUR_S + 1200));
    assert_eq!(
        measured.to_string(),
        "worst loss 6 h 20 min, objective 1 h: not reachable with four backups a day; \
         needs an interval of at most 40 min, or point-in-time recovery"
    );
    let slow = one_hour.reach(&plan, now, Some(TimeDelta::minutes(70))).unwrap();
    assert!(
        slow.to_string().ends_with("needs backups of less than 1 h, or point-in-time recovery"),
        "{slow}"
    );
    let mut with_log = plan;
    with_log.policy = with_log.policy.recoverable_for(Period::days(1));
    let reach = one_hour.reach(&with_log, now, None).unwrap();
    assert!(reach.is_possible());
    assert!(
        reach.to_string().ends_with("reachable by point-in-time recovery, if the log arrives within 1 h")
    );
}

#[test]
fn what_is_reachable() {
    let half_hourly = by_cron(Policy::keep_everything(), "*/30 * * * *");
    let now = at("2026-11-20T12:00:00Z");
    let one_hour = Objective::new(HOUR_S);
    let unknown = one_hour.reach(&half_hourly, now, None).unwrap();
    assert!(unknown.is_possible());
    assert_eq!(
        unknown.to_string(),
        "worst loss 30 min plus duration, objective 1 h: reachable while a backup takes no longer than 30 min"
    );
    let quick = one_hour.reach(&half_hourly, now, Some(TimeDelta::seconds(1800))).unwrap();
    assert_eq!(quick.to_string(), "worst loss 1 h, objective 1 h: reachable with 48 backups a day");
    assert!(!one_hour.reach(&half_hourly, now, Some(TimeDelta::seconds(1801))).unwrap().is_possible());
}

#[test]
fn the_longest_interval_counts_clock_changes() {
    let times = TimesPerDay::new(4).unwrap().in_zone("Europe/Berlin".parse().unwrap());
    let plan = Plan::new(Policy::keep_everything()).by(Routine::new(times));
    let reach = Objective::new(HOUR_S).reach(&plan, at("2026-06-01T00:00:00Z"), None).unwrap();
    assert_eq!(reach.interval_s, Some(7 * HOUR_S));
    let monthly = by_cron(Policy::keep_everything(), "@monthly");
    let reach = Objective::new(HOUR_S).reach(&monthly, at("2026-06-15T00:00:00Z"), None).unwrap();
    assert_eq!(reach.interval_s, Some(31 * 24 * HOUR_S));
    assert!(reach.to_string().contains("worst loss 31 d plus duration"), "{reach}");
    assert!(reach.to_string().contains("with twelve backups a year"), "{reach}");
    let leap_day = by_cron(Policy::keep_everything(), "0 0 29 2 *");
    let reach = Objective::new(HOUR_S).reach(&leap_day, at("2026-06-15T00:00:00Z"), None).unwrap();
    assert_eq!(reach.interval_s, Some((4 * 365 + 1) * 24 * HOUR_S));
}

#[test]
fn two_schedules_together_are_faster_than_either() {
    let twelve = Window::new("02:00".parse().unwrap(), 60).unwrap();
    let other = Window::new("14:00".parse().unwrap(), 60).unwrap();
    let plan = Plan::new(Policy::keep_everything()).by(Routine::new(twelve)).by(Routine::new(other));
    let reach = Objective::new(24 * HOUR_S).reach(&plan, at("2026-11-20T12:00:00Z"), None).unwrap();
    assert_eq!(reach.interval_s, Some(12 * HOUR_S));
}

#[test]
fn nothing_scheduled_reaches_nothing() {
    let by_hand = Plan::new(Policy::keep_everything());
    let reach = Objective::new(HOUR_S).reach(&by_hand, at("2026-11-20T12:00:00Z"), None).unwrap();
    assert!(!reach.is_possible());
    assert!(
        reach
            .to_string()
            .starts_with("worst loss everything, objective 1 h: not reachable with no backups a year; ")
    );
    // Who asks for nothing less than a second cannot get it either.
    let all = Objective::new(0).reach(&nightly(), at("2026-11-20T12:00:00Z"), None).unwrap();
    assert!(!all.is_possible());
}

#[test]
fn while_all_goes_well_it_is_kept() {
    let backups = ["2026-11-18T02:00:00Z", "2026-11-19T02:00:00Z", "2026-11-20T02:00:00Z"].map(backup);
    let history = History::new(&backups, at("2026-11-18T00:00:00Z"));
    let objective = Objective::new(25 * HOUR_S);
    let assessment = objective.assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!(assessment.standing, Standing::Kept);
    assert_eq!((assessment.loss_s, assessment.worst_loss_s), (10 * HOUR_S, 24 * HOUR_S));
    assert_eq!((assessment.missed, assessment.overdue), (0, None));
    assert_eq!(assessment.next, Some(at("2026-11-21T02:00:00Z")));
    assert_eq!(
        assessment.to_string(),
        "objective 25 h kept: 10 h would be lost, restorable up to 2026-11-20T02:00:00Z"
    );
}

#[test]
fn a_schedule_that_silently_stopped_is_seen() {
    let backups = ["2026-11-15T02:00:00Z", "2026-11-16T02:00:00Z"].map(backup);
    let history = History::new(&backups, at("2026-11-15T00:00:00Z"));
    let objective = Objective::new(25 * HOUR_S);
    let assessment = objective.assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!(assessment.standing, Standing::Broken);
    assert_eq!(assessment.missed, 3);
    assert_eq!(assessment.overdue, Some(Overdue { slot: at("2026-11-20T02:00:00Z"), late_s: 10 * HOUR_S }));
    assert_eq!(
        assessment.to_string(),
        "objective 25 h broken: 4 d 10 h would be lost, restorable up to 2026-11-16T02:00:00Z; \
         the backup of 2026-11-20T02:00:00Z is overdue by 10 h; 3 slots missed"
    );
}

#[test]
fn a_backup_made_by_hand_protects_but_hides_nothing() {
    let mut backups = ["2026-11-17T02:00:00Z", "2026-11-20T11:00:00Z"].map(backup).to_vec();
    backups[1] = backups[1].clone().with_kinds([Kind::Manual]);
    let history = History::new(&backups, at("2026-11-17T00:00:00Z"));
    let assessment =
        Objective::new(25 * HOUR_S).assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!(assessment.standing, Standing::Kept);
    assert_eq!(assessment.loss_s, HOUR_S);
    assert_eq!((assessment.missed, assessment.overdue.map(|overdue| overdue.late_s)), (2, Some(10 * HOUR_S)));
}

#[test]
fn failed_and_running_backups_protect_nothing() {
    let failed = backup("2026-11-19T02:00:00Z").with_status(Status::Failed);
    let running = backup("2026-11-20T02:05:00Z").with_status(Status::Running);
    let good = backup("2026-11-18T02:00:00Z");
    let backups = [good, failed, running];
    let history = History::new(&backups, at("2026-11-18T00:00:00Z"));
    let assessment =
        Objective::new(71 * HOUR_S).assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!(assessment.restorable, Some(at("2026-11-18T02:00:00Z")));
    // The failed one is missed, the running one is neither missed nor overdue.
    assert_eq!((assessment.missed, assessment.overdue), (1, None));
    assert_eq!(assessment.standing, Standing::AtRisk);
    assert_eq!(assessment.loss_s, 58 * HOUR_S);
}

#[test]
fn it_is_at_risk_if_the_next_backup_comes_too_late() {
    let mut last = backup("2026-11-20T02:00:00Z");
    last.completed_at = Some(at("2026-11-20T04:00:00Z"));
    let backups = [last];
    let history = History::new(&backups, at("2026-11-20T00:00:00Z"));
    let now = at("2026-11-20T05:00:00Z");
    // The next one will be complete 26 hours after this one began.
    let standing = |hours| Objective::new(hours * HOUR_S).assess(&nightly(), &history, now).unwrap().standing;
    assert_eq!(standing(26), Standing::Kept);
    assert_eq!(standing(25), Standing::AtRisk);
    assert_eq!(standing(3), Standing::AtRisk);
    assert_eq!(standing(2), Standing::Broken);
}

#[test]
fn the_grace_is_fifteen_minutes_or_the_window() {
    let history = History::new(&[], at("2026-11-20T00:00:00Z"));
    let objective = Objective::new(24 * HOUR_S);
    let overdue =
        |plan: &Plan, now: &str| objective.assess(plan, &history, at(now)).unwrap().overdue.is_some();
    assert!(!overdue(&nightly(), "2026-11-20T02:15:00Z"));
    assert!(overdue(&nightly(), "2026-11-20T02:15:01Z"));
    let window = Window::new("02:00".parse().unwrap(), 180).unwrap();
    let window = Plan::new(Policy::keep_everything()).by(Routine::new(window));
    assert!(!overdue(&window, "2026-11-20T04:59:59Z"));
    assert!(overdue(&window, "2026-11-20T05:00:00Z"));
}

#[test]
fn a_log_bridges_the_time_between_backups() {
    let backups = [backup("2026-11-20T02:00:00Z")];
    let history =
        History::new(&backups, at("2026-11-20T00:00:00Z")).with_log_until(at("2026-11-20T11:58:00Z"));
    let objective = Objective::new(HOUR_S);
    let assessment = objective.assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!((assessment.standing, assessment.loss_s), (Standing::Kept, 120));
    // A log without a backup before it restores nothing.
    let history = History::new(&[], at("2026-11-20T00:00:00Z")).with_log_until(at("2026-11-20T11:58:00Z"));
    let assessment = objective.assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap();
    assert_eq!((assessment.standing, assessment.restorable), (Standing::Broken, None));
}

#[test]
fn the_worst_moment_is_just_before_a_completion() {
    let mut slow = backup("2026-11-20T08:00:00Z");
    slow.completed_at = Some(at("2026-11-20T09:30:00Z"));
    let backups = [backup("2026-11-20T02:00:00Z"), slow];
    let history = History::new(&backups, at("2026-11-20T00:00:00Z"));
    let six_hourly = by_hours(Policy::keep_everything(), 6);
    let assessment =
        Objective::new(HOUR_S).assess(&six_hourly, &history, at("2026-11-20T10:00:00Z")).unwrap();
    assert_eq!(assessment.worst_loss_s, 7 * HOUR_S + HOUR_S / 2);
    assert_eq!(assessment.loss_s, 2 * HOUR_S);
}

#[test]
fn what_was_before_the_history_is_past() {
    let backups = ["2026-01-01T02:00:00Z", "2026-11-17T02:00:00Z", "2026-11-18T02:00:00Z"].map(backup);
    let history = History::new(&backups, at("2026-11-17T12:00:00Z"));
    let assessment = Objective::new(HOUR_S).assess(&nightly(), &history, at("2026-11-18T12:00:00Z")).unwrap();
    assert_eq!(assessment.worst_loss_s, 24 * HOUR_S);
}

#[test]
fn the_order_of_backups_does_not_matter_and_the_future_does_not_count() {
    let mut backups: Vec<Backup> =
        ["2026-11-19T02:00:00Z", "2026-11-18T02:00:00Z", "2031-01-01T00:00:00Z", "2026-11-20T02:00:00Z"]
            .map(backup)
            .to_vec();
    let assess = |backups: &[Backup]| {
        let history = History::new(backups, at("2026-11-18T00:00:00Z"));
        Objective::new(25 * HOUR_S).assess(&nightly(), &history, at("2026-11-20T12:00:00Z")).unwrap()
    };
    let assessment = assess(&backups);
    assert_eq!((assessment.standing, assessment.missed), (Standing::Kept, 0));
    backups.reverse();
    assert_eq!(assess(&backups), assessment);
}

#[test]
fn too_many_slots_are_an_error() {
    let every = Every::new(1, at("2026-01-01T00:00:00Z")).unwrap();
    let plan = Plan::new(Policy::keep_everything()).by(Routine::new(every));
    let objective = Objective::new(HOUR_S);
    assert!(objective.reach(&plan, at("2026-01-01T00:00:00Z"), None).is_err());
    let history = History::new(&[], at("2000-01-01T00:00:00Z"));
    assert!(objective.assess(&plan, &history, at("2026-01-01T00:00:00Z")).is_err());
}
