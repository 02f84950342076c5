//! Question files: many questions about policies and schedules, answered at once.

mod answer;

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Quoted, Result};

/// Answers a question file, so that a team can pin what its policies and schedules do, without a repository
/// and in any language.
///
/// A question file is a JSON object of sections, each a list of questions with an `id`. The answer is an
/// object of the same sections, each an object from `id` to answer. A question that is malformed, or asks for
/// what cannot be, gets `{"error": "..."}`; the others are answered all the same. Sections and what they ask:
///
/// | section | question | answer |
/// |---|---|---|
/// | `retention` | `policy`, `now`, `backups`, `deprovisioned`? | `kept` by id with `reasons` and `expiry`, `removed` by id with reasons, `wal_keep_from` |
/// | `preview` | `old`, `new`, `now`, `backups` | `lost`, `still_kept`, `bytes_lost`, `oldest_before` and `_after`, `wal_keep_from_before` and `_after`, `needs_confirmation` |
/// | `add_period` | `time`, `period`, `tz` | the instant at which the period ends |
/// | `schedule` | `schedule`, `from` | the next 10 runs after `from` |
/// | `due` | `schedule`, `last_slot`, `now`, `catch_up` | `action` (`run` or `wait`), `slot`, `missed`, `next` |
/// | `retry` | `retry`, `failed_at`, `next_slot`? | `action` (`run`, `retry` or `give-up`), `at` |
/// | `classify` | `slot`, `tz` | the kinds of a nightly backup of that slot |
/// | `cron_errors` | `expr` | `"accepted"` or `"error"` |
///
/// ```
/// let answers = backup_policy::eval(r#"{
///     "add_period": [{"id": "M9", "time": "2025-12-03T03:18:00Z", "period": "P3M", "tz": "UTC"}]
/// }"#)?;
/// assert_eq!(answers, r#"{
///   "add_period": {
///     "M9": "2026-03-03T03:18:00Z"
///   }
/// }"#);
/// # Ok::<(), backup_policy::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Syntax`] if the file as a whole is not a JSON object.
pub fn eval(questions: &str) -> Result<String> {
    let sections: Map<String, Value> = serde_json::from_str(questions).map_err(|error| {
        Error::new(
            ErrorKind::Syntax,
            format!("the question file is not a JSON object of sections: {error}: correct it"),
        )
    })?;
    let answers: Map<String, Value> = sections
        .into_iter()
        .map(|(section, questions)| {
            let answers = answer_section(&section, questions);
            (section, answers)
        })
        .collect();
    Ok(format!("{:#}", Value::Object(answers)))
}

fn answer_section(section: &str, questions: Value) -> Value {
    let Value::Array(questions) = questions else {
        return error("a section is a list of questions, each with an \"id\": make it one");
    };
    let mut answers = Map::new();
    for (index, question) in questions.into_iter().enumerate() {
        let (id, answer) = match identify(question) {
            Ok((id, _)) if answers.contains_key(&id) => {
                let message = format!("two questions have the id {}: give each its own", Quoted(&id));
                (id, error(message))
            }
            Ok((id, question)) => {
                let answer = answer::answer(section, question).unwrap_or_else(error);
                (id, answer)
            }
            Err(message) => (format!("#{index}"), error(message)),
        };
        answers.insert(id, answer);
    }
    Value::Object(answers)
}

/// The id of a question, and the rest of it.
fn identify(question: Value) -> Result<(String, Map<String, Value>), String> {
    let Value::Object(mut question) = question else {
        return Err("a question is an object with an \"id\": make it one".into());
    };
    match question.remove("id") {
        Some(Value::String(id)) => Ok((id, question)),
        Some(Value::Number(id)) => Ok((id.to_string(), question)),
        _ => Err("a question has no \"id\": give it one, a text".into()),
    }
}

fn error(message: impl Into<String>) -> Value {
    json!({ "error": message.into() })
}
