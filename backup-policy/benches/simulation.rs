//! Ten years of hourly backups: to be simulated within a second. And what one question about a schedule takes.

use std::hint::black_box;

use backup_policy::{
    Cron, Every, Kind, Period, Plan, Policy, Preset, Routine, Rule, Scenario, Schedule, Sizes,
};
use chrono::{DateTime, Utc};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    simulations(&mut criterion);
    schedules(&mut criterion);
    criterion.final_summary();
}

fn simulations(criterion: &mut Criterion) {
    let sizes = Sizes { shared_bytes: 1 << 40, each_bytes: 1 << 30, growth_bytes_per_day: 1 << 20 };
    let scenario = Scenario::new(start(), 10).taking(600).sized(sizes);
    let mut group = criterion.benchmark_group("ten years");
    for (name, plan) in [
        ("hourly, six rules", hourly(six_rules())),
        ("hourly, each for 90 days", hourly(Policy::keep(Rule::ttl(Period::days(90))))),
        ("hourly, six rules asked as a whole", hourly(six_rules().at_most(500))),
        ("mendix in Frankfurt", mendix()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let simulation = black_box(&plan).simulate(&scenario);
                simulation.and_then(|simulation| simulation.summary())
            });
        });
    }
    group.finish();
}

fn schedules(criterion: &mut Criterion) {
    let berlin = "Europe/Berlin".parse().expect("a known zone");
    let nightly = Schedule::from(Cron::new("30 2 * * *").expect("a cron expression").in_zone(berlin));
    let leap_day = Schedule::from(Cron::new("0 0 29 2 *").expect("a cron expression"));
    let mut group = criterion.benchmark_group("schedule");
    group.bench_function("the next night", |bencher| bencher.iter(|| black_box(&nightly).next(start())));
    group.bench_function("the next leap day", |bencher| bencher.iter(|| black_box(&leap_day).next(start())));
    group.bench_function("ten years of nights", |bencher| {
        bencher.iter(|| black_box(&nightly).after(start()).map(|slots| slots.take(3652).count()));
    });
    group.finish();
}

fn start() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::TimeDelta::days(365 * 56)
}

fn hourly(policy: Policy) -> Plan {
    Plan::new(policy).by(Routine::new(Every::new(3600, start()).expect("an hour")))
}

fn mendix() -> Plan {
    "mendix:region=frankfurt".parse::<Preset>().and_then(|preset| preset.plan()).expect("a known preset")
}

fn six_rules() -> Policy {
    Policy::keep(Rule::last(24))
        .and(Rule::hourly(48))
        .and(Rule::daily(30))
        .and(Rule::monthly(12))
        .and(Rule::yearly(6))
        .and(Rule::forever().of([Kind::Manual]))
        .in_zone("Europe/Berlin".parse().expect("a known zone"))
}
