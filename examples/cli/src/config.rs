//! The TOML file that names a repository and environments.
//!
//! ```toml
//! repository = "../backups"
//!
//! [environments.shop.services.db]
//! sqlite = "./shop.db"
//!
//! [environments.shop.services.uploads]
//! files = "./uploads"
//! exclude = ["cache/**"]
//!
//! [environments.shop.quiesce]
//! hold = "curl --fail --silent --request POST http://localhost:8080/hold"
//! release = "curl --fail --silent --request POST http://localhost:8080/release"
//!
//! [environments.shop.policy]
//! rules = [{ type = "bucket", unit = "daily", n = 7 }]
//! min_keep = 1
//!
//! [environments."acme/production".facts]
//! "app.version" = "2.4.1"
//!
//! [environments."acme/production".services.storage]
//! files = "/srv/acme/storage"
//! include = ["public/**"]
//! one_file_system = true
//! ```
//!
//! Relative paths are relative to the folder of the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use backup_core::policy::Policy;
use serde::Deserialize;

use crate::failure::Failure;
use crate::text_file;

/// What the file says, with paths that do not depend on the current directory of whoever wrote it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) repository: Option<String>,
    #[serde(default)]
    pub(crate) environments: BTreeMap<String, EnvironmentTable>,
    quiesce: Option<QuiesceTable>,
    policy: Option<Policy>,
    #[serde(skip)]
    folder: PathBuf,
}

/// One environment.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnvironmentTable {
    #[serde(default)]
    pub(crate) facts: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) services: BTreeMap<String, ServiceTable>,
    quiesce: Option<QuiesceTable>,
    policy: Option<Policy>,
}

/// One service.
#[derive(Debug, Deserialize)]
#[serde(try_from = "ServiceKeys")]
pub(crate) enum ServiceTable {
    Sqlite { file: PathBuf },
    Files { folder: PathBuf, exclude: Vec<String>, include: Vec<String>, one_file_system: bool },
}

/// How the application's writes are held while its services are frozen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuiesceTable {
    pub(crate) hold: String,
    pub(crate) release: String,
    deadline_seconds: Option<u64>,
}

impl QuiesceTable {
    /// How long the writes may be held, if the file says it.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.deadline_seconds.map(Duration::from_secs)
    }
}

/// The keys of a service, before it is known of which kind it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServiceKeys {
    sqlite: Option<PathBuf>,
    files: Option<PathBuf>,
    exclude: Option<Vec<String>>,
    include: Option<Vec<String>>,
    #[serde(alias = "one-file-system")]
    one_file_system: Option<bool>,
}

impl TryFrom<ServiceKeys> for ServiceTable {
    type Error = &'static str;

    fn try_from(keys: ServiceKeys) -> Result<Self, Self::Error> {
        let ServiceKeys { sqlite, files, exclude, include, one_file_system } = keys;
        match (sqlite, files) {
            (Some(file), None) if exclude.is_none() && include.is_none() && one_file_system.is_none() => {
                Ok(Self::Sqlite { file })
            }
            (Some(_), None) => {
                Err("`exclude`, `include` and `one_file_system` are for `files`, not for `sqlite`")
            }
            (None, Some(folder)) => Ok(Self::Files {
                folder,
                exclude: exclude.unwrap_or_default(),
                include: include.unwrap_or_default(),
                one_file_system: one_file_system.unwrap_or_default(),
            }),
            (Some(_), Some(_)) => Err("a service has either `files` or `sqlite`"),
            (None, None) => Err("a service needs `files`, a folder, or `sqlite`, a database"),
        }
    }
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let mut config: Self = text_file::read("configuration", path)?;
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

    /// How the application of an environment is held: what its own table says, or the one of all.
    pub(crate) fn quiesce(&self, environment: &str) -> Option<&QuiesceTable> {
        let own = self.environments.get(environment).and_then(|table| table.quiesce.as_ref());
        own.or(self.quiesce.as_ref())
    }

    /// The policy of an environment: its own, or the one of all.
    pub(crate) fn policy(&self, environment: &str) -> Option<&Policy> {
        let own = self.environments.get(environment).and_then(|table| table.policy.as_ref());
        own.or(self.policy.as_ref())
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
    fn what_is_misspelt_or_makes_no_sense_is_an_error_that_names_it() {
        for (table, text, named) in [
            ("services.up", "files = 'a'\nexclud = []", "exclud"),
            ("services.up", "exclude = []", "needs `files`"),
            ("services.up", "files = 'a'\nsqlite = 'b'", "either"),
            ("services.up", "sqlite = 'b'\nexclude = ['x']", "are for `files`"),
            ("quiesce", "hold = 'a'", "release"),
            ("quiesce", "hold = 'a'\nrelease = 'b'\ndeadline = 3", "deadline"),
            ("policy", "rulez = []", "rulez"),
            ("policy", "rules = [{ type = 'last', m = 3 }]", "m"),
        ] {
            let error = parse(&format!("[environments.shop.{table}]\n{text}\n")).expect_err(named);
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn what_stands_for_all_environments_gives_way_to_their_own() {
        let text = |hold: &str, keep: u32| {
            format!("quiesce = {{ hold = '{hold}', release = 'r' }}\npolicy = {{ min_keep = {keep} }}\n")
        };
        let config =
            parse(&format!("{}[environments.shop]\n{}", text("all", 1), text("own", 2))).expect("valid");
        for (environment, hold, keep) in [("shop", "own", 2), ("blog", "all", 1)] {
            assert_eq!(config.quiesce(environment).expect("a gate").hold, hold);
            assert_eq!(config.policy(environment).expect("a policy").min_keep, keep);
        }
    }

    #[test]
    fn the_examples_of_the_documentation_are_valid() {
        let comments = include_str!("config.rs").lines().map_while(|line| line.strip_prefix("//!"));
        let (_, readme) =
            include_str!("../README.md").split_once("## The configuration file").expect("a part");
        for document in [comments.collect::<Vec<_>>().join("\n"), readme.to_owned()] {
            let (_, example) = document.split_once("```toml").expect("an example");
            let (example, _) = example.split_once("```").expect("its end");
            let config = parse(example).expect("valid");
            let acme = &config.environments["acme/production"];
            assert_eq!(acme.facts["app.version"], "2.4.1");
            let ServiceTable::Files { folder, .. } = &acme.services["storage"] else { panic!("a folder") };
            assert_eq!(folder, Path::new("/srv/acme/storage"));
            let shop = &config.environments["shop"];
            let ServiceTable::Sqlite { file } = &shop.services["db"] else { panic!("a database") };
            assert_eq!(file, Path::new("./shop.db"));
            let ServiceTable::Files { exclude, .. } = &shop.services["uploads"] else { panic!("a folder") };
            assert_eq!(exclude, &["cache/**"]);
            assert!(shop.quiesce.is_some() && config.quiesce("acme/production").is_none());
            assert_eq!(config.policy("shop").expect("a policy").min_keep, 1);
        }
    }
}
