//! Retention written a second time, straight from its definition, slowly and without sharing any code: sets
//! of words for buckets, quadratic searches, and jiff for every calendar question.

use std::collections::{BTreeMap, BTreeSet};

use backup_policy::{
    Anchor, Backup, Bucket, Count, Counting, Decisions, Expiry, Keep, Period, Pick, Policy, Rule, Status,
    Ttl, Unit, Verdict, WeekStart, Zone,
};
use chrono::{DateTime, TimeDelta, Utc};
use jiff::{Span, Timestamp, Zoned, tz::TimeZoneDatabase};

use crate::generate::Case;

/// The answer for one backup: names of reasons and, if kept, the expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Kept(BTreeSet<String>, Expiry),
    Removed(BTreeSet<String>),
}

pub(crate) type Answers = BTreeMap<String, Answer>;

/// What the library says, in the same words.
pub(crate) fn library(policy: &Policy, backups: &[Backup], now: DateTime<Utc>) -> Answers {
    answers(&policy.decide(backups, now).expect("generated policies are valid"))
}

pub(crate) fn answers(decisions: &Decisions<'_>) -> Answers {
    decisions
        .iter()
        .map(|decision| {
            let answer = match decision.verdict() {
                Verdict::Kept { reasons, expiry } => {
                    Answer::Kept(reasons.iter().map(|reason| reason.name()).collect(), expiry)
                }
                Verdict::Removed { reasons } => {
                    Answer::Removed(reasons.iter().map(|reason| reason.as_str().to_owned()).collect())
                }
            };
            (decision.id().to_owned(), answer)
        })
        .collect()
}

/// The same answers, and from when on the log is kept.
pub(crate) fn naive(case: &Case) -> (Answers, Option<DateTime<Utc>>) {
    let mut sorted: Vec<&Backup> = case.backups.iter().collect();
    sorted.sort_by_key(|backup| (backup.time, backup.id.clone()));
    let Case { policy, now, is_deprovisioned, .. } = case;
    let mut answers = Naive {
        policy,
        now: *now,
        is_deprovisioned: *is_deprovisioned,
        sorted,
        kept: BTreeMap::new(),
        removed: BTreeMap::new(),
        log_keep_from: None,
    };
    answers.run();
    (answers.finish(), answers.log_keep_from)
}

struct Naive<'a> {
    policy: &'a Policy,
    now: DateTime<Utc>,
    is_deprovisioned: bool,
    log_keep_from: Option<DateTime<Utc>>,
    sorted: Vec<&'a Backup>,
    kept: BTreeMap<&'a str, Vec<(String, Expiry)>>,
    removed: BTreeMap<&'a str, BTreeSet<String>>,
}

impl<'a> Naive<'a> {
    fn keep(&mut self, backup: &'a Backup, reason: impl Into<String>, expiry: Expiry) {
        self.kept.entry(&backup.id).or_default().push((reason.into(), expiry));
    }

    fn remove(&mut self, backup: &'a Backup, reason: &str) {
        self.removed.entry(&backup.id).or_default().insert(reason.into());
    }

    fn end(&self, backup: &Backup, period: &Period) -> DateTime<Utc> {
        add(backup.time, period, &self.policy.tz)
    }

    fn run(&mut self) {
        let mut eligible = Vec::new();
        for backup in self.sorted.clone() {
            if backup.status == Status::Running {
                self.keep(backup, "in-progress", Expiry::Conditional);
            } else if self.is_unsound(backup) {
                match self.policy.failed_ttl.map(|ttl| self.end(backup, &ttl)) {
                    Some(end) if self.now < end => self.keep(backup, "failed-ttl", Expiry::At(end)),
                    _ => self.remove(backup, "failed-expired"),
                }
            } else if backup.time > self.now {
                self.keep(backup, "future", Expiry::Conditional);
            } else if self.is_deprovisioned
                && !self.policy.purge_on_deprovision.is_empty()
                && backup.kinds.iter().all(|kind| self.policy.purge_on_deprovision.contains(kind))
            {
                self.remove(backup, "deprovisioned");
            } else {
                eligible.push(backup);
            }
        }
        self.rules(&eligible);
        self.cap(&eligible);
        self.protect(&eligible);
        self.window(&eligible);
        while self.close() {}
    }

    fn find(&self, id: &str) -> Option<&'a Backup> {
        self.sorted.iter().copied().find(|backup| backup.id == id)
    }

    fn is_unsound(&self, backup: &Backup) -> bool {
        let mut seen = vec![backup.id.clone()];
        let mut current = backup.clone();
        loop {
            if current.status == Status::Failed {
                return true;
            }
            let Some(parent) = &current.parent else { return false };
            let Some(parent) = self.find(parent) else { return true };
            if seen.contains(&parent.id) {
                return true;
            }
            seen.push(parent.id.clone());
            current = parent.clone();
        }
    }

    fn rules(&mut self, eligible: &[&'a Backup]) {
        let mut counted: BTreeSet<&str> = BTreeSet::new();
        let mut unmatched: Vec<&Backup> = eligible.to_vec();
        for rule in &self.policy.rules {
            let scope: Vec<&Backup> =
                eligible.iter().copied().filter(|backup| in_kinds(rule.kinds.as_ref(), backup)).collect();
            unmatched.retain(|backup| !scope.contains(backup));
            let passed_over = match self.policy.counting {
                Counting::Shared => BTreeSet::new(),
                Counting::Distinct => counted.clone(),
            };
            let chosen = self.rule(rule, &scope, &passed_over);
            for backup in scope {
                if chosen.contains(backup.id.as_str()) {
                    if matches!(rule.keep, Keep::Last(_) | Keep::Bucket(_)) {
                        counted.insert(&backup.id);
                    }
                } else {
                    let reason = match rule.keep {
                        Keep::Last(_) | Keep::Bucket(_) => "superseded",
                        Keep::Tags(_) => "untagged",
                        _ => "expired",
                    };
                    self.remove(backup, reason);
                }
            }
        }
        for backup in unmatched {
            self.keep(backup, "unmatched", Expiry::Never);
        }
    }

    fn rule(&mut self, rule: &Rule, scope: &[&'a Backup], passed_over: &BTreeSet<&str>) -> BTreeSet<&'a str> {
        let mut chosen: Vec<(&'a Backup, String, Expiry)> = Vec::new();
        let name = reason(rule);
        match &rule.keep {
            Keep::Last(n) => {
                let fresh = scope.iter().rev().filter(|backup| !passed_over.contains(backup.id.as_str()));
                chosen.extend(
                    fresh.take(number(*n)).map(|backup| (*backup, name.clone(), Expiry::Conditional)),
                );
            }
            Keep::Bucket(bucket) => {
                for (backup, is_oldest) in self.buckets(bucket, scope, passed_over) {
                    let name = if is_oldest { format!("oldest:{name}") } else { name.clone() };
                    chosen.push((backup, name, Expiry::Conditional));
                }
            }
            Keep::Within { period, anchor } => {
                for backup in scope {
                    let end = self.end(backup, period);
                    if end > self.anchor(*anchor, scope) {
                        let expiry =
                            if *anchor == Anchor::Now { Expiry::At(end) } else { Expiry::Conditional };
                        chosen.push((backup, name.clone(), expiry));
                    }
                }
            }
            Keep::Ttl(Ttl::Forever) => {
                chosen.extend(scope.iter().map(|backup| (*backup, name.clone(), Expiry::Never)));
            }
            Keep::Ttl(Ttl::For(period)) => {
                for backup in scope {
                    let end = self.end(backup, period);
                    if self.now < end {
                        chosen.push((backup, name.clone(), Expiry::At(end)));
                    }
                }
            }
            Keep::Tags(any_of) => {
                for backup in scope {
                    if any_of.iter().any(|all| all.iter().all(|tag| backup.tags.contains(tag))) {
                        chosen.push((backup, name.clone(), Expiry::Never));
                    }
                }
            }
            other => panic!("the oracle does not know {other:?}"),
        }
        let ids = chosen.iter().map(|(backup, ..)| backup.id.as_str()).collect();
        for (backup, name, expiry) in chosen {
            self.keep(backup, name, expiry);
        }
        ids
    }

    fn anchor(&self, anchor: Anchor, scope: &[&Backup]) -> DateTime<Utc> {
        match anchor {
            Anchor::Now => self.now,
            Anchor::Newest => {
                scope.iter().map(|backup| backup.time).max().expect("a scope in use is not empty")
            }
        }
    }

    /// What a bucket rule keeps, and whether only as the oldest.
    fn buckets(
        &self,
        bucket: &Bucket,
        scope: &[&'a Backup],
        passed_over: &BTreeSet<&str>,
    ) -> Vec<(&'a Backup, bool)> {
        let mut groups: Vec<(String, Vec<&'a Backup>)> = Vec::new();
        for backup in scope.iter().rev() {
            let word = self.bucket_word(bucket, backup);
            match groups.iter_mut().find(|(known, _)| *known == word) {
                Some((_, members)) => members.push(backup),
                None => groups.push((word, vec![backup])),
            }
        }
        let mut picks: Vec<&Backup> = groups
            .iter()
            .map(|(_, members)| match bucket.pick {
                Pick::Last => members[0],
                Pick::First => members[members.len() - 1],
            })
            .filter(|pick| !passed_over.contains(pick.id.as_str()))
            .collect();
        let is_unmet = bucket.n == Count::All || picks.len() < number(bucket.n);
        picks.truncate(number(bucket.n));
        if let (true, true, Some(oldest)) = (bucket.keep_oldest, is_unmet, scope.first())
            && !passed_over.contains(oldest.id.as_str())
            && !picks.contains(oldest)
        {
            picks.push(oldest);
        }
        let oldest_only = |backup: &Backup| {
            !groups.iter().any(|(_, members)| match bucket.pick {
                Pick::Last => members[0].id == backup.id,
                Pick::First => members[members.len() - 1].id == backup.id,
            })
        };
        picks
            .into_iter()
            .filter(|pick| {
                bucket.within.is_none_or(|within| self.end(pick, &within) > self.anchor(bucket.anchor, scope))
            })
            .map(|pick| (pick, oldest_only(pick)))
            .collect()
    }

    fn bucket_word(&self, bucket: &Bucket, backup: &Backup) -> String {
        let local = zoned(backup.time, &self.policy.tz);
        let (date, offset, every) = (local.date(), local.offset(), i64::from(bucket.every));
        let epoch = jiff::civil::date(1970, 1, 1);
        let days = |from: jiff::civil::Date| i64::from(date.since(from).expect("days").get_days());
        let months = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
        match bucket.unit {
            Unit::Minutely => format!("{date} {}:{} {offset}", local.hour(), local.minute()),
            Unit::Hourly if every == 1 => format!("{date} {} {offset}", local.hour()),
            Unit::Hourly => format!("{date} {}", i64::from(local.hour()) / every),
            Unit::Daily => days(epoch).div_euclid(every).to_string(),
            Unit::Weekly => {
                let first = match self.policy.week_start {
                    WeekStart::Monday => jiff::civil::date(1970, 1, 5),
                    WeekStart::Sunday => jiff::civil::date(1970, 1, 4),
                };
                days(first).div_euclid(7 * every).to_string()
            }
            Unit::Monthly => (months / every).to_string(),
            Unit::Quarterly => (months / (3 * every)).to_string(),
            Unit::Yearly => (i64::from(date.year()) / every).to_string(),
            other => panic!("the oracle does not know {other:?}"),
        }
    }

    fn cap(&mut self, eligible: &[&'a Backup]) {
        let Some(max_count) = &self.policy.max_count else { return };
        let mut counted = 0;
        for backup in eligible.iter().rev() {
            if self.kept.contains_key(backup.id.as_str()) && in_kinds(max_count.kinds.as_ref(), backup) {
                counted += 1;
                if counted > max_count.n {
                    self.kept.remove(backup.id.as_str());
                    self.remove(backup, "max-count");
                }
            }
        }
    }

    fn protect(&mut self, eligible: &[&'a Backup]) {
        for backup in self.sorted.clone() {
            for hold in &backup.holds {
                match hold.until {
                    None => self.keep(backup, "hold", Expiry::Never),
                    Some(until) if until > self.now => self.keep(backup, "hold", Expiry::At(until)),
                    Some(_) => {}
                }
            }
        }
        if self.is_deprovisioned {
            return;
        }
        let newest = eligible.iter().rev();
        for backup in newest.clone().take(self.policy.min_keep as usize) {
            self.keep(backup, "min-keep", Expiry::Conditional);
        }
        let verified = newest.filter(|backup| backup.verified);
        for backup in verified.take(self.policy.min_keep_verified as usize) {
            self.keep(backup, "min-keep-verified", Expiry::Conditional);
        }
    }

    fn window(&mut self, eligible: &[&'a Backup]) {
        let Some(pitr) = &self.policy.pitr else { return };
        let end = |backup: &Backup| backup.completed_at.unwrap_or(backup.time);
        let is_base = |backup: &&&Backup| in_kinds(pitr.kinds.as_ref(), backup) && end(backup) <= self.now;
        let mut bases: Vec<&Backup> = eligible.iter().filter(is_base).copied().collect();
        bases.sort_by_key(|base| (end(base), base.id.clone()));
        let is_old = |base: &&&Backup| add(end(base), &pitr.window, &self.policy.tz) <= self.now;
        let anchor = bases.iter().rfind(is_old).copied();
        self.log_keep_from = anchor.or(bases.first().copied()).map(|base| base.time);
        let order = |base: &Backup| (end(base), base.id.clone());
        for base in bases {
            match anchor {
                Some(anchor) if order(base) < order(anchor) => {}
                Some(anchor) if anchor.id == base.id => self.keep(base, "pitr-anchor", Expiry::Conditional),
                _ => self.keep(base, "pitr-window", Expiry::Conditional),
            }
        }
    }

    /// Adds one missing `dependency`; false if there is none.
    fn close(&mut self) -> bool {
        for child in self.sorted.clone() {
            let parent = child.parent.as_ref().and_then(|id| self.find(id));
            if let (true, Some(parent)) = (self.kept.contains_key(child.id.as_str()), parent) {
                let reasons = self.kept.get(parent.id.as_str());
                if !reasons.is_some_and(|reasons| reasons.iter().any(|(name, _)| name == "dependency")) {
                    self.keep(parent, "dependency", Expiry::Conditional);
                    return true;
                }
            }
        }
        false
    }

    fn finish(&self) -> Answers {
        self.sorted.iter().map(|backup| (backup.id.clone(), self.answer(&backup.id))).collect()
    }

    fn answer(&self, id: &str) -> Answer {
        let Some(reasons) = self.kept.get(id) else {
            return Answer::Removed(self.removed[id].clone());
        };
        let names = reasons.iter().map(|(name, _)| name.clone()).collect();
        let expiries: Vec<Expiry> = reasons.iter().map(|(_, expiry)| *expiry).collect();
        let latest = expiries.iter().filter_map(|expiry| match expiry {
            Expiry::At(instant) => Some(*instant),
            _ => None,
        });
        let expiry = if expiries.contains(&Expiry::Never) {
            Expiry::Never
        } else if expiries.contains(&Expiry::Conditional) {
            Expiry::Conditional
        } else {
            Expiry::At(latest.max().expect("a kept backup has a reason"))
        };
        Answer::Kept(names, expiry)
    }
}

fn reason(rule: &Rule) -> String {
    if let Some(name) = &rule.name {
        return name.clone();
    }
    match (&rule.keep, &rule.kinds) {
        (Keep::Last(_), _) => "last".into(),
        (Keep::Bucket(bucket), _) => {
            let unit = format!("{:?}", bucket.unit).to_lowercase();
            if bucket.every == 1 { unit } else { format!("{unit}/{}", bucket.every) }
        }
        (Keep::Within { .. }, _) => "within".into(),
        (Keep::Ttl(_), Some(kinds)) if kinds.len() == 1 => {
            format!("ttl:{}", kinds.iter().next().expect("one"))
        }
        (Keep::Ttl(_), _) => "ttl".into(),
        _ => "tag".into(),
    }
}

fn number(count: Count) -> usize {
    match count {
        Count::AtMost(n) => n as usize,
        Count::All => usize::MAX,
    }
}

fn in_kinds(kinds: Option<&BTreeSet<backup_policy::Kind>>, backup: &Backup) -> bool {
    kinds.is_none_or(|kinds| kinds.intersection(&backup.kinds).next().is_some())
}

fn zoned(time: DateTime<Utc>, zone: &Zone) -> Zoned {
    let zone = TimeZoneDatabase::bundled().get(zone.name()).expect("the zone is known");
    let timestamp = Timestamp::new(time.timestamp(), 0).expect("in range");
    timestamp.to_zoned(zone)
}

/// The end of a period, by jiff.
pub(crate) fn add(time: DateTime<Utc>, period: &Period, zone: &Zone) -> DateTime<Utc> {
    let span: Span = period.to_string().parse().expect("ISO 8601");
    let end = zoned(time, zone).checked_add(span).expect("in range");
    DateTime::from_timestamp(end.timestamp().as_second(), 0).expect("in range")
        + TimeDelta::nanoseconds(i64::from(time.timestamp_subsec_nanos()))
}
