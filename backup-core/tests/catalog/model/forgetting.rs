//! Forgetting by a policy, with or without something that happens between the plan and its execution.

use backup_core::{ErrorKind, ForgetPlan, ForgetRequest};
use chrono::{DateTime, TimeDelta, Utc};

use super::naive::What;
use super::operation::{Forgetting, Then};
use super::retention::Plan;
use super::world::World;

impl World {
    pub(super) async fn forget(&mut self, handle: usize, forgetting: &Forgetting) {
        let ahead = forgetting.hours.map(|hours| TimeDelta::hours(hours.into()));
        let fixed = ahead.map(|ahead| self.now(handle) + ahead);
        let planned_at = fixed.unwrap_or_else(|| self.now(handle));
        let plan = self.request(handle, forgetting, fixed).plan().await.unwrap();
        let planned = self.judge(handle, forgetting, planned_at);
        assert_eq!(plan.now, planned_at);
        expect_same(&plan, &planned);
        if let Some(between) = &forgetting.between {
            self.aim = if between.aimed { self.places(&planned.removed_ids()) } else { Vec::new() };
            self.step(&between.step).await;
            self.aim.clear();
        }
        match forgetting.then {
            Then::Nothing => {}
            Then::Execute => {
                let again = self.judge(handle, forgetting, planned_at);
                let expected = planned.expect_same(&again, &self.backups, self.now(handle));
                self.count_if("a plan that was refused", expected.is_err());
                let report = plan.execute().await;
                if let Some(report) = self.expect("a forgetting", report, expected) {
                    self.forgotten(handle, &planned, &report);
                }
            }
            Then::Confirm(handle) => {
                let again = self.judge(handle, forgetting, fixed.unwrap_or_else(|| self.now(handle)));
                let expected = match again.removed_ids() == planned.removed_ids() {
                    false => Err(ErrorKind::Invalid),
                    true => again.expect_same(&again, &self.backups, self.now(handle)),
                };
                self.count_if("a plan that was refused", expected.is_err());
                let report = self.request(handle, forgetting, fixed).confirmed(&plan.fingerprint).await;
                if let Some(report) = self.expect("a confirmed forgetting", report, expected) {
                    self.forgotten(handle, &again, &report);
                }
            }
        }
    }

    fn request(&self, handle: usize, forgetting: &Forgetting, now: Option<DateTime<Utc>>) -> ForgetRequest {
        let request = self.repository(handle).forget(&forgetting.policy).by("alice");
        let request = forgetting.environment.into_iter().fold(request, ForgetRequest::of);
        now.into_iter().fold(request, ForgetRequest::now)
    }

    fn judge(&self, handle: usize, forgetting: &Forgetting, now: DateTime<Utc>) -> Plan {
        let mut backups = self.ordered();
        backups.retain(|backup| forgetting.environment.is_none_or(|name| backup.environment == name));
        Plan::of(backups.into_iter(), &forgetting.policy, self.now(handle), now)
    }

    fn forgotten(&mut self, handle: usize, plan: &Plan, report: &backup_core::ForgetReport) {
        let removed = plan.removed_ids();
        assert!(report.deleted.iter().eq(&removed), "{:?} instead of {removed:?}", report.deleted);
        assert!(report.held.is_empty(), "{:?}", report.held);
        assert_eq!(report.kept, (plan.count() - removed.len()) as u64);
        self.count_if("a backup that was forgotten", !removed.is_empty());
        for place in self.places(&removed) {
            self.remember(handle, place, What::Deleted);
        }
    }
}

fn expect_same(plan: &ForgetPlan, planned: &Plan) {
    assert!(plan.refused.is_empty(), "{:?}", plan.refused);
    assert_eq!(plan.groups.len(), planned.groups.len());
    for (group, judged) in plan.groups.iter().zip(&planned.groups) {
        let told: Vec<_> = group.decisions.iter().map(|told| (told.backup.id, told.kept)).collect();
        assert_eq!(told, judged.iter().map(|judged| (judged.id, judged.kept)).collect::<Vec<_>>());
        for (told, judged) in group.decisions.iter().zip(judged) {
            let explanation = judged.explanation.as_ref().unwrap_or(&told.explanation);
            assert_eq!(told.explanation, *explanation);
        }
    }
    let removed = planned.removed().count();
    assert_eq!((plan.removed, plan.kept), (removed as u64, (planned.count() - removed) as u64));
}
