//! What is backed up and restored together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::{Engine, Facts, NoQuiesce, Quiesce};
use crate::{Error, Result};

/// A named set of services that are backed up and restored together.
///
/// Names are checked when a backup begins: an environment's may contain `/`, but no empty, `.` or `..` part; a service's may not
/// contain `/`. Services are frozen and read in the order in which they were added, but databases before files
/// ([`Role`](crate::engine::Role)).
#[derive(Debug, Clone)]
pub struct Environment {
    pub(crate) name: String,
    pub(crate) services: Vec<(String, Arc<dyn Engine>)>,
    pub(crate) facts: Facts,
    pub(crate) quiesce: Option<Arc<dyn Quiesce>>,
    pub(crate) hold_deadline: Duration,
}

impl Environment {
    /// An environment without services.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            services: Vec::new(),
            facts: Facts::new(),
            quiesce: None,
            hold_deadline: Duration::from_secs(30),
        }
    }

    /// Adds a service.
    #[must_use]
    pub fn service(self, name: impl Into<String>, engine: impl Engine) -> Self {
        self.shared_service(name, Arc::new(engine))
    }

    /// Adds a service whose engine the host keeps a hold of.
    #[must_use]
    pub fn shared_service(mut self, name: impl Into<String>, engine: Arc<dyn Engine>) -> Self {
        self.services.push((name.into(), engine));
        self
    }

    /// Records a fact about the application in every backup, `app.version` for example.
    #[must_use]
    pub fn fact(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.facts.insert(name.into(), value.into());
        self
    }

    /// Holds the application's writes through this gate while all services are frozen, so that they show one point in time.
    /// Without it, databases are frozen first and files are read after, which is as good if the application writes files before
    /// the records that refer to them, never changes them in place, and deletes them only after the backup has ended.
    #[must_use]
    pub fn quiesce(mut self, gate: impl Quiesce) -> Self {
        self.quiesce = Some(Arc::new(gate));
        self
    }

    /// The longest time that writes may be held; 30 seconds by default. Past it the backup is aborted, never the application.
    #[must_use]
    pub fn hold_deadline(mut self, deadline: Duration) -> Self {
        self.hold_deadline = deadline;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its services, in order.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Arc<dyn Engine>)> {
        self.services.iter().map(|(name, engine)| (name.as_str(), engine))
    }

    /// What other services than this one keep to themselves.
    pub(crate) fn reserved_by_others(&self, name: &str) -> Vec<PathBuf> {
        self.services()
            .filter(|(other, _)| *other != name)
            .flat_map(|(_, engine)| engine.reserves())
            .collect()
    }

    pub(crate) fn gate(&self) -> Arc<dyn Quiesce> {
        self.quiesce.clone().unwrap_or_else(|| Arc::new(NoQuiesce))
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_environment_name(&self.name)?;
        if self.services.is_empty() {
            return Err(Error::invalid(format!("the environment \"{}\" has no services", self.name))
                .with_remedy("add at least one service"));
        }
        for (position, (name, _)) in self.services.iter().enumerate() {
            check_service_name(name)?;
            if self.services[..position].iter().any(|(other, _)| other == name) {
                return Err(Error::invalid(format!("there are two services named \"{name}\""))
                    .with_remedy("give each service a name of its own"));
            }
        }
        Ok(())
    }
}

/// Fails when a name cannot be an environment's.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid), with the reason.
pub fn check_environment_name(name: &str) -> Result<()> {
    let reason = if name.len() > MAX_ENVIRONMENT {
        "is too long (at most 1,024 bytes)"
    } else if name.split('/').any(str::is_empty) {
        "is empty, or has an empty part between slashes"
    } else if name.split('/').any(|part| matches!(part, "." | "..")) {
        "has a part that is \".\" or \"..\""
    } else if name.chars().any(char::is_control) {
        "contains a control character"
    } else {
        return Ok(());
    };
    Err(refuse("environment", name, reason, "use parts like \"shop\" or \"shop/production\""))
}

/// Fails when a name cannot be a service's.
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid), with the reason.
pub fn check_service_name(name: &str) -> Result<()> {
    let reason = if name.is_empty() {
        "is empty"
    } else if name.len() > MAX_SERVICE {
        "is too long (at most 200 bytes)"
    } else if name.contains('/') {
        "contains \"/\""
    } else if matches!(name, "." | "..") {
        "is \".\" or \"..\""
    } else if name.chars().any(char::is_control) {
        "contains a control character"
    } else {
        return Ok(());
    };
    Err(refuse("service", name, reason, "use a name like \"uploads\""))
}

fn refuse(what: &str, name: &str, reason: &str, remedy: &'static str) -> Error {
    let shown: String = name.chars().take(64).collect();
    let dots = if shown.len() < name.len() { "..." } else { "" };
    Error::invalid(format!("the {what} name {:?} {reason}", format!("{shown}{dots}"))).with_remedy(remedy)
}

const MAX_ENVIRONMENT: usize = 1024;
const MAX_SERVICE: usize = 200;
