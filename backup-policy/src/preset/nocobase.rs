//! NocoBase: a maximum number of backups of all kinds in the local location (N13). Times are the host's
//! (N12), and the copies in a cloud storage (N14) have a policy of their own.

use super::within;
use crate::{error::Result, period::Period, plan::Plan, policy::Policy, rule::Rule};

pub(super) fn plan(n: u32) -> Result<Plan> {
    within("n", n, 1..=u32::MAX)?;
    let policy = Policy::keep(Rule::last(n)).at_least_verified(0).failed_for(Period::days(7));
    Ok(Plan::new(policy))
}
