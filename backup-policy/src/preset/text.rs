//! Presets as texts: an id, and settings after a colon.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::{Preset, XanoEnvironment};
use crate::{
    error::{Error, ErrorKind, Quoted, Result},
    region::Region,
};

impl FromStr for Preset {
    type Err = Error;

    /// Reads an id with its settings: `aptible_default`, `nocobase:n=30`,
    /// `aptible_production:daily=14,yearly=5`.
    ///
    /// # Errors
    /// [`ErrorKind::Syntax`] for an unknown id, setting or value, or if a setting is missing that has no
    /// default.
    fn from_str(text: &str) -> Result<Self> {
        let (id, settings) = text.split_once(':').unwrap_or((text, ""));
        let Some(entry) = Self::CATALOGUE.iter().find(|entry| entry.id == id) else {
            let known = Self::CATALOGUE.map(|entry| entry.id).join(", ");
            return Err(refused(format!("unknown preset {}: use one of {known}", Quoted(id))));
        };
        let settings = Settings::read(entry.id, settings, entry.settings)?;
        Ok(match id {
            "mendix" => Self::Mendix { region: settings.region()? },
            "aptible_default" => Self::AptibleDefault,
            "aptible_production" => Self::AptibleProduction {
                daily: settings.number("daily", Some(30))?,
                monthly: settings.number("monthly", Some(12))?,
                yearly: settings.number("yearly", Some(5))?,
            },
            "aptible_non_production" => Self::AptibleNonProduction {
                daily: settings.number("daily", Some(7))?,
                monthly: settings.number("monthly", Some(0))?,
            },
            "xano_rolling" => Self::XanoRolling,
            "xano_policy_prod" => Self::XanoPolicyProd,
            "xano_policy_staging" => Self::XanoPolicyStaging,
            "xano_enterprise_prod" => Self::XanoEnterpriseProd,
            "xano_enterprise_staging" => Self::XanoEnterpriseStaging,
            "xano_enterprise_dev" => Self::XanoEnterpriseDev,
            "xano_strategy" => Self::XanoStrategy { environment: settings.environment()? },
            "nocobase" => Self::Nocobase { n: settings.number("n", None)? },
            "platformsh_2022_grid" => Self::Platformsh2022Grid,
            "platformsh_essential" => Self::PlatformshEssential,
            "platformsh_advanced" => Self::PlatformshAdvanced,
            "platformsh_premium" => Self::PlatformshPremium,
            _ => Self::PlatformshDedicatedGen2,
        })
    }
}

/// The settings after an id.
struct Settings<'a> {
    id: &'static str,
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> Settings<'a> {
    fn read(id: &'static str, text: &'a str, known: &[&str]) -> Result<Self> {
        let mut values = BTreeMap::new();
        for setting in text.split(',').filter(|setting| !setting.is_empty()) {
            let value = setting.split_once('=').filter(|(name, _)| known.contains(name));
            if value.is_none_or(|(name, value)| values.insert(name, value).is_some()) {
                let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                return Err(refused(format!(
                    "the preset {id} cannot read {}: write NAME=VALUE once for each setting; it has {known}",
                    Quoted(setting)
                )));
            }
        }
        Ok(Self { id, values })
    }

    fn number(&self, name: &str, default: Option<u32>) -> Result<u32> {
        match (self.values.get(name), default) {
            (Some(value), _) => value.parse().map_err(|_| self.unreadable(name, value, "a whole number")),
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(name, "30")),
        }
    }

    fn region(&self) -> Result<Region> {
        let Some(id) = self.values.get("region") else { return Err(self.missing("region", "frankfurt")) };
        let ids = || Region::ALL.map(|region| region.id).join(", ");
        Region::find(id).copied().ok_or_else(|| self.unreadable("region", id, &ids()))
    }

    fn environment(&self) -> Result<XanoEnvironment> {
        let Some(name) = self.values.get("environment") else { return Ok(XanoEnvironment::default()) };
        let names = || XanoEnvironment::ALL.map(XanoEnvironment::as_str).join(", ");
        let named = XanoEnvironment::ALL.into_iter().find(|environment| environment.as_str() == *name);
        named.ok_or_else(|| self.unreadable("environment", name, &names()))
    }

    fn missing(&self, name: &str, example: &str) -> Error {
        let id = self.id;
        refused(format!("the preset {id} needs a {name}: write {id}:{name}={example}, for example"))
    }

    fn unreadable(&self, name: &str, value: &str, allowed: &str) -> Error {
        refused(format!("the preset {} has the {name} {}: use {allowed}", self.id, Quoted(value)))
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Syntax, message)
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())?;
        match self {
            Self::Mendix { region } => write!(f, ":region={}", region.id),
            Self::AptibleProduction { daily, monthly, yearly } => {
                write!(f, ":daily={daily},monthly={monthly},yearly={yearly}")
            }
            Self::AptibleNonProduction { daily, monthly } => write!(f, ":daily={daily},monthly={monthly}"),
            Self::XanoStrategy { environment } => write!(f, ":environment={}", environment.as_str()),
            Self::Nocobase { n } => write!(f, ":n={n}"),
            _ => Ok(()),
        }
    }
}
