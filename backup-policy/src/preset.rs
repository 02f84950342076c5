//! The plans of known platforms.

mod aptible;
mod catalogue;
mod mendix;
mod nocobase;
mod platformsh;
mod text;
mod xano;

use std::ops::RangeInclusive;

pub use self::catalogue::PresetEntry;
use crate::{
    error::{Error, ErrorKind, Result},
    plan::Plan,
    region::Region,
};

/// The plan of a known platform, to start from or to compare with.
///
/// A preset has an exact id, such as `aptible_default`. Some need or take settings, written after it:
/// `nocobase:n=30`, `mendix:region=frankfurt`, `aptible_production:daily=14,yearly=5`. Ids such as M9 in the
/// documentation are those of the requirements.
///
/// ```
/// use backup_policy::Preset;
///
/// let preset: Preset = "aptible_production:daily=14".parse()?;
/// assert_eq!(preset.to_string(), "aptible_production:daily=14,monthly=12,yearly=5");
/// let plan = preset.plan()?;
/// assert!(plan.final_backup && plan.copies.is_empty());
/// # Ok::<(), backup_policy::Error>(())
/// ```
///
/// All presets but `mendix` always keep the newest sound backup
/// ([`Policy::min_keep`](crate::Policy::min_keep) 1); none but `xano_enterprise_prod` protects the newest
/// verified one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Preset {
    /// `mendix`: nightly backups for two weeks, Sundays' for three months, first Sundays' for a year, manual
    /// ones for three months, in the window of a region, with two retries (M1, M4 to M9, M12 to M15). Failed
    /// ones stay two weeks.
    ///
    /// Strict: when all have expired nothing is left. [`Policy::at_least`](crate::Policy::at_least) 1 is
    /// advised.
    Mendix {
        /// Setting `region`, the id of a [`Region`]. No default.
        region: Region,
    },
    /// `aptible_default`: every 24 hours; the last of 30 days, 12 months and 6 years; manual and final ones
    /// for good; a day of point-in-time recovery; no copies; automatic ones go with their database (A7 to
    /// A14, A25, A28, A29).
    AptibleDefault,
    /// `aptible_production`: the same with other counts, advised for production: daily 14 to 30 (A15) or 15
    /// to 60 (A16), monthly 12 or 3 to 12, yearly 5 or up to 6; a final backup; copies as needed
    /// ([`Plan::copied_to`]).
    AptibleProduction {
        /// Setting `daily`, 14 to 60. Default: 30.
        daily: u32,
        /// Setting `monthly`, 3 to 12. Default: 12.
        monthly: u32,
        /// Setting `yearly`, 0 to 6. Default: 5.
        yearly: u32,
    },
    /// `aptible_non_production`: daily 1 to 14 (A15) or 7 (A16), monthly 0 or 1, no yearly; no copies, no
    /// final backup, and those that exist go.
    AptibleNonProduction {
        /// Setting `daily`, 1 to 14. Default: 7.
        daily: u32,
        /// Setting `monthly`, 0 or 1. Default: 0.
        monthly: u32,
    },
    /// `xano_rolling`: daily in the early morning of the Pacific coast, for 3 days; manual ones for good (X2,
    /// X6, X16).
    XanoRolling,
    /// `xano_policy_prod`: daily between 02:00 and 04:00 UTC, for 7 days (X18, X19).
    XanoPolicyProd,
    /// `xano_policy_staging`: weekly in that window, for 3 days, but never without the newest (X18, X19).
    XanoPolicyStaging,
    /// `xano_enterprise_prod`: four times daily, for 30 days, and never without the newest verified one (X20,
    /// X21).
    XanoEnterpriseProd,
    /// `xano_enterprise_staging`: daily, for 7 days (X20).
    XanoEnterpriseStaging,
    /// `xano_enterprise_dev`: weekly, for 3 days, but never without the newest (X20).
    XanoEnterpriseDev,
    /// `xano_strategy`: the last of each day for 7 days, of each week for 4 weeks, of each month for 12
    /// months, of each year for good (X25); by the cron schedule of an environment (X26, X30).
    XanoStrategy {
        /// Setting `environment`. Default: production.
        environment: XanoEnvironment,
    },
    /// `nocobase`: the newest so many of all kinds, where they are made; the oldest go first (N13). When to
    /// make them is the host's (N12), and copies in a cloud storage have a policy of their own (N14).
    Nocobase {
        /// Setting `n`, at least 1. No default.
        n: u32,
    },
    /// `platformsh_2022_grid`: daily at 05:00 UTC, each for 7 days, that of a deleted environment too (P11,
    /// P13, P15).
    Platformsh2022Grid,
    /// `platformsh_essential`: the first of each day for 2 days, the last 2 manual ones (P15, later text).
    PlatformshEssential,
    /// `platformsh_advanced`: the first of each day for a week, of each week for 4 weeks, of each month for a
    /// year, the last 4 manual ones (P15, later text).
    PlatformshAdvanced,
    /// `platformsh_premium`: the first of each 6 hours for a day, of each day for a month, of each month for
    /// a year, the last 4 manual ones (P15, later text).
    PlatformshPremium,
    /// `platformsh_dedicated_gen2`: four times a day; all for 3 days, daily for 6 days, weekly for 6 weeks,
    /// every second week for 12, monthly for 22 (P12, P15, later text).
    PlatformshDedicatedGen2,
}

/// The environments of X26, and the weekly automation of X30.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum XanoEnvironment {
    /// `production`: daily at 02:00 UTC.
    #[default]
    Production,
    /// `staging`: Sundays at 04:00 UTC.
    Staging,
    /// `development`: on the first of each month at 06:00 UTC.
    Development,
    /// `automation`: Sundays at 00:00 UTC.
    Automation,
}

impl Preset {
    /// What it stands for. Change it as you like: it is plain data.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidPolicy`](crate::ErrorKind::InvalidPolicy) for a count outside the range that the
    /// platform documents.
    pub fn plan(&self) -> Result<Plan> {
        match *self {
            Self::Mendix { region } => mendix::plan(region.window()?),
            Self::AptibleDefault => aptible::default(),
            Self::AptibleProduction { daily, monthly, yearly } => aptible::production(daily, monthly, yearly),
            Self::AptibleNonProduction { daily, monthly } => aptible::non_production(daily, monthly),
            Self::XanoRolling => xano::rolling(),
            Self::XanoPolicyProd => xano::policy_prod(),
            Self::XanoPolicyStaging => xano::policy_staging(),
            Self::XanoEnterpriseProd => xano::enterprise_prod(),
            Self::XanoEnterpriseStaging => xano::enterprise_staging(),
            Self::XanoEnterpriseDev => xano::enterprise_dev(),
            Self::XanoStrategy { environment } => xano::strategy(environment),
            Self::Nocobase { n } => nocobase::plan(n),
            Self::Platformsh2022Grid => platformsh::grid_2022(),
            Self::PlatformshEssential => platformsh::essential(),
            Self::PlatformshAdvanced => platformsh::advanced(),
            Self::PlatformshPremium => platformsh::premium(),
            Self::PlatformshDedicatedGen2 => platformsh::dedicated_gen2(),
        }
    }
}

impl XanoEnvironment {
    const ALL: [Self; 4] = [Self::Production, Self::Staging, Self::Development, Self::Automation];

    /// The name, as in the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Development => "development",
            Self::Automation => "automation",
        }
    }

    fn cron(self) -> &'static str {
        match self {
            Self::Production => "0 2 * * *",
            Self::Staging => "0 4 * * 0",
            Self::Development => "0 6 1 * *",
            Self::Automation => "0 0 * * 0",
        }
    }
}

fn within(name: &str, value: u32, range: RangeInclusive<u32>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidPolicy,
        format!("the preset has {name} {value}: use {} to {}", range.start(), range.end()),
    ))
}
