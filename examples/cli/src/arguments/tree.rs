//! `backup ls` and `backup cat`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::Choice;

#[derive(Debug, Args)]
pub(crate) struct Ls {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The folder or file to list; the top if left out
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: Option<TreePath>,
    /// The service; may be left out if the backup has only one with files
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// List all that is below, not only the next level
    #[arg(short = 'R', long)]
    pub(crate) recursive: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cat {
    #[command(flatten)]
    pub(crate) backup: Choice,
    /// The file to print
    #[arg(value_name = "PATH", value_parser = OsStringValueParser::new().map(TreePath::from))]
    pub(crate) path: TreePath,
    /// The service; may be left out if the backup has only one with files
    #[arg(short, long, value_name = "NAME")]
    pub(crate) service: Option<String>,
}

/// A path within a tree: bytes, without `.` parts, without slashes at its ends or doubled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TreePath(pub(crate) Vec<u8>);

impl From<OsString> for TreePath {
    fn from(text: OsString) -> Self {
        let bytes = text.into_vec();
        let parts = bytes.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
        Self(parts.collect::<Vec<_>>().join(&b'/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_people_write_them() {
        assert_eq!(TreePath::from(OsString::from("./a//b/")).0, b"a/b");
        assert_eq!(TreePath::from(OsString::from("/")).0, b"");
        assert_eq!(TreePath::from(OsString::from_vec(b"/\xff/..".to_vec())).0, b"\xff/..");
    }
}
