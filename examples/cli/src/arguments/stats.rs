//! `backup stats` and `backup diff`.

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::TreePath;

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The backup; all of them if left out
    #[arg(value_name = "ID")]
    pub(crate) id: Option<String>,
    /// Only the backups of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The older backup: its id, a piece of it that no other id has, `latest`, `latest-restorable` or `latest-verified`
    #[arg(value_name = "ID")]
    pub(crate) old: String,
    /// The newer backup
    #[arg(value_name = "ID")]
    pub(crate) new: String,
    /// Only what is at and below these paths
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: Vec<TreePath>,
    /// Look only among the backups of this environment
    #[arg(short, long, visible_alias = "env", value_name = "NAME")]
    pub(crate) environment: Option<String>,
    /// Only this service
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}
