use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::{
    kind::Kind,
    period::Period,
    pitr::Pitr,
    policy::{Counting, MaxCount, Policy},
    rule::{Rule, Unit},
};

/// One way in which a new policy may keep less than an old one, whatever backups there are. `Display` says it
/// in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Weakening {
    /// A rule is gone or keeps less, and none of the new ones keeps as much.
    Rule {
        /// What reasons call the old rule.
        rule: String,
    },
    /// Backups of these kinds were covered by no rule, so they were all kept; now one covers them.
    NewlyCovered {
        /// The kinds; absent means all that old rules did not name.
        kinds: Option<BTreeSet<Kind>>,
    },
    /// Rules now share backups instead of passing over what others keep.
    Counting,
    /// Days and months are those of another zone, so other backups are the last of theirs.
    Zone,
    /// Weeks begin on another day, so other backups are the last of theirs.
    WeekStart,
    /// There is a maximum now, or a smaller one, or one for other kinds.
    MaxCount,
    /// With a maximum, rules that keep other backups push out old ones.
    Displacement,
    /// Fewer of the newest are always kept.
    MinKeep,
    /// Fewer of the newest verified ones are always kept.
    MinKeepVerified,
    /// What cannot be restored is kept for a shorter time.
    FailedTtl,
    /// The window of point-in-time recovery is shorter, gone, or begins with backups of other kinds.
    Pitr,
    /// Backups of these kinds now go when the source is deprovisioned.
    PurgeOnDeprovision {
        /// The kinds.
        kinds: BTreeSet<Kind>,
    },
    /// No copies are kept in a location any more.
    NoCopies {
        /// The location.
        location: String,
    },
    /// Less may be kept of the copies in a location.
    OfCopies {
        /// The location.
        location: String,
        /// What is weaker there.
        weakening: Box<Self>,
    },
    /// No final backup is made any more.
    NoFinalBackup,
}

/// What changing from `old` to `new` may weaken, in the order of the fields of a policy.
pub(crate) fn weakenings(old: &Policy, new: &Policy) -> Vec<Weakening> {
    let mut found = Vec::new();
    if old.tz != new.tz && (old.uses_calendar() || new.uses_calendar()) {
        found.push(Weakening::Zone);
    }
    let has_weeks = |policy: &Policy| policy.buckets().any(|bucket| bucket.unit == Unit::Weekly);
    if old.week_start != new.week_start && (has_weeks(old) || has_weeks(new)) {
        found.push(Weakening::WeekStart);
    }
    if old.counting == Counting::Distinct && new.counting == Counting::Shared && old.rules.len() > 1 {
        found.push(Weakening::Counting);
    }
    found.extend(weaker_rules(old, new).map(|rule| Weakening::Rule { rule: rule.reason() }));
    found.extend(newly_covered(old, new).map(|kinds| Weakening::NewlyCovered { kinds }));
    found.extend(tighter_maximum(old, new));
    if new.min_keep < old.min_keep {
        found.push(Weakening::MinKeep);
    }
    if new.min_keep_verified < old.min_keep_verified {
        found.push(Weakening::MinKeepVerified);
    }
    if is_shorter(old.failed_ttl, new.failed_ttl) {
        found.push(Weakening::FailedTtl);
    }
    if old.pitr.as_ref().is_some_and(|pitr| is_narrower(pitr, new.pitr.as_ref())) {
        found.push(Weakening::Pitr);
    }
    let kinds: BTreeSet<Kind> =
        new.purge_on_deprovision.difference(&old.purge_on_deprovision).cloned().collect();
    if !kinds.is_empty() {
        found.push(Weakening::PurgeOnDeprovision { kinds });
    }
    found
}

/// The old rules that no new one makes up for.
fn weaker_rules<'a>(old: &'a Policy, new: &'a Policy) -> impl Iterator<Item = &'a Rule> {
    let in_order = old.counting == Counting::Distinct && new.counting == Counting::Distinct;
    // What a counting rule passes over depends on those before it, so they must find their match in the same
    // order.
    let mut rest = new.rules.iter();
    old.rules.iter().filter(move |rule| {
        if new.rules.is_empty() || rule.keeps_nothing() {
            false
        } else if in_order && rule.counts() {
            let mut ahead = rest.clone();
            let is_met = ahead.any(|new| new.counts_as_much_as(rule));
            if is_met {
                rest = ahead;
            }
            !is_met
        } else {
            !new.rules.iter().any(|new| new.keeps_as_much_as(rule))
        }
    })
}

/// The kinds that only new rules cover, unless one of these keeps all of the kind.
fn newly_covered(old: &Policy, new: &Policy) -> Option<Option<BTreeSet<Kind>>> {
    let covers_all = |rules: &[Rule]| rules.iter().any(|rule| rule.kinds.is_none());
    let keeping: Vec<Rule> = new.rules.iter().filter(|rule| rule.keeps_all()).cloned().collect();
    if covers_all(&old.rules) || covers_all(&keeping) {
        return None;
    }
    if covers_all(&new.rules) {
        return Some(None);
    }
    let named = |rules: &[Rule]| -> BTreeSet<Kind> {
        rules.iter().flat_map(|rule| rule.kinds.clone()).flatten().collect()
    };
    let known = &named(&old.rules) | &named(&keeping);
    let fresh = &named(&new.rules) - &known;
    (!fresh.is_empty()).then_some(Some(fresh))
}

fn tighter_maximum(old: &Policy, new: &Policy) -> Option<Weakening> {
    let limit = new.max_count.as_ref()?;
    let is_looser = |before: &MaxCount| {
        let is_same_scope = match (&before.kinds, &limit.kinds) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(kinds), Some(fewer)) => fewer.is_subset(kinds),
        };
        limit.n >= before.n && is_same_scope
    };
    if !old.max_count.as_ref().is_some_and(is_looser) {
        return Some(Weakening::MaxCount);
    }
    (old.rules != new.rules || old.counting != new.counting).then_some(Weakening::Displacement)
}

fn is_shorter(old: Option<Period>, new: Option<Period>) -> bool {
    old.is_some_and(|old| !new.is_some_and(|new| new.is_never_shorter_than(&old)))
}

fn is_narrower(old: &Pitr, new: Option<&Pitr>) -> bool {
    !new.is_some_and(|new| new.kinds == old.kinds && new.window.is_never_shorter_than(&old.window))
}

impl fmt::Display for Weakening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule } => write!(f, "the rule {rule:?} keeps less, and no other keeps as much"),
            Self::NewlyCovered { kinds: None } => {
                f.write_str("backups that no rule covered, and that were all kept, are now covered")
            }
            Self::NewlyCovered { kinds: Some(kinds) } => {
                write!(
                    f,
                    "backups of these kinds were covered by no rule, so all were kept, and now are: {}",
                    List(kinds)
                )
            }
            Self::Counting => f.write_str("rules share backups instead of passing over what others keep"),
            Self::Zone => f.write_str("days and months are those of another time zone"),
            Self::WeekStart => f.write_str("weeks begin on another day"),
            Self::MaxCount => f.write_str("the maximum count is new, smaller, or for more kinds"),
            Self::Displacement => {
                f.write_str("other rules under a maximum count may push out what is kept now")
            }
            Self::MinKeep => f.write_str("fewer of the newest are always kept"),
            Self::MinKeepVerified => f.write_str("fewer of the newest verified ones are always kept"),
            Self::FailedTtl => f.write_str("backups that cannot be restored go earlier"),
            Self::Pitr => f.write_str(
                "the window of point-in-time recovery is shorter, gone, or begins with other kinds",
            ),
            Self::PurgeOnDeprovision { kinds } => {
                write!(f, "backups of these kinds now go when their source is deprovisioned: {}", List(kinds))
            }
            Self::NoCopies { location } => write!(f, "no copies are kept in {location:?}"),
            Self::OfCopies { location, weakening } => write!(f, "of the copies in {location:?}: {weakening}"),
            Self::NoFinalBackup => f.write_str("no final backup is made when the source is deprovisioned"),
        }
    }
}

/// Names of kinds, after commas.
struct List<'a>(&'a BTreeSet<Kind>);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(Kind::as_str).collect();
        f.write_str(&names.join(", "))
    }
}
