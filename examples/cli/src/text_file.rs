//! Files that people write for this program: TOML, or JSON where a file may be of either form.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use backup_core::policy::{Plan, Policy, Schedule};
use backup_core::{Error, ErrorKind};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::failure::Failure;
use crate::output::plain_path;

/// Nobody writes a longer one: somebody named a disk image.
const LONGEST: u64 = 1 << 20;

/// For lists that programs write: half a million backups are shorter.
pub(crate) const LONGEST_LIST: u64 = 64 << 20;

/// Reads a TOML file; `what` it is appears in errors.
pub(crate) fn read<T: DeserializeOwned>(what: &str, path: &Path) -> Result<T, Failure> {
    let text = text(what, path, LONGEST)?;
    from_toml(&text).map_err(|reason| misunderstood(what, path, &reason))
}

/// Reads a policy: JSON if the name of the file ends so or it begins with a brace, otherwise TOML.
pub(crate) fn read_policy(path: &Path) -> Result<Policy, Failure> {
    read_plan(path).map(|plan| plan.policy)
}

/// Reads a policy, or a whole plan, which has a member `policy`; in the same forms.
pub(crate) fn read_plan(path: &Path) -> Result<Plan, Failure> {
    let text = text(POLICY, path, LONGEST)?;
    let form = form(path, &text);
    let outline = parse::<Outline>(form, &text);
    let plan = outline.and_then(|outline| match outline.policy {
        Some(IgnoredAny) => parse(form, &text),
        None => parse(form, &text).map(Plan::new),
    });
    let plan = plan.map_err(|reason| misunderstood(POLICY, path, &reason))?;
    plan.validate().map_err(|error| misunderstood(POLICY, path, &error.to_string()))?;
    Ok(plan)
}

/// Reads a schedule, in the same forms.
pub(crate) fn read_schedule(path: &Path) -> Result<Schedule, Failure> {
    let text = text("schedule", path, LONGEST)?;
    parse(form(path, &text), &text).map_err(|reason| misunderstood("schedule", path, &reason))
}

const POLICY: &str = "policy";

/// What tells a plan from a policy.
#[derive(Debug, Deserialize)]
struct Outline {
    policy: Option<IgnoredAny>,
}

fn parse<T: DeserializeOwned>(form: Form, text: &str) -> Result<T, String> {
    match form {
        Form::Json => serde_json::from_str(text).map_err(|error| error.to_string()),
        Form::Toml => from_toml(text),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Toml,
}

fn form(path: &Path, text: &str) -> Form {
    let extension = path.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_deref().and_then(|extension| extension.to_str()) {
        Some("json") => Form::Json,
        Some("toml") => Form::Toml,
        _ if text.trim_start().starts_with('{') => Form::Json,
        _ => Form::Toml,
    }
}

/// The text of a file, or that of stdin for `-`.
pub(crate) fn text(what: &str, path: &Path, longest: u64) -> Result<String, Failure> {
    let unreadable =
        |error| Failure::unreadable(format!("cannot read the {what} {}", plain_path(path)), error);
    let mut bytes = Vec::new();
    let source: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(unreadable)?),
    };
    source.take(longest + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > longest {
        return Err(misunderstood(what, path, &format!("it is longer than {} MiB", longest >> 20)));
    }
    String::from_utf8(bytes).map_err(|_| misunderstood(what, path, "it is not UTF-8"))
}

pub(crate) fn misunderstood(what: &str, path: &Path, reason: &str) -> Failure {
    let message = format!("the {what} {} cannot be understood", plain_path(path));
    Error::new(ErrorKind::Invalid, message)
        .with_remedy("correct the file")
        .with_source(io::Error::other(reason))
        .into()
}

/// Like [`toml::from_str`], with an error in one line: `unknown field ... at line 3 column 1`, as that of JSON reads.
fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().and_then(|span| text.get(..span.start)).map(|before| {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
            format!(" at line {line} column {column}")
        });
        format!("{}{}", error.message().trim(), place.unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_may_be_json_or_toml() {
        for (name, text, expected) in [
            ("p.json", "", Form::Json),
            ("P.JSON", "", Form::Json),
            ("p.toml", "{", Form::Toml),
            ("p", " \n{}", Form::Json),
            ("p.conf", "min_keep = 1", Form::Toml),
        ] {
            assert_eq!(form(Path::new(name), text), expected, "{name}");
        }
    }

    #[test]
    fn the_policy_of_the_documentation_is_valid() {
        let (_, example) = include_str!("../README.md").split_once("```toml").expect("an example");
        let (example, _) = example.split_once("```").expect("its end");
        let policy = from_toml::<Policy>(example).expect("valid");
        assert_eq!((policy.min_keep, policy.rules.len()), (3, 3));
        policy.validate().expect("it makes sense");
    }

    #[test]
    fn errors_of_toml_say_where() {
        let error = from_toml::<Policy>("min_keep = 1\n\nrulez = []\n").expect_err("an unknown field");
        assert!(error.contains("`rulez`") && error.ends_with(" at line 3 column 1"), "{error}");
        let error = from_toml::<Policy>("min_keep = ").expect_err("half a line");
        assert!(error.contains("line 1") && !error.contains('\n'), "{error}");
    }
}
