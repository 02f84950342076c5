//! The examples at the end of each `--help`.

pub(super) const ALL: &str = "\
Examples:
  export BACKUP_REPOSITORY=/srv/backups
  backup init
  backup create shop --sqlite db=./shop.db --files uploads=./uploads
  backup list
  backup restore latest --service uploads --to ./look

The passphrase comes from --passphrase-file, --passphrase-command, BACKUP_PASSPHRASE, or a prompt, in this order.
Exit codes: 0 done, 1 failed or damage found, 2 wrong usage, 3 done with warnings, 130 interrupted.";

pub(super) const INIT: &str = "\
Examples:
  backup init --repository /srv/backups
  backup init -r /srv/backups --passphrase-file /root/backup.passphrase

Without the passphrase nobody can read the backups, you included: keep a copy of it elsewhere.";

pub(super) const CREATE: &str = "\
Examples:
  backup create shop --sqlite db=./shop.db --files uploads=./uploads
  backup create shop --files uploads=./uploads --files docs=./docs --exclude 'cache/**'
  backup create shop --config backup.toml --kind nightly --fact app.version=2.4.1
  backup create shop --config backup.toml --only db --created-by alice --comment 'before 2.4' --tag release
  backup create shop --sqlite db=./shop.db --dry-run";

pub(super) const LIST: &str = "\
Examples:
  backup list
  backup list --environment shop --kind nightly --since 2026-11-01T00:00:00Z --limit 10
  backup list --restorable --policy keep.toml
  backup list --orphans shop acme/production
  backup list --all --json";

pub(super) const ENVIRONMENTS: &str = "\
Examples:
  backup environments
  backup environments --json";

pub(super) const RUNS: &str = "\
Examples:
  backup runs
  backup runs --environment shop --status failed --limit 5";

pub(super) const SHOW: &str = "\
Examples:
  backup show latest
  backup show 3f9a21
  backup show latest-verified --environment shop --json";

pub(super) const LS: &str = "\
Examples:
  backup ls latest
  backup ls latest photos/2026 --service uploads
  backup ls 3f9a21 --recursive";

pub(super) const CAT: &str = "\
Examples:
  backup cat latest notes.txt
  backup cat 3f9a21 photos/1.jpg --service uploads > 1.jpg";

pub(super) const DIFF: &str = "\
Examples:
  backup diff 3f9a21 latest
  backup diff 3f9a21 latest --service uploads photos/2026";

pub(super) const RESTORE: &str = "\
Examples:
  backup restore latest --to ./look
  backup restore 3f9a21 --service uploads --to ./uploads-restored
  backup restore latest --service uploads photos/2026 --to ./look
  backup restore latest --service uploads --to ./uploads --onto-existing --dry-run
  backup restore latest --service uploads --to ./uploads --delete-extras --yes
  backup restore latest --service db --in-place --sqlite db=./shop.db --onto-existing
  backup restore latest-verified --in-place --config backup.toml --delete-extras";

pub(super) const HOLD: &str = "\
Examples:
  backup hold 3f9a21 case-17
  backup hold 3f9a21 audit --until 2027-01-31T00:00:00Z --by alice
  backup hold 3f9a21 case-17 --release";

pub(super) const TAG: &str = "\
Examples:
  backup tag latest --add release --add 2.4
  backup tag 3f9a21 --remove release --by alice";

pub(super) const COMMENT: &str = "\
Examples:
  backup comment latest 'before the migration'
  backup comment 3f9a21 ''";

pub(super) const CONVERT: &str = "\
Examples:
  backup convert 3f9a21 --kind manual
  backup convert 3f9a21 --kind nightly --kind weekly";

pub(super) const FORGET: &str = "\
Examples:
  backup forget --policy keep.toml
  backup forget --policy keep.toml --environment shop
  backup forget --policy keep.toml --confirm 4f0c2d9a1b7e6853
  backup forget --config backup.toml --environment shop --yes

Without --confirm and --yes it shows the plan and changes nothing. What it deletes can be brought back with `undelete` until `prune` has freed it.";

pub(super) const DELETE: &str = "\
Examples:
  backup delete 3f9a21
  backup delete 3f9a21 --reason 'made by mistake' --by alice --yes";

pub(super) const UNDELETE: &str = "\
Examples:
  backup undelete 3f9a21";

pub(super) const PRUNE: &str = "\
Examples:
  backup prune --dry-run
  backup prune --yes
  backup prune --grace 0s --max-unused 10% --max-rewrite 10GiB --yes";

pub(super) const STATS: &str = "\
Examples:
  backup stats
  backup stats 3f9a21
  backup stats --environment shop --json";

pub(super) const VERIFY: &str = "\
Examples:
  backup verify latest
  backup verify 3f9a21 --read-data";

pub(super) const CHECK: &str = "\
Examples:
  backup check
  backup check --read-data
  backup check --read-data=10%";

pub(super) const COMPLETIONS: &str = "\
Examples:
  backup completions bash > /etc/bash_completion.d/backup
  backup completions zsh > ~/.zfunc/_backup
  backup completions fish > ~/.config/fish/completions/backup.fish";
