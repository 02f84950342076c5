//! Question files ask the same as the library is asked.

use backup_policy::{Backup, Expiry, Policy, eval};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    generate::case,
    oracle::{Answer, answers},
};

fn form(answer: &Answer) -> (bool, Value) {
    match answer {
        Answer::Kept(reasons, expiry) => {
            let expiry = match expiry {
                Expiry::At(at) => json!({"kind": "at", "at": at}),
                Expiry::Conditional => json!({"kind": "conditional"}),
                Expiry::Never => json!({"kind": "never"}),
            };
            (true, json!({"reasons": reasons, "expiry": expiry}))
        }
        Answer::Removed(reasons) => (false, json!(reasons)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn a_retention_question_has_the_librarys_answer(case in case()) {
        let policy = serde_json::to_value(&case.policy).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Policy>(policy.clone()).unwrap(), &case.policy);
        let backups = serde_json::to_value(&case.backups).unwrap();
        prop_assert_eq!(&serde_json::from_value::<Vec<Backup>>(backups.clone()).unwrap(), &case.backups);

        let question = json!({"id": "q", "policy": policy, "now": case.now, "backups": backups,
                              "deprovisioned": case.is_deprovisioned});
        let said: Value = serde_json::from_str(&eval(&json!({"retention": [question]}).to_string()).unwrap()).unwrap();
        let decisions = case.decide();
        let (mut kept, mut removed) = (json!({}), json!({}));
        for (id, answer) in answers(&decisions) {
            let (is_kept, form) = form(&answer);
            let side = if is_kept { &mut kept } else { &mut removed };
            side[id] = form;
        }
        let expected = json!({"kept": kept, "removed": removed, "wal_keep_from": decisions.log_keep_from()});
        prop_assert_eq!(&said["retention"]["q"], &expected);
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", period in "P?[0-9YMWDTHS]{0,12}", seconds in any::<i64>(), n in any::<i64>()) {
        let _ = eval(&text);
        let time = chrono::DateTime::from_timestamp(seconds, 0).map_or(text.clone(), |time| time.to_rfc3339());
        let questions = json!({
            "retention": [{"id": "a", "now": time, "backups": [{"id": text, "time": "2026-01-01T00:00:00Z", "completed_at": time}],
                "policy": {"rules": [{"type": "bucket", "unit": "daily", "n": n, "every": n, "within": period}],
                           "failed_ttl": period, "pitr": {"window": period}, "max_count": {"n": n}}}],
            "add_period": [{"id": "a", "time": time, "period": period, "tz": "Europe/Berlin"}],
            "schedule": [{"id": "a", "from": time, "schedule": {"type": "every", "seconds": n, "anchor": time}},
                         {"id": "b", "from": time, "schedule": {"type": "cron", "expr": "0 2 * * *", "tz": "Pacific/Apia"}}],
            "due": [{"id": "a", "last_slot": time, "now": "2026-01-01T00:00:00Z", "catch_up": {"mode": "within", "seconds": n},
                     "schedule": {"type": "times_per_day", "n": 24}}],
            "retry": [{"id": "a", "failed_at": [time], "retry": {"max_retries": 9, "delay_s": n, "factor": n}}],
            "classify": [{"id": "a", "slot": time, "tz": text}],
            "cron_errors": [{"id": "a", "expr": text}],
        });
        let said: Value = serde_json::from_str(&eval(&questions.to_string()).unwrap()).unwrap();
        prop_assert_eq!(said.as_object().unwrap().len(), 7);
    }
}
