//! A million backups under six rules: to be decided within a second.

use std::hint::black_box;

use backup_policy::{Anchor, Backup, Bucket, Count, Kind, Period, Pitr, Policy, Rule, Unit};
use chrono::{DateTime, TimeDelta, Utc};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let now: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(365 * 56);
    let independent = million(now, false);
    let chained = million(now, true);

    let mut group = criterion.benchmark_group("a million backups");
    for (name, policy, backups) in [
        ("six counts", counts(), &independent),
        ("six counts, a window and chains", windowed(), &chained),
        ("every bucket of six units", everything(), &independent),
        ("six ages", ages(), &independent),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let decisions = black_box(&policy).decide(black_box(backups), now);
                decisions.map(|decisions| decisions.kept().count())
            });
        });
    }
    group.bench_function("preview of a change", |bencher| {
        bencher.iter(|| black_box(&everything()).preview(&counts(), black_box(&independent), now));
    });
    group.finish();
}

/// Twenty minutes apart, in no order, half of them with a second kind.
fn million(now: DateTime<Utc>, is_chained: bool) -> Vec<Backup> {
    const COUNT: i32 = 1_000_000;
    // A number without a common divisor walks through all of them in another order.
    let numbers = (0..i64::from(COUNT)).map(|index| index * 617_363 % i64::from(COUNT));
    let backup = |number: i64| {
        let time = now - TimeDelta::minutes(20) * COUNT + TimeDelta::minutes(20 * number);
        let backup = Backup::new(format!("backup-{number:07}"), time).with_size(1 << 30);
        let backup =
            if number % 2 == 0 { backup.with_kinds([Kind::Nightly, Kind::Automatic]) } else { backup };
        if is_chained && number % 8 != 0 {
            backup.with_parent(format!("backup-{:07}", number - 1))
        } else {
            backup
        }
    };
    numbers.map(backup).collect()
}

fn in_berlin(rules: [Rule; 6]) -> Policy {
    let policy = rules.into_iter().fold(Policy::keep_everything(), Policy::and);
    policy.in_zone("Europe/Berlin".parse().expect("a known zone"))
}

fn counts() -> Policy {
    in_berlin([
        Rule::last(100),
        Rule::hourly(48),
        Rule::daily(60),
        Rule::weekly(52),
        Rule::monthly(36),
        Rule::yearly(Count::All),
    ])
}

fn windowed() -> Policy {
    let mut policy = counts();
    policy.pitr = Some(Pitr::window(Period::days(7)));
    policy
}

fn everything() -> Policy {
    let first = |unit| Bucket::new(unit, Count::All).first().rule();
    in_berlin(
        [Unit::Minutely, Unit::Hourly, Unit::Daily, Unit::Weekly, Unit::Monthly, Unit::Yearly].map(first),
    )
}

fn ages() -> Policy {
    let tier = |unit, period| Bucket::new(unit, Count::All).within(period, Anchor::Newest).rule();
    in_berlin([
        Rule::ttl(Period::weeks(2)).of([Kind::Nightly]),
        Rule::ttl(Period::months(3)),
        Rule::within(Period::days(30)),
        Rule::within_of_now(Period::months(6)),
        tier(Unit::Daily, Period::years(2)),
        tier(Unit::Monthly, Period::years(10)),
    ])
}
