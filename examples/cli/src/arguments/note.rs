//! What is said about a backup later: `backup hold`, `tag`, `comment`, `convert`.

use backup_core::Kind;
use chrono::{DateTime, Utc};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{Choice, measure};

#[derive(Debug, Args)]
pub(crate) struct Hold {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The name of the hold: a case, a ticket
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Let the hold end by itself at this time (RFC 3339: 2027-01-31T00:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = measure::time)]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Release the hold of this name
    #[arg(long, conflicts_with = "until")]
    pub(crate) release: bool,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Tag {
    #[command(flatten)]
    pub(crate) backup: Choice,
    #[command(flatten)]
    pub(crate) change: TagChange,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct TagChange {
    /// A tag to add; may be given several times
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) add: Vec<String>,
    /// A tag to remove; may be given several times
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) remove: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Comment {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The comment; empty for none
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// What it becomes: manual, automatic, nightly, weekly, monthly, final or a word of your own; may be given several times
    #[arg(long, value_name = "KIND", required = true)]
    pub(crate) kind: Vec<Kind>,
    #[command(flatten)]
    pub(crate) by: By,
}

/// Who says it.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who says so, kept with it
    #[arg(long, value_name = "NAME")]
    pub(crate) by: Option<String>,
}

impl By {
    pub(crate) fn name(&self) -> Option<&str> {
        self.by.as_deref()
    }
}
