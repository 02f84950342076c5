//! `backup policy`.

mod examples;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use backup_core::policy::{Fingerprint, Preset, Region, Zone};
use chrono::{DateTime, Utc};
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{Args, Subcommand, value_parser};

use super::measure;

/// What is asked.
#[derive(Debug, Clone, Subcommand)]
#[command(after_help = examples::ALL)]
pub(crate) enum Policy {
    /// Say of each backup whether it is kept, why, and until when
    #[command(after_help = examples::EXPLAIN)]
    Explain(Explain),
    /// Say what changing one policy for another would lose
    #[command(after_help = examples::PREVIEW)]
    Preview(Preview),
    /// Find what a policy and its schedules say and cannot mean
    #[command(after_help = examples::LINT)]
    Lint(Lint),
    /// Print the next runs of schedules, in UTC and in local time
    #[command(after_help = examples::NEXT)]
    Next(Next),
    /// Play a policy and its schedules over years of virtual time
    #[command(after_help = examples::SIMULATE)]
    Simulate(Simulate),
    /// List the presets, or print one as a policy file
    #[command(after_help = examples::PRESETS)]
    Presets {
        /// The preset to print, with its settings: `nocobase:n=30`
        #[arg(value_name = "ID")]
        preset: Option<Preset>,
    },
    /// Answer a file of questions, as JSON
    #[command(after_help = examples::EVAL)]
    Eval {
        /// The JSON file; `-` reads stdin
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Which policy, or plan: a policy with its schedules.
#[derive(Debug, Clone, Args)]
pub(crate) struct PlanChoice {
    /// The policy, a JSON or TOML file; it may hold a whole plan
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// The plan of a known platform, with its settings (nocobase:n=30); `backup policy presets` lists them
    #[arg(long, value_name = "ID", conflicts_with = "policy")]
    pub(crate) preset: Option<Preset>,
}

/// Schedules, besides those of the plan.
#[derive(Debug, Clone, Args)]
pub(crate) struct Schedules {
    /// A schedule in the notation of cron ('30 2 * * *'); may be given several times
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) cron: Vec<String>,
    /// Whose clocks --cron goes by (Europe/Berlin); UTC if left out
    #[arg(long, value_name = "ZONE", requires = "cron")]
    pub(crate) zone: Option<Zone>,
    /// A schedule of any sort, a JSON or TOML file; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) schedule: Vec<PathBuf>,
}

/// The instant that is asked about.
#[derive(Debug, Clone, Args)]
pub(crate) struct Now {
    /// Answer as at this time (RFC 3339: 2026-11-20T09:30:00Z); now if left out
    #[arg(long, value_name = "TIME", value_parser = measure::time)]
    pub(crate) now: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) plan: PlanChoice,
    /// The backups: a JSON file, written by hand or by `backup list --json`; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    pub(crate) history: PathBuf,
    #[command(flatten)]
    pub(crate) now: Now,
    /// Decide as after the source of the backups was deprovisioned
    #[arg(long)]
    pub(crate) deprovisioned: bool,
    /// Also draw what is kept by which rule, from when until when, into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Preview {
    /// The policy that is in force: a JSON or TOML file, or preset:ID
    #[arg(value_name = "OLD", value_parser = OsStringValueParser::new().try_map(PlanSource::read))]
    pub(crate) old: PlanSource,
    /// The policy that shall be
    #[arg(value_name = "NEW", value_parser = OsStringValueParser::new().try_map(PlanSource::read))]
    pub(crate) new: PlanSource,
    /// The backups: a JSON file, written by hand or by `backup list --json`; `-` reads stdin. Without it only the rules are compared
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) now: Now,
    /// Fail unless the change still is exactly what was shown with this fingerprint
    #[arg(long, value_name = "FINGERPRINT", requires = "history")]
    pub(crate) confirm: Option<Fingerprint>,
}

/// Where a plan comes from.
#[derive(Debug, Clone)]
pub(crate) enum PlanSource {
    File(PathBuf),
    Preset(Preset),
}

impl PlanSource {
    fn read(text: OsString) -> Result<Self, backup_core::policy::Error> {
        match text.to_str().and_then(|text| text.strip_prefix("preset:")) {
            Some(preset) => preset.parse().map(Self::Preset),
            None => Ok(Self::File(text.into())),
        }
    }
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) plan: PlanChoice,
    #[command(flatten)]
    pub(crate) schedules: Schedules,
    #[command(flatten)]
    pub(crate) now: Now,
    /// How long a backup takes (90s, 20m)
    #[arg(long, value_name = "DURATION", value_parser = measure::duration)]
    pub(crate) takes: Option<Duration>,
    /// The work of how long may be lost at most (1h): say whether that can be kept
    #[arg(long, value_name = "DURATION", value_parser = measure::duration)]
    pub(crate) objective: Option<Duration>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Next {
    #[command(flatten)]
    pub(crate) plan: PlanChoice,
    #[command(flatten)]
    pub(crate) schedules: Schedules,
    /// The nightly window of this region (frankfurt)
    #[arg(long, value_name = "ID", value_parser = region)]
    pub(crate) region: Vec<Region>,
    /// The nightly windows of all regions
    #[arg(long, conflicts_with = "region")]
    pub(crate) regions: bool,
    #[command(flatten)]
    pub(crate) now: Now,
    /// How many runs of each schedule; 10, or 1 with --regions, if left out
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..=100_000))]
    pub(crate) limit: Option<u32>,
}

fn region(id: &str) -> Result<Region, String> {
    let known = || Region::ALL.map(|region| region.id).join(", ");
    Region::find(id).copied().ok_or_else(|| format!("there is no such region: use one of {}", known()))
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) plan: PlanChoice,
    #[command(flatten)]
    pub(crate) schedules: Schedules,
    #[command(flatten)]
    pub(crate) now: Now,
    /// How many years, from --now on
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = value_parser!(u32).range(1..=100))]
    pub(crate) years: u32,
    /// Also list what can be restored at this time; may be given several times
    #[arg(long, value_name = "TIME", value_parser = measure::time)]
    pub(crate) on: Vec<DateTime<Utc>>,
    /// How long a backup takes (90s, 20m)
    #[arg(long, value_name = "DURATION", default_value = "0s", value_parser = measure::duration)]
    pub(crate) takes: Duration,
    /// What each backup adds that no other one has (512MiB)
    #[arg(long, value_name = "SIZE", default_value = "0B", value_parser = measure::size)]
    pub(crate) each: u64,
    /// What all backups have in common (10GiB)
    #[arg(long, value_name = "SIZE", default_value = "0B", value_parser = measure::size)]
    pub(crate) shared: u64,
    /// By how much --each grows every day (1MiB)
    #[arg(long, value_name = "SIZE", default_value = "0B", value_parser = measure::size)]
    pub(crate) growth: u64,
    /// How many of the attempts fail (5%)
    #[arg(long, value_name = "PERCENT", default_value = "0%", value_parser = measure::percent)]
    pub(crate) failing: u8,
}
