//! Notices for people.

use backup_core::{Notice, NoticeLevel};

use super::{plain, remark};

/// More lines than this hide what matters; the JSON document has all.
const SHOWN: usize = 50;

/// Prints notices to stderr, for people.
pub(crate) fn print(notices: &[Notice]) {
    for notice in notices.iter().take(SHOWN) {
        let level = match notice.level {
            NoticeLevel::Info => "note",
            NoticeLevel::Warning => "warning",
        };
        // The library has escaped the path already; a second time would double its backslashes.
        let parts = [level, &plain(&notice.service), &notice.path, &plain(&notice.message)];
        remark(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": "));
    }
    if notices.len() > SHOWN {
        remark(&format!("... and {} more: --json prints all of them", notices.len() - SHOWN));
    }
}

/// Whether a person should look at what was done.
pub(crate) fn has_warnings(notices: &[Notice]) -> bool {
    notices.iter().any(|notice| notice.level == NoticeLevel::Warning)
}
