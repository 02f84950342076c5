//! Which backups to keep, as pure functions.
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
//! # How a decision is made
//!
//! 1. Backups that run are kept and not counted. Unsound ones (failed, or needing a backup that is missing or failed)
//!    are kept for [`Policy::failed_ttl`] and not counted. Those from the future are kept and not counted.
//! 2. Of all others, each rule keeps what it names among the kinds it covers. What no rule covers is kept.
//! 3. [`Policy::max_count`] takes back what is beyond a limit.
//! 4. Holds, [`Policy::min_keep`] and [`Policy::min_keep_verified`] keep what they protect, whatever rules say.
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
//! * Under [`Counting::Distinct`] the two ways of pruning agree only if all counting rules cover the same kinds and keep
//!   the last of each bucket, without `within` and `keep_oldest`.
//!
//! # Time
//!
//! Times are instants ([`chrono::DateTime<Utc>`](chrono::DateTime)); days, weeks and months are those of the policy's
//! [`Zone`]. A [`Period`] of three months ends on the same day of the month at the same time of day. A backup expires
//! at the very end of its period, not a moment earlier; that is when it may be deleted, not when it will have been.
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

mod backup;
mod civil;
mod decide;
mod decision;
mod error;
mod kind;
mod period;
mod policy;
mod rule;
mod zone;

pub use self::{
    backup::{Backup, Hold, Status},
    decision::{Decision, Decisions, Expiry, Reason, Removal, Verdict},
    error::{Error, ErrorKind, Result},
    kind::Kind,
    period::Period,
    policy::{Counting, MaxCount, Policy, WeekStart},
    rule::{Anchor, Bucket, Count, Keep, Pick, Rule, Ttl, Unit},
    zone::Zone,
};
