//! Which paths are taken: patterns as in a `.gitignore` file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use backup_core::{Error, ErrorKind, Result};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The compiled patterns of a tree.
#[derive(Debug)]
pub(super) struct Filter {
    excludes: Gitignore,
    includes: Gitignore,
}

/// What happens to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// It is taken, and so is what is below it unless a pattern says otherwise.
    Take,
    /// A folder that is taken only if something below it is.
    Search,
    /// It is left out with all that is below it.
    Skip,
}

impl Filter {
    pub(super) fn new(excludes: &[String], includes: &[String]) -> Result<Self> {
        Ok(Self { excludes: compile("exclude", excludes)?, includes: compile("include", includes)? })
    }

    /// What happens to the root.
    pub(super) fn root(&self) -> Choice {
        if self.includes.is_empty() { Choice::Take } else { Choice::Search }
    }

    /// What happens to a path in a folder for which `above` was chosen.
    pub(super) fn choose(&self, path: &[u8], is_folder: bool, above: Choice) -> Choice {
        let path = OsStr::from_bytes(path);
        if self.excludes.matched(path, is_folder).is_ignore() {
            return Choice::Skip;
        }
        match self.includes.matched(path, is_folder) {
            Match::Ignore(_) => Choice::Take,
            Match::None if above == Choice::Take => Choice::Take,
            _ if is_folder => Choice::Search,
            _ => Choice::Skip,
        }
    }
}

fn compile(list: &str, patterns: &[String]) -> Result<Gitignore> {
    let mut builder = GitignoreBuilder::new("");
    builder.allow_unclosed_class(false);
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|error| bad_pattern(list, pattern, &error))?;
    }
    builder.build().map_err(|error| bad_pattern(list, &patterns.join(", "), &error))
}

fn bad_pattern(list: &str, pattern: &str, error: &ignore::Error) -> Error {
    let reason = match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    };
    Error::new(ErrorKind::Invalid, format!("the {list} pattern {pattern:?} cannot be understood: {reason}"))
        .with_remedy(
            "write it as a line of a .gitignore file, with special characters escaped by a backslash",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(excludes: &[&str], includes: &[&str]) -> Filter {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Filter::new(&own(excludes), &own(includes)).unwrap()
    }

    /// What the walk makes of a path, asking for each folder above it first.
    fn walked(filter: &Filter, path: &str) -> Choice {
        let is_folder = path.ends_with('/');
        let path = path.trim_end_matches('/');
        let mut above = filter.root();
        for (end, _) in path.match_indices('/') {
            above = filter.choose(&path.as_bytes()[..end], true, above);
            if above == Choice::Skip {
                return above;
            }
        }
        filter.choose(path.as_bytes(), is_folder, above)
    }

    #[test]
    fn patterns_mean_what_they_mean_in_a_gitignore_file() {
        use Choice::{Skip, Take};
        let table: &[(&[&str], &str, Choice)] = &[
            (&[], "a", Take),
            (&["*.tmp"], "a.tmp", Skip),
            (&["*.tmp"], "deep/er/a.tmp", Skip),
            (&["*.tmp"], "a.tmp2", Take),
            (&["/a"], "a", Skip),
            (&["/a"], "b/a", Take),
            (&["a/"], "a", Take),
            (&["a/"], "b/a/", Skip),
            (&["a/"], "b/a/c", Skip),
            (&["cache/**"], "cache/", Take),
            (&["cache/**"], "cache/x", Skip),
            (&["cache/**"], "b/cache/x", Take),
            (&["**/cache/**"], "b/cache/x", Skip),
            (&["a/*/c"], "a/b/c", Skip),
            (&["a/*/c"], "a/b/b/c", Take),
            (&["a/**/c"], "a/b/b/c", Skip),
            (&["*.log", "!keep.log"], "keep.log", Take),
            (&["!keep.log", "*.log"], "keep.log", Skip),
            (&["logs/", "!logs/keep"], "logs/keep", Skip),
            (&["[ab]?"], "bc", Skip),
            (&["[!ab]?"], "bc", Take),
            (&["\\#a", "\\!b"], "#a", Skip),
            (&["\\#a", "\\!b"], "!b", Skip),
            (&["# comment", "", "  "], "# comment", Take),
            (&["A"], "a", Take),
        ];
        for (excludes, path, expected) in table {
            assert_eq!(walked(&filter(excludes, &[]), path), *expected, "{path} with {excludes:?}");
        }
    }

    #[test]
    fn includes_take_what_matches_with_what_is_below_and_search_the_rest() {
        use Choice::{Search, Skip, Take};
        let table: &[(&[&str], &[&str], &str, Choice)] = &[
            (&["*.jpg"], &[], "a.jpg", Take),
            (&["*.jpg"], &[], "a.png", Skip),
            (&["*.jpg"], &[], "b/c/a.jpg", Take),
            (&["*.jpg"], &[], "b/", Search),
            (&["/photos/"], &[], "photos/2024/a.png", Take),
            (&["/photos/"], &[], "b/photos/a.png", Skip),
            (&["photos/**"], &[], "photos/a", Take),
            (&["photos/**"], &[], "photos/", Search),
            (&["/photos/", "!*.raw"], &[], "photos/a.raw", Skip),
            (&["/photos/", "!raw/"], &[], "photos/raw/", Search),
            (&["/photos/", "!raw/"], &[], "photos/raw/a", Skip),
            (&["/photos/"], &["*.tmp"], "photos/a.tmp", Skip),
            (&["*.tmp"], &["*.tmp"], "a.tmp", Skip),
            (&["#", ""], &[], "a", Take),
        ];
        for (includes, excludes, path, expected) in table {
            let found = walked(&filter(excludes, includes), path);
            assert_eq!(found, *expected, "{path} with includes {includes:?}, excludes {excludes:?}");
        }
    }

    #[test]
    fn names_that_are_not_text_are_matched_too() {
        let filter = filter(&["*.tmp"], &[]);
        assert_eq!(filter.choose(b"\xff\xfe.tmp", false, Choice::Take), Choice::Skip);
        assert_eq!(filter.choose(b"\xff\xfe.txt", false, Choice::Take), Choice::Take);
    }

    #[test]
    fn a_bad_pattern_is_named() {
        for bad in ["[a", "a{b", "[z-a]"] {
            let error = Filter::new(&[bad.to_owned()], &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
