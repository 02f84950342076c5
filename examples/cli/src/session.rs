//! What all commands share: the repository, the passphrase, the way to tell and to ask.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use backup_core::engine::{ArtifactKind, ServiceReader};
use backup_core::{BackupInfo, Error, ErrorKind, Location, Repository, RepositoryBuilder, ServiceInfo};

use crate::arguments::{Choice, Global};
use crate::config::Config;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::progress::Display;
use crate::output::{Output, plain_path};
use crate::passphrase::{Purpose, Source};
use crate::terminal;

/// One run of the command line.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) output: Output,
    pub(crate) progress: Arc<Display>,
    pub(crate) interrupt: Interrupt,
    pub(crate) config: Config,
    location: Option<OsString>,
    passphrase: Source,
    yes: bool,
}

impl Session {
    pub(crate) fn begin(global: &Global, output: Output) -> Result<Self, Failure> {
        let passphrase = Source::named(global.passphrase_file.clone(), global.passphrase_command.clone())?;
        let config = global.config.as_deref().map(Config::read).transpose()?.unwrap_or_default();
        let given = global.repository.clone().filter(|location| !location.is_empty());
        let progress = Display::new(global.progress);
        Ok(Self {
            output,
            interrupt: Interrupt::listen(!progress.is_for_programs())?,
            progress: Arc::new(progress),
            location: given.or_else(|| config.location()),
            config,
            passphrase,
            yes: global.yes,
        })
    }

    /// The directory of the repository, if it is in one.
    pub(crate) fn directory(&self) -> Option<PathBuf> {
        Location::parse(self.location.as_ref()?.to_str()?).ok()?.as_local().map(PathBuf::from)
    }

    /// Makes the repository.
    pub(crate) async fn create(&self) -> Result<Repository, Failure> {
        let builder = self.builder(Purpose::Create).await?;
        Ok(self.interrupt.ends(builder.create()).await??)
    }

    /// Opens the repository.
    pub(crate) async fn open(&self) -> Result<Repository, Failure> {
        let builder = self.builder(Purpose::Open).await?;
        Ok(self.interrupt.ends(builder.open()).await??)
    }

    async fn builder(&self, purpose: Purpose) -> Result<RepositoryBuilder, Failure> {
        let location = self.location.clone().ok_or_else(|| {
            Failure::usage(
                "no repository was named",
                "name one with --repository, BACKUP_REPOSITORY or `repository` in the file of --config",
            )
        })?;
        let location = location.into_string().map_err(|other| {
            let message =
                format!("the repository {} has a name that is not UTF-8", plain_path(other.as_ref()));
            Error::new(ErrorKind::Invalid, message).with_remedy("use another directory")
        })?;
        let passphrase = self.passphrase.passphrase(purpose, &self.interrupt).await?;
        Ok(Repository::builder(location).keys(passphrase).observer(self.progress.clone()))
    }

    /// The backup that a person means.
    pub(crate) async fn find(&self, repository: &Repository, choice: &Choice) -> Result<BackupInfo, Failure> {
        let found = match &choice.environment {
            Some(environment) => self.interrupt.ends(repository.find_in(environment, &choice.id)).await?,
            None => self.interrupt.ends(repository.find(&choice.id)).await?,
        };
        Ok(found?)
    }

    /// The service whose files a person means, and its name: the only one with files if none is named.
    pub(crate) async fn service(
        &self,
        repository: &Repository,
        backup: &BackupInfo,
        name: Option<&str>,
    ) -> Result<(String, Arc<dyn ServiceReader>), Failure> {
        let with_files = || {
            let has_tree = |service: &&ServiceInfo| {
                service.artifacts.iter().any(|artifact| artifact.kind == ArtifactKind::Tree)
            };
            backup.services.iter().filter(has_tree).map(|service| service.name.as_str()).collect::<Vec<_>>()
        };
        let name = match (name, with_files().as_slice()) {
            (Some(name), _) | (None, &[name]) => name.to_owned(),
            (None, []) => {
                let message = format!("backup {} has no service with files", backup.id);
                return Err(Failure::usage(message, "restore its databases into a directory"));
            }
            (None, several) => {
                let names = several.join(", ");
                let message = format!("backup {} has several services with files: {names}", backup.id);
                return Err(Failure::usage(message, "choose one with --service"));
            }
        };
        let reader = self.interrupt.ends(repository.service(&backup.id, &name)).await??;
        Ok((name, reader))
    }

    /// Whether a person is asked before something is overwritten or deleted.
    pub(crate) fn asks(&self) -> bool {
        !self.yes
    }

    /// Asks before something is overwritten or deleted. With nobody to ask, nothing happens.
    pub(crate) async fn confirm(&self, question: &str) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !terminal::is_attended() {
            return Err(Failure::usage(
                "this overwrites or deletes, and stdin is no terminal to ask at; nothing was changed",
                "look at the plan, then say --yes",
            ));
        }
        self.progress.clear();
        match terminal::ask(&format!("{question} [y/N] "), &self.interrupt).await?.to_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Failure::interrupted("you did not agree; nothing was changed")),
        }
    }
}

/// The name of the one tree of a service, whose paths people name.
pub(crate) fn tree_of(service: &str, reader: &dyn ServiceReader) -> Result<String, Failure> {
    let mut trees = reader.artifacts().iter().filter(|artifact| artifact.kind == ArtifactKind::Tree);
    match (trees.next(), trees.next()) {
        (Some(tree), None) => Ok(tree.name.clone()),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the service \"{service}\" is not one tree of files, so it has no paths to name"),
        )
        .with_remedy("look at it with `backup show`, or restore it into a directory")
        .into()),
    }
}
