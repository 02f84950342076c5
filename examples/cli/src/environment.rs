//! The environment that a person means: what the configuration says about it, then what the flags add.

mod overlap;

use std::path::Path;

use backup_core::Environment;
use backup_engines::{Files, Sqlite};

use self::overlap::{Overlap, overlap};
use crate::arguments::{Sources, Walk};
use crate::config::ServiceTable;
use crate::failure::Failure;
use crate::gate::Gate;
use crate::output::{plain, plain_path, remark};
use crate::session::Session;

/// Puts an environment together. Databases come first.
pub(crate) fn environment(
    name: &str,
    sources: &Sources,
    walk: &Walk,
    session: &Session,
) -> Result<Environment, Failure> {
    let config = &session.config;
    let configured = config.environments.get(name);
    if configured.is_none_or(|table| table.services.is_empty()) && sources.is_empty() {
        return Err(Failure::usage(
            format!("nothing says what the environment \"{}\" consists of", plain(name)),
            "name its services with --sqlite NAME=FILE and --files NAME=FOLDER, or in the file of --config",
        ));
    }
    let mut environment = Environment::new(name);
    let tables = || configured.iter().flat_map(|table| &table.services);
    for (name, service) in tables() {
        if let ServiceTable::Sqlite { file } = service {
            environment = environment.service(name, Sqlite::file(config.path(file)));
        }
    }
    for named in &sources.sqlite {
        environment = environment.service(&named.service, Sqlite::file(&named.path));
    }
    for (name, service) in tables() {
        if let ServiceTable::Files { folder, exclude, include, one_file_system } = service {
            let how = Folder { exclude, include, one_file_system: *one_file_system };
            environment = environment.service(name, how.tree(&config.path(folder), session)?);
        }
    }
    for named in &sources.files {
        let how = Folder { exclude: &walk.exclude, include: &[], one_file_system: walk.one_file_system };
        environment = environment.service(&named.service, how.tree(&named.path, session)?);
    }
    for (name, value) in configured.iter().flat_map(|table| &table.facts) {
        environment = environment.fact(name, value);
    }
    if let Some(quiesce) = config.quiesce(name) {
        environment = environment.quiesce(Gate::new(quiesce));
        if let Some(deadline) = quiesce.deadline() {
            environment = environment.hold_deadline(deadline);
        }
    }
    Ok(environment)
}

/// How a folder is read.
struct Folder<'a> {
    exclude: &'a [String],
    include: &'a [String],
    one_file_system: bool,
}

impl Folder<'_> {
    fn tree(&self, folder: &Path, session: &Session) -> Result<Files, Failure> {
        let mut files = Files::tree(folder);
        for pattern in self.exclude {
            files = files.exclude(pattern);
        }
        for pattern in self.include {
            files = files.include(pattern);
        }
        match session.directory().map_or(Overlap::None, |repository| overlap(&repository, folder)) {
            Overlap::None => {}
            Overlap::Inside(pattern) => {
                remark(&format!("the repository lies in {} and is left out of it", plain_path(folder)));
                files = files.exclude(pattern);
            }
            Overlap::Swallowed => {
                return Err(Failure::usage(
                    format!("{} is the repository, or lies in it", plain_path(folder)),
                    "back up another folder, or keep the backups elsewhere",
                ));
            }
        }
        Ok(if self.one_file_system { files.one_file_system() } else { files })
    }
}
