//! `backup create`.

use backup_core::Kind;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::source::Sources;

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    pub(crate) environment: String,
    #[command(flatten)]
    pub(crate) sources: Sources,
    #[command(flatten)]
    pub(crate) walk: Walk,
    /// Back up only this service; may be given several times
    #[arg(long, value_name = "SERVICE")]
    pub(crate) only: Vec<String>,
    /// Why it is made: manual (the default), automatic, nightly, weekly, monthly, final or a word of your own; may be given several times
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Vec<Kind>,
    /// Who asks for it
    #[arg(long, value_name = "NAME")]
    pub(crate) created_by: Option<String>,
    /// A remark, kept with the backup
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// A tag, kept with the backup; may be given several times
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) tag: Vec<String>,
    /// A fact about the application, kept with the backup; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = fact)]
    pub(crate) fact: Vec<(String, String)>,
    /// Never hold the application, even if the configuration says how: each service is captured at a point of its own
    #[arg(long)]
    pub(crate) live: bool,
    /// Leave out services that fail instead of failing; such a backup never counts as whole
    #[arg(long)]
    pub(crate) partial: bool,
    /// Look at the services, say whether they can be backed up, and store nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// How the folders of `--files` are read.
#[derive(Debug, Default, Args)]
pub(crate) struct Walk {
    /// Leave out what matches, as in .gitignore, in every folder given with --files; may be given several times
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,
    /// Stay on the file system of each folder given with --files
    #[arg(long)]
    pub(crate) one_file_system: bool,
}

fn fact(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("the name of the fact is missing: write NAME=VALUE, for example app.version=2.4.1".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_fact_may_hold_an_equals_sign_or_nothing() {
        assert_eq!(fact("build=a=b").expect("a fact"), ("build".into(), "a=b".into()));
        assert_eq!(fact("build=").expect("a fact"), ("build".into(), String::new()));
        assert!(fact("=1").is_err() && fact("build").is_err());
    }
}
