//! A repository that lies in a folder that is backed up into it: it would be read while it is written, and grow with every backup.

use std::fs::canonicalize;
use std::path::Path;

/// How a repository and a folder lie to each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    /// They have nothing in common, or nothing that can be told.
    None,
    /// The repository lies in the folder; the pattern leaves it out.
    Inside(String),
    /// The folder is the repository, or lies in it.
    Swallowed,
}

/// Looks how the directory of a repository lies to a folder.
pub(super) fn overlap(repository: &Path, folder: &Path) -> Overlap {
    let (Ok(repository), Ok(folder)) = (canonicalize(repository), canonicalize(folder)) else {
        return Overlap::None;
    };
    if folder.starts_with(&repository) {
        return Overlap::Swallowed;
    }
    let below = repository.strip_prefix(&folder).ok().and_then(Path::to_str);
    below.map_or(Overlap::None, |below| Overlap::Inside(format!("/{}/", escaped(below))))
}

fn escaped(path: &str) -> String {
    let special = |character| matches!(character, '\\' | '*' | '?' | '[' | ']' | '!' | '#' | ' ' | '{' | '}');
    path.chars().flat_map(|next| special(next).then_some('\\').into_iter().chain([next])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_names_the_repository_and_nothing_else() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let (folder, repository) = (home.path().join("a"), home.path().join("a/b [1]*"));
        std::fs::create_dir_all(&repository).expect("folders");
        assert_eq!(overlap(&repository, &folder), Overlap::Inside("/b\\ \\[1\\]\\*/".into()));
        assert_eq!(overlap(&folder, &repository), Overlap::Swallowed);
        assert_eq!(overlap(&folder, &folder), Overlap::Swallowed);
        assert_eq!(overlap(&repository, &home.path().join("missing")), Overlap::None);
    }
}
