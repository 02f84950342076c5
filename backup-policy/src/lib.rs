//! When to make backups, which to keep, and why, as pure functions.
//!
//! A [`Policy`] is plain data: rules, a time zone, minimums. [`Policy::decide`] takes what is known of a group of
//! backups and an instant called *now*, and says for each of them whether it is kept, why, and until when. There is no
//! clock, no input or output, and no zone of the machine in here: the same arguments give the same answer everywhere,
//! and deleting is left to the caller.
//!
//! ```
//! use backup_policy::{Backup, Expiry, Policy, Rule, Verdict};
//!
//! let policy = Policy::keep(Rule::daily(2)).and(Rule::monthly(12));
//! let backups = [
//!     Backup::new("a", "2026-08-31T02:00:00Z".parse()?),
//!     Backup::new("b", "2026-09-01T02:00:00Z".parse()?),
//!     Backup::new("c", "2026-09-02T02:00:00Z".parse()?),
//!     Backup::new("d", "2026-09-03T02:00:00Z".parse()?),
//! ];
//! let decisions = policy.decide(&backups, "2026-09-03T12:00:00Z".parse()?)?;
//!
//! let removed: Vec<&str> = decisions.removed().map(|decision| decision.id()).collect();
//! assert_eq!(removed, ["b"]);
//! assert_eq!(
//!     decisions.explain("a").as_deref(),
//!     Some("kept: 2nd of 12 monthly, last backup of 2026-08; no fixed expiry, it depends on the other backups"),
//! );
//! assert_eq!(
//!     decisions.explain("b").as_deref(),
//!     Some("removed: superseded by other backups (daily, monthly)"),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Retention, from the beginning
//!
//! Backups are made again and again, and nobody can keep them all. *Retention* says which stay. A good policy answers
//! two questions: how far back can we go, and how finely? Damage that is noticed tomorrow needs the backup of last
//! night; damage that is noticed in the spring needs one of the autumn, but not every night of it.
//!
//! There are two ways of saying it, and they may be mixed, as a backup stays if *any* rule keeps it:
//!
//! * **By counting**: [`Rule::daily`]`(30)`, [`Rule::monthly`]`(12)`. Of each day one backup, for the newest 30 days
//!   that have one, and so on: many recent ones, ever fewer old ones. If backups stop, nothing is lost, as only a new
//!   one displaces an old one.
//! * **By time to live**: [`Rule::ttl`]`(Period::months(3))`. Each backup for so long, then it is gone. One can promise
//!   a date of deletion. But if backups stop, what there is expires all the same, down to nothing.
//!
//! So the first trap is time to live without a minimum. A weekly backup that is kept for three days leaves four days a
//! week without any. [`Policy::min_keep`], 1 unless told otherwise, keeps the newest sound one whatever happens; failed
//! backups do not count as sound. [`Plan::lint`] finds this trap and others, and names the smallest change that mends it.
//!
//! ```
//! use backup_policy::{Period, Plan, Policy, Routine, Rule, Window};
//!
//! let weekly = Window::new("02:00".parse()?, 120)?.on(backup_policy::Days::weekly(0))?;
//! let plan = Plan::new(Policy::keep(Rule::ttl(Period::days(3))).at_least(0)).by(Routine::new(weekly));
//! assert_eq!(
//!     plan.lint("2026-11-20T12:00:00Z".parse()?, None)?[0].to_string(),
//!     "weekly, kept 3 days: up to 4 of 7 days without a backup; keep P8D or min_keep 1",
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The second trap is to mean different backups by one rule. A rule looks at the [`Kind`]s it is restricted to
//! ([`Rule::of`]), and what no rule looks at is kept for ever: deleting takes an explicit rule. Manual backups, the
//! final ones of sources that are gone, and the safety copies of a restore are best given rules of their own. One backup
//! may have several kinds: a Sunday's nightly is the weekly one too, and stays as long as the longest of its rules says.
//!
//! ```
//! use backup_policy::{Backup, Expiry, Kind, Period, Policy, Rule, Verdict};
//!
//! let policy = Policy::keep(Rule::ttl(Period::weeks(2)).of([Kind::Nightly]))
//!     .and(Rule::ttl(Period::months(3)).of([Kind::Weekly]))
//!     .at_least(0)
//!     .at_least_verified(0);
//! let sunday = Backup::new("b1", "2023-12-03T03:18:00Z".parse()?).with_kinds([Kind::Nightly, Kind::Weekly]);
//! let backups = [sunday];
//! let decisions = policy.decide(&backups, "2023-12-24T00:00:00Z".parse()?)?;
//! assert_eq!(
//!     decisions.explain("b1").as_deref(),
//!     Some("kept: time to live until 2024-03-03T03:18:00Z; expires 2024-03-03T03:18:00Z"),
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The third trap is a change. A smaller count deletes at once what the larger one kept. [`Policy::preview`] says what
//! that is before it happens, and [`Preview::confirm`] gives the list only to whoever confirmed exactly this;
//! [`Policy::weakens`] warns even where there are no backups yet.
//!
//! A backup that must stay, for a court or an audit, gets a [`Hold`]: it is stronger than every rule, and only adds.
//! When a source is taken out of service, [`Policy::decide_deprovisioned`] gives up what the policy says goes with it.
//! With [`Policy::pitr`] any instant of a window can be recovered, not only those of backups: the policy then keeps the
//! backups that this begins with, and [`Decisions::log_keep_from`] says which log must stay.
//!
//! To begin with, take the plan of a known platform from [`Preset`], look at [`Decisions::timeline`] or simulate it,
//! and write down what you rely on as a question file ([`eval`]) for your own tests.
//!
//! # How a decision is made
//!
//! 1. Backups that run are kept and not counted. Unsound ones (failed, or needing a backup that is missing or failed)
//!    are kept for [`Policy::failed_ttl`] and not counted. Those from the future are kept and not counted. If the source
//!    is deprovisioned, those of [`Policy::purge_on_deprovision`] go.
//! 2. Of all others, each rule keeps what it names among the kinds it covers. What no rule covers is kept.
//! 3. [`Policy::max_count`] takes back what is beyond a limit.
//! 4. Holds, [`Policy::min_keep`], [`Policy::min_keep_verified`] and [`Policy::pitr`] keep what they protect, whatever rules
//!    say; the two minimums only while the source exists.
//! 5. What a kept backup needs for its restore is kept.
//!
//! # What can be relied on
//!
//! A hold only adds. With `min_keep` of at least 1 the newest sound backup stays. Deciding again about what was kept,
//! at the same instant, keeps all of it. A larger count or a longer time to live keeps no less, waiting brings
//! nothing back, and pruning after every backup ends like pruning once. The exceptions:
//!
//! * With [`Policy::max_count`] a rule that keeps more may push out what another one kept, so the last three do not
//!   hold; nor, together with [`Pick::First`] or [`Bucket::keep_oldest`], does deciding again keep everything. Use it
//!   where space is limited, not to express retention.
//! * With [`Bucket::within`], what is first or oldest may be gone, and then another backup is: pruning after every
//!   backup may keep more than pruning once.
//! * Pruning after every backup ends like pruning once only if backups arrive in the order of their times, and neither
//!   their status nor the policy or its zone changes in between: what is gone cannot be wanted back.
//! * A rule on a kind that none covered before keeps less, as what no rule covers is kept.
//! * Under [`Counting::Distinct`] the two ways of pruning agree only if all counting rules cover the same kinds and keep
//!   the last of each bucket, without `within` and `keep_oldest`.
//!
//! # Time
//!
//! Times are instants ([`chrono::DateTime<Utc>`](chrono::DateTime)); days, weeks and months are those of the policy's
//! [`Zone`]. A [`Period`] of three months ends on the same day of the month at the same time of day. A backup expires
//! at the very end of its period, not a moment earlier; that is when it may be deleted, not when it will have been.
//!
//! # When to make backups
//!
//! A [`Schedule`] is one endless sequence of [`Slot`]s, the same from wherever one looks: [`Cron`] notation, a
//! [`Window`] in which each environment has its own steady place, so many [`TimesPerDay`], or [`Every`] so many
//! seconds. [`Schedule::next`] and [`Schedule::previous`] give the neighbours of any instant.
//!
//! A host asks [`Schedule::due`], or [`Lifecycle::due`] for an environment that may be stopped or excluded, whenever it
//! wakes. At most one slot runs, the latest, however long nobody asked; [`CatchUp`] says how late it may be, and
//! [`Retry`] what follows a failure. [`Objective::assess`] notices when nothing has run for too long, and
//! [`Plan::simulate`] shows years of a plan before they pass.
//!
//! ```
//! use backup_policy::{CatchUp, Cron, Schedule};
//!
//! let nightly = Schedule::from(Cron::new("0 2 * * *")?);
//! // The machine was off for a weekend and comes back on Monday morning.
//! let last_slot = "2026-11-20T02:00:00Z".parse()?;
//! let due = nightly.due(last_slot, "2026-11-23T08:30:00Z".parse()?, &CatchUp::once())?;
//! assert_eq!(due.slot.map(|slot| slot.run_at().to_rfc3339()).as_deref(), Some("2026-11-23T02:00:00+00:00"));
//! assert_eq!(due.missed, 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Summer time, for those who never thought about it
//!
//! An *instant* is the same everywhere and never repeats. What a clock on a wall shows is something else: in many
//! places it jumps forward by an hour one night in spring and back by an hour one night in autumn. In Berlin, on March 28,
//! 2027, 01:59 is followed by 03:00: half past two does not exist, and the day has 23 hours. On October 31, 2027, 02:59 is
//! followed by 02:00: half past two happens twice, and the day has 25 hours. Backups are made at night, where this
//! happens, so every schedule has to say what it means:
//!
//! | | is meant as | 02:00 to 03:00 is skipped | 02:00 to 03:00 happens twice |
//! |---|---|---|---|
//! | `30 2 * * *`, a [`Window`], [`TimesPerDay`] | an *appointment*: each day has its backup | it runs at the end of the gap, at 03:00 | it runs once, the first time |
//! | `*/15 * * * *`, `0 */2 * * *` | a *rhythm*: no more than so long between two | what is skipped is left out, a quarter of an hour stays one | both are run, a quarter of an hour stays one |
//! | [`Every`], and anything in UTC | elapsed time | nothing changes | nothing changes |
//!
//! ```
//! use backup_policy::{Cron, Schedule};
//!
//! let nightly = Schedule::from(Cron::new("30 2 * * *")?.in_zone("Europe/Berlin".parse()?));
//! let runs: Vec<String> = nightly
//!     .after("2027-03-27T00:00:00Z".parse()?)?
//!     .take(3)
//!     .map(|slot| nightly.zone().local(slot.run_at()).to_rfc3339())
//!     .collect();
//! assert_eq!(runs, ["2027-03-27T02:30:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Not every clock jumps by an hour at two: on Lord Howe Island it is half an hour, in some places it happens at midnight, and Apia
//! once skipped a whole date, which had no backups then. Three pieces of advice cover all of it. Go by UTC unless people
//! care what their clocks show at the time. In a zone, keep appointments out of the hours from 00:00 to 04:00 if
//! two of them must never come close together. And do not write a rhythm inside one hour: `*/15 2 * * *` has no run at all in the
//! night in which there is no such hour ([`Plan::lint`] warns).
//!
//! The same holds for ages. `P1D` after 12:00 is 12:00 of the next day, whether 23, 24 or 25 hours later; `PT24H` is always 24 hours. And which
//! Sunday a backup belongs to depends on where one looks: midnight in Greenwich is still Saturday evening in Sao Paulo. So all dates of a
//! policy are those of one [`Zone`], the slots of a schedule belong to the dates of its zone ([`nightly_kinds`]), and nothing ever depends on the
//! zone of the machine.
//!
//! # Where backup programs disagree
//!
//! | | decision |
//! |---|---|
//! | D1 | A day that a month lacks becomes its last day. A wall time that clocks skip moves forward by the gap; of a repeated one the earlier is meant. Ages are tested by adding to the backup's time, never by subtracting from now. |
//! | D2 | A backup dated in the future is kept, takes no place of another and is no anchor. |
//! | D3 | The two passes of an hour that clocks repeat are two hours. |
//! | D4 | The oldest backup is kept beyond the counts only on request ([`Bucket::keep_oldest`]). |
//! | D5 | Every rule counts on its own, unless the policy says [`Counting::Distinct`]. |
//! | D6 | "Within a week" is measured from the newest backup, so that an outage erodes nothing; from now on request ([`Anchor::Now`]). |
//! | D7 | A kept backup keeps all that its restore needs; what merely builds on it goes its own way. |
//! | D8 | In [`Cron`], if the day of the month and the day of the week are both restricted, either is enough; `*/2` is a restriction ([`DayMatch`] has the other ways). |
//! | D9 | Where clocks change, appointments run once and rhythms keep their intervals. A date that a zone skipped has no runs. |

mod backup;
mod civil;
mod classify;
mod decide;
mod decision;
mod due;
mod error;
mod kind;
mod lifecycle;
mod lint;
mod objective;
mod period;
mod pitr;
mod plan;
mod policy;
mod preset;
mod preview;
mod questions;
mod region;
mod retry;
mod rule;
mod schedule;
mod simulate;
mod zone;

pub use self::{
    backup::{Backup, Hold, Replica, Status},
    classify::nightly_kinds,
    decision::{Bar, Decision, Decisions, Expiry, Lane, Reason, Removal, Timeline, Verdict},
    due::{Absorbed, CatchUp, Due, Grace, Lateness},
    error::{Error, ErrorKind, Result},
    kind::Kind,
    lifecycle::{FinalBackup, Lifecycle, Stage},
    lint::Finding,
    objective::{Assessment, History, Objective, Overdue, Reach, Standing},
    period::Period,
    pitr::{Pitr, Recovery, Stretch},
    plan::{Plan, Routine},
    policy::{Counting, MaxCount, Policy, WeekStart},
    preset::{Preset, PresetEntry, XanoEnvironment},
    preview::{Fingerprint, Preview, Weakening},
    questions::eval,
    region::Region,
    retry::{Attempt, Retry},
    rule::{Anchor, Bucket, Count, Keep, Pick, Rule, Ttl, Unit},
    schedule::{
        Cron, DayMatch, Days, Every, Jitter, Overflow, Schedule, Slot, TimeOfDay, TimesPerDay, Window,
    },
    simulate::{ColdTier, Cost, Day, Failures, Life, Scenario, Simulation, Sizes, Summary, Tariff},
    zone::Zone,
};
