//! The TOML file that names a repository and environments.
//!
//! ```toml
//! repository = "../backups"
//!
//! [environments.shop.services.uploads]
//! files = "./uploads"
//! exclude = ["cache/**"]
//!
//! [environments."acme/production".facts]
//! "app.version" = "2.4.1"
//!
//! [environments."acme/production".services.storage]
//! files = "/srv/acme/storage"
//! include = ["public/**"]
//! one-file-system = true
//! ```
//!
//! Relative paths are relative to the folder of the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use backup_core::{Error, ErrorKind};
use serde::Deserialize;

use crate::failure::Failure;
use crate::output::plain_path;

/// What the file says, with paths that do not depend on the current directory of whoever wrote it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) repository: Option<String>,
    #[serde(default)]
    pub(crate) environments: BTreeMap<String, EnvironmentTable>,
    #[serde(skip)]
    folder: PathBuf,
}

/// One environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentTable {
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, String>,
    pub(crate) services: BTreeMap<String, ServiceTable>,
}

/// One service: a folder of files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ServiceTable {
    pub(crate) files: PathBuf,
    #[serde(default)]
    pub(crate) exclude: Vec<String>,
    #[serde(default)]
    pub(crate) include: Vec<String>,
    #[serde(default)]
    pub(crate) one_file_system: bool,
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::unreadable(format!("cannot read the configuration {}", plain_path(path)), error)
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            Error::new(
                ErrorKind::Invalid,
                format!("the configuration {} cannot be understood", plain_path(path)),
            )
            .with_remedy("correct the file")
            .with_source(error)
        })?;
        config.folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        Ok(config)
    }

    /// The repository, if the file names one.
    pub(crate) fn location(&self) -> Option<OsString> {
        self.repository.as_ref().map(|location| match is_url(location) {
            true => location.into(),
            false => self.path(Path::new(location)).into(),
        })
    }

    /// A path of the file, from here.
    pub(crate) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// `file:///srv/backups`, `memory:`, but not `./a:b` or `C`.
fn is_url(location: &str) -> bool {
    location.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, toml::de::Error> {
        toml::from_str(text).map(|config| Config { folder: "/etc/shop".into(), ..config })
    }

    #[test]
    fn paths_are_relative_to_the_file_and_urls_are_not() {
        let location = |text: &str| parse(&format!("repository = {text:?}")).expect("valid").location();
        assert_eq!(location("../backups"), Some("/etc/shop/../backups".into()));
        assert_eq!(location("/srv/backups"), Some("/srv/backups".into()));
        assert_eq!(location("file:///srv/backups"), Some("file:///srv/backups".into()));
        assert_eq!(location("memory:"), Some("memory:".into()));
        assert_eq!(location("./a:b"), Some("/etc/shop/./a:b".into()));
    }

    #[test]
    fn a_misspelt_key_is_an_error_that_names_it() {
        let error = parse("[environments.shop.services.up]\nfiles = 'a'\nexclud = []").expect_err("misspelt");
        assert!(error.to_string().contains("exclud"), "{error}");
    }

    #[test]
    fn the_examples_of_the_documentation_are_valid() {
        let comments = include_str!("config.rs").lines().map_while(|line| line.strip_prefix("//!"));
        for document in [comments.collect::<Vec<_>>().join("\n"), include_str!("../README.md").to_owned()] {
            let (_, example) = document.split_once("```toml").expect("an example");
            let (example, _) = example.split_once("```").expect("its end");
            let config = parse(example).expect("valid");
            let acme = &config.environments["acme/production"];
            assert_eq!(acme.facts["app.version"], "2.4.1");
            assert_eq!(acme.services["storage"].files, Path::new("/srv/acme/storage"));
            assert_eq!(config.environments["shop"].services["uploads"].exclude, ["cache/**"]);
        }
    }
}
