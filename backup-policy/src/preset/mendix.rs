//! Mendix Cloud: nights, of which Sundays are weeks and first Sundays are months (M4 to M7, M9, M14).

use crate::{
    error::Result,
    kind::Kind,
    period::Period,
    plan::{Plan, Routine},
    policy::Policy,
    retry::Retry,
    rule::Rule,
    schedule::Window,
};

pub(super) fn plan(window: Window) -> Result<Plan> {
    let policy = Policy::keep(Rule::ttl(Period::weeks(2)).of([Kind::Nightly]))
        .and(Rule::ttl(Period::months(3)).of([Kind::Weekly]))
        .and(Rule::ttl(Period::years(1)).of([Kind::Monthly]))
        .and(Rule::ttl(Period::months(3)).of([Kind::Manual]))
        .at_least(0)
        .at_least_verified(0)
        .failed_for(Period::weeks(2));
    // Two retries (M14); how long after a failure is not said.
    const DELAY_S: u64 = 5 * 60;
    Ok(Plan::new(policy).by(Routine::nightly(window)).retrying(Retry::new(2, DELAY_S)))
}
