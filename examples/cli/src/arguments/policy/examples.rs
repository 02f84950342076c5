//! The examples at the end of each `--help`.

pub(super) const ALL: &str = "\
Examples:
  backup policy presets
  backup policy lint --policy keep.toml --cron '0 2 * * *'
  backup list --environment shop --json | backup policy explain --policy keep.toml --history -

All of it works without a repository and without a passphrase, and changes nothing.";

pub(super) const EXPLAIN: &str = "\
Examples:
  backup policy explain --policy keep.toml --history backups.json
  backup policy explain --preset aptible_default --history backups.json --now 2026-11-20T12:00:00Z
  backup policy explain --policy keep.toml --history backups.json --svg timeline.svg
  backup list --environment shop --json | backup policy explain --policy keep.toml --history -";

pub(super) const PREVIEW: &str = "\
Examples:
  backup policy preview keep.toml new.toml
  backup policy preview keep.toml new.toml --history backups.json
  backup policy preview preset:nocobase:n=30 preset:nocobase:n=7 --history backups.json";

pub(super) const LINT: &str = "\
Examples:
  backup policy lint --policy keep.toml --cron '0 2 * * 0'
  backup policy lint --preset mendix:region=frankfurt --takes 90m
  backup policy lint --preset xano_enterprise_prod --objective 1h

The exit code is 3 if something was found.";

pub(super) const NEXT: &str = "\
Examples:
  backup policy next --cron '30 2 * * *' --zone Europe/Berlin
  backup policy next --preset xano_strategy:environment=staging --limit 3
  backup policy next --region frankfurt
  backup policy next --regions --now 2027-03-01T00:00:00Z";

pub(super) const SIMULATE: &str = "\
Examples:
  backup policy simulate --preset aptible_default --years 8
  backup policy simulate --policy keep.toml --cron '0 2 * * *' --on 2027-06-01T00:00:00Z
  backup policy simulate --policy keep.toml --cron '0 2 * * *' --shared 10GiB --each 200MiB --growth 1MiB";

pub(super) const PRESETS: &str = "\
Examples:
  backup policy presets
  backup policy presets nocobase:n=30 > keep.json";

pub(super) const EVAL: &str = "\
Examples:
  backup policy eval questions.json
  backup policy eval - < questions.json";
