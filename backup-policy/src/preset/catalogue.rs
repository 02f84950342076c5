use super::Preset;

/// What there is to know about a preset before it is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PresetEntry {
    /// Its exact id.
    pub id: &'static str,
    /// One line about it.
    pub summary: &'static str,
    /// The names of the settings that may follow the id.
    pub settings: &'static [&'static str],
    /// The ids of the requirements that it expresses.
    pub requirements: &'static [&'static str],
}

impl Preset {
    /// All presets.
    pub const CATALOGUE: [PresetEntry; 17] = [
        entry(
            "mendix",
            "nights for 2 weeks, Sundays for 3 months, first Sundays for a year, manual ones for 3 months",
            &["region"],
            &["M1", "M4", "M5", "M6", "M7", "M8", "M9", "M12", "M13", "M14", "M15"],
        ),
        entry(
            "aptible_default",
            "the last of 30 days, 12 months and 6 years, a day of point-in-time recovery, manual and final ones for good",
            &[],
            &["A7", "A8", "A9", "A10", "A11", "A12", "A13", "A14", "A25", "A28", "A29"],
        ),
        entry(
            "aptible_production",
            "the last of 30 days, 12 months and 5 years, a day of point-in-time recovery, manual and final ones for good",
            &["daily", "monthly", "yearly"],
            &["A7", "A8", "A9", "A10", "A12", "A13", "A15", "A16", "A25", "A28", "A29"],
        ),
        entry(
            "aptible_non_production",
            "the last of 7 days, a day of point-in-time recovery, manual ones for good, no final ones",
            &["daily", "monthly"],
            &["A7", "A8", "A9", "A13", "A15", "A16", "A28", "A29"],
        ),
        entry("xano_rolling", "daily for 3 days, manual ones for good", &[], &["X2", "X6", "X16"]),
        entry("xano_policy_prod", "daily for 7 days", &[], &["X18", "X19"]),
        entry("xano_policy_staging", "weekly for 3 days, and never without the newest", &[], &["X18", "X19"]),
        entry(
            "xano_enterprise_prod",
            "four times daily for 30 days, and never without the newest verified one",
            &[],
            &["X20", "X21"],
        ),
        entry("xano_enterprise_staging", "daily for 7 days", &[], &["X20"]),
        entry("xano_enterprise_dev", "weekly for 3 days, and never without the newest", &[], &["X20"]),
        entry(
            "xano_strategy",
            "daily for 7 days, weekly for 4 weeks, monthly for 12 months, yearly for good",
            &["environment"],
            &["X25", "X26", "X30"],
        ),
        entry("nocobase", "the newest n of all kinds", &["n"], &["N12", "N13", "N14"]),
        entry("platformsh_2022_grid", "daily at 05:00 UTC for 7 days", &[], &["P11", "P13", "P15"]),
        entry(
            "platformsh_essential",
            "the first of each day for 2 days, the last 2 manual ones",
            &[],
            &["P15"],
        ),
        entry(
            "platformsh_advanced",
            "the first of each day for a week, week for 4 weeks and month for a year, the last 4 manual ones",
            &[],
            &["P15"],
        ),
        entry(
            "platformsh_premium",
            "the first of each 6 hours for a day, day for a month and month for a year, the last 4 manual ones",
            &[],
            &["P15"],
        ),
        entry(
            "platformsh_dedicated_gen2",
            "all for 3 days, daily for 6 days, weekly for 6 weeks, fortnightly for 12 weeks, monthly for 22 weeks",
            &[],
            &["P12", "P15"],
        ),
    ];

    /// Its exact id, without settings.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Mendix { .. } => "mendix",
            Self::AptibleDefault => "aptible_default",
            Self::AptibleProduction { .. } => "aptible_production",
            Self::AptibleNonProduction { .. } => "aptible_non_production",
            Self::XanoRolling => "xano_rolling",
            Self::XanoPolicyProd => "xano_policy_prod",
            Self::XanoPolicyStaging => "xano_policy_staging",
            Self::XanoEnterpriseProd => "xano_enterprise_prod",
            Self::XanoEnterpriseStaging => "xano_enterprise_staging",
            Self::XanoEnterpriseDev => "xano_enterprise_dev",
            Self::XanoStrategy { .. } => "xano_strategy",
            Self::Nocobase { .. } => "nocobase",
            Self::Platformsh2022Grid => "platformsh_2022_grid",
            Self::PlatformshEssential => "platformsh_essential",
            Self::PlatformshAdvanced => "platformsh_advanced",
            Self::PlatformshPremium => "platformsh_premium",
            Self::PlatformshDedicatedGen2 => "platformsh_dedicated_gen2",
        }
    }
}

const fn entry(
    id: &'static str,
    summary: &'static str,
    settings: &'static [&'static str],
    requirements: &'static [&'static str],
) -> PresetEntry {
    PresetEntry { id, summary, settings, requirements }
}
