//! What people and programs do with a repository.

use std::collections::BTreeSet;

use backup_core::policy::{Bucket, Period, Policy, Rule, Unit};
use backup_core::{BackupStatus, Contents, Kind};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::application::{ENVIRONMENTS, SERVICES};

/// One operation through one of the handles.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) handle: usize,
    pub(super) operation: Operation,
}

/// Backups are chosen among all that ever were, the removed ones too.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    BackUp(Order),
    Say { about: Index, words: Words },
    Verify(Index),
    Delete { backup: Index, planned: bool },
    Undelete(Index),
    Forget(Forgetting),
    Prune { grace_hours: u32, max_unused: u8 },
    Reopen,
    Pass { hours: u32 },
    List(Filter),
    Find { environment: Option<&'static str>, what: Sought },
    Environments,
    Restore(Index),
}

/// A backup to be made.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) environment: &'static str,
    /// Only these services; all if there is none.
    pub(super) only: Vec<&'static str>,
    /// The service that fails, if any.
    pub(super) fails: Option<&'static str>,
    pub(super) partial: bool,
    /// Whether the storage fails before the confirmation.
    pub(super) interrupted: bool,
    pub(super) kinds: BTreeSet<Kind>,
    pub(super) tags: Vec<&'static str>,
    pub(super) comment: &'static str,
    /// What changes in the application before: where, and to what.
    pub(super) changes: Vec<(usize, u64)>,
}

/// Something to be said about a backup; times are hours from now.
#[derive(Debug, Clone)]
pub(super) enum Words {
    Hold { name: &'static str, hours: Option<i64> },
    Release { name: &'static str },
    Tag { add: Vec<&'static str>, remove: Vec<&'static str> },
    Comment(&'static str),
    Convert(BTreeSet<Kind>),
    Pin { name: &'static str, hours: i64 },
}

/// Forgetting by a policy: planned, and what becomes of the plan.
#[derive(Debug, Clone)]
pub(super) struct Forgetting {
    pub(super) policy: Policy,
    pub(super) environment: Option<&'static str>,
    /// Judged so many hours from now.
    pub(super) hours: Option<u32>,
    pub(super) between: Option<Between>,
    pub(super) then: Then,
}

/// What happens between a plan and what becomes of it.
#[derive(Debug, Clone)]
pub(super) struct Between {
    pub(super) step: Box<Step>,
    /// Whether it is about a backup that the plan removes.
    pub(super) aimed: bool,
}

/// What becomes of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) enum Then {
    Nothing,
    Execute,
    /// Its fingerprint is confirmed through this handle.
    Confirm(usize),
}

#[derive(Debug, Clone)]
pub(super) struct Filter {
    pub(super) environment: Option<&'static str>,
    pub(super) service: Option<&'static str>,
    pub(super) kind: Option<Kind>,
    pub(super) tags: Vec<&'static str>,
    /// Hours before now.
    pub(super) since: Option<u32>,
    pub(super) until: Option<u32>,
    pub(super) statuses: Vec<BackupStatus>,
    pub(super) contents: Option<Contents>,
    pub(super) restorable: bool,
    pub(super) existing: Option<Vec<&'static str>>,
    pub(super) newest_first: bool,
    pub(super) take: Option<usize>,
}

#[derive(Debug, Clone)]
pub(super) enum Sought {
    Latest,
    LatestRestorable,
    LatestVerified,
    Id(Index),
    /// By the last twelve digits of its id.
    Piece(Index),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let forget = forgetting().prop_map(Operation::Forget);
    (handle(), prop_oneof![22 => simple(), 3 => forget])
        .prop_map(|(handle, operation)| Step { handle, operation })
}

/// Everything that can also happen between a plan and its execution.
fn simple() -> BoxedStrategy<Operation> {
    let prune = (select(vec![0, 0, 5, 24]), select(vec![0, 5, 100]));
    let find = (prop::option::of(environment()), sought());
    prop_oneof![
        7 => order().prop_map(Operation::BackUp),
        10 => say(),
        1 => any::<Index>().prop_map(Operation::Verify),
        2 => delete(),
        2 => any::<Index>().prop_map(Operation::Undelete),
        1 => prune.prop_map(|(grace_hours, max_unused)| Operation::Prune { grace_hours, max_unused }),
        1 => Just(Operation::Reopen),
        3 => (0_u32..30).prop_map(|hours| Operation::Pass { hours }),
        2 => filter().prop_map(Operation::List),
        2 => find.prop_map(|(environment, what)| Operation::Find { environment, what }),
        1 => Just(Operation::Environments),
        1 => any::<Index>().prop_map(Operation::Restore),
    ]
    .boxed()
}

fn say() -> impl Strategy<Value = Operation> {
    (any::<Index>(), words()).prop_map(|(about, words)| Operation::Say { about, words })
}

fn delete() -> impl Strategy<Value = Operation> {
    (any::<Index>(), any::<bool>()).prop_map(|(backup, planned)| Operation::Delete { backup, planned })
}

fn order() -> impl Strategy<Value = Order> {
    let whole = prop_oneof![
        5 => Just(Vec::new()),
        2 => Just(vec!["database"]),
        1 => Just(vec!["uploads", "media"]),
        1 => subsequence(&SERVICES, 1..=3),
    ];
    let fails = prop::option::weighted(0.25, select(&SERVICES[..]));
    let said = (subsequence(KINDS.to_vec(), 0..3), subsequence(TAGS.to_vec(), 0..3), select(&COMMENTS[..]));
    let changes = prop::collection::vec((0_usize..16, 0_u64..6), 0..4);
    let how = (prop::bool::weighted(0.7), prop::bool::weighted(0.06));
    (environment(), whole, fails, how, said, changes).prop_map(
        |(environment, only, fails, (partial, interrupted), (kinds, tags, comment), changes)| {
            let kinds = kinds.into_iter().collect();
            Order { environment, only, fails, partial, interrupted, kinds, tags, comment, changes }
        },
    )
}

fn words() -> impl Strategy<Value = Words> {
    let hold = (name(), prop::option::of(hours())).prop_map(|(name, hours)| Words::Hold { name, hours });
    let tags = || subsequence(TAGS.to_vec(), 0..3);
    let kinds =
        subsequence(KINDS.to_vec(), 0..3).prop_map(|kinds| Words::Convert(kinds.into_iter().collect()));
    prop_oneof![
        3 => hold,
        3 => name().prop_map(|name| Words::Release { name }),
        2 => (tags(), tags()).prop_map(|(add, remove)| Words::Tag { add, remove }),
        1 => select(&COMMENTS[..]).prop_map(Words::Comment),
        2 => kinds,
        2 => (name(), hours()).prop_map(|(name, hours)| Words::Pin { name, hours }),
    ]
}

fn forgetting() -> impl Strategy<Value = Forgetting> {
    let hours = prop::option::weighted(0.2, 0_u32..100);
    let happens = prop_oneof![3 => say(), 1 => delete(), 3 => simple()];
    let between = (handle(), happens, any::<bool>())
        .prop_map(|(handle, operation, aimed)| Between { step: Box::new(Step { handle, operation }), aimed });
    let then = prop_oneof![
        1 => Just(Then::Nothing),
        4 => Just(Then::Execute),
        4 => handle().prop_map(Then::Confirm),
    ];
    (policy(), prop::option::of(environment()), hours, prop::option::weighted(0.7, between), then).prop_map(
        |(policy, environment, hours, between, then)| Forgetting {
            policy,
            environment,
            hours,
            between,
            then,
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let limits = (0_u32..4, 0_u32..2, prop::option::weighted(0.2, 1_u32..6), prop::option::of(1_u32..4));
    (prop::collection::vec(rule(), 0..4), limits, prop::bool::weighted(0.2)).prop_map(
        |(rules, (newest, verified, most, failed_days), distinct)| {
            let empty = Policy::keep_everything().at_least(newest).at_least_verified(verified);
            let mut policy = rules.into_iter().fold(empty, Policy::and);
            if let Some(most) = most {
                policy = policy.at_most(most);
            }
            if let Some(days) = failed_days {
                policy = policy.failed_for(Period::days(days));
            }
            if distinct { policy.counting_distinct() } else { policy }
        },
    )
}

fn rule() -> impl Strategy<Value = Rule> {
    let keep = prop_oneof![
        3 => (1_u32..5).prop_map(Rule::last),
        2 => (1_u32..4).prop_map(Rule::daily),
        1 => (1_u32..4).prop_map(|count| Bucket::new(Unit::Hourly, count).every(6).keep_oldest().rule()),
        1 => (1_u32..5).prop_map(|days| Rule::within(Period::days(days))),
        1 => (1_u32..5).prop_map(|days| Rule::ttl(Period::days(days))),
        1 => Just(Rule::forever().of([Kind::Manual])),
        1 => select(TAGS.to_vec()).prop_map(|tag| Rule::tagged([tag])),
    ];
    (keep, prop::option::weighted(0.25, select(KINDS.to_vec())))
        .prop_map(|(rule, kind)| if let Some(kind) = kind { rule.of([kind]) } else { rule })
}

fn filter() -> impl Strategy<Value = Filter> {
    let what = (
        prop::option::of(environment()),
        prop::option::weighted(0.3, select(&SERVICES[..])),
        prop::option::weighted(0.3, select(KINDS.to_vec())),
        subsequence(TAGS.to_vec(), 0..2),
        prop::option::weighted(0.3, 0_u32..200),
        prop::option::weighted(0.3, 0_u32..200),
    );
    let all = vec![BackupStatus::Completed, BackupStatus::Unconfirmed, BackupStatus::Deleted];
    let contents = vec![Contents::Full, Contents::DatabaseOnly, Contents::FilesOnly, Contents::Partial];
    let how = (
        subsequence(all, 0..=3),
        prop::option::weighted(0.3, select(contents)),
        prop::bool::weighted(0.3),
        prop::option::weighted(0.2, subsequence(&ENVIRONMENTS, 0..=2)),
        any::<bool>(),
        prop::option::weighted(0.3, 0_usize..5),
    );
    (what, how).prop_map(
        |(
            (environment, service, kind, tags, since, until),
            (statuses, contents, restorable, existing, newest_first, take),
        )| Filter {
            environment,
            service,
            kind,
            tags,
            since,
            until,
            statuses,
            contents,
            restorable,
            existing,
            newest_first,
            take,
        },
    )
}

fn sought() -> impl Strategy<Value = Sought> {
    prop_oneof![
        Just(Sought::Latest),
        Just(Sought::LatestRestorable),
        Just(Sought::LatestVerified),
        any::<Index>().prop_map(Sought::Id),
        any::<Index>().prop_map(Sought::Piece),
    ]
}

fn handle() -> std::ops::Range<usize> {
    0..2
}

/// Often so few that it depends on the clock whether they are over.
fn hours() -> impl Strategy<Value = i64> {
    prop_oneof![3 => -3_i64..8, 1 => 0_i64..60]
}

fn environment() -> impl Strategy<Value = &'static str> {
    select(&ENVIRONMENTS[..])
}

fn name() -> impl Strategy<Value = &'static str> {
    select(&["audit", "case-17"][..])
}

const KINDS: [Kind; 4] = [Kind::Manual, Kind::Nightly, Kind::Weekly, Kind::Final];
const TAGS: [&str; 4] = ["new", "audited", "red", "release"];
const COMMENTS: [&str; 3] = ["", "before the move", "two\nlines"];
