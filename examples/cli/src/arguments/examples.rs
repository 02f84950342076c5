//! The examples at the end of each `--help`.

pub(super) const ALL: &str = "\
Examples:
  export BACKUP_REPOSITORY=/srv/backups
  backup init
  backup create shop --files uploads=./uploads
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
  backup create shop --files uploads=./uploads
  backup create shop --files uploads=./uploads --files docs=./docs --exclude 'cache/**'
  backup create acme/production --config backup.toml --comment 'before 2.4' --tag release
  backup create shop --files uploads=./uploads --dry-run";

pub(super) const LIST: &str = "\
Examples:
  backup list
  backup list --environment shop --limit 10
  backup list --json";

pub(super) const SHOW: &str = "\
Examples:
  backup show latest
  backup show 3f9a21
  backup show latest --environment shop --json";

pub(super) const LS: &str = "\
Examples:
  backup ls latest
  backup ls latest photos/2026 --service uploads
  backup ls 3f9a21 --recursive";

pub(super) const CAT: &str = "\
Examples:
  backup cat latest notes.txt
  backup cat 3f9a21 photos/1.jpg --service uploads > 1.jpg";

pub(super) const RESTORE: &str = "\
Examples:
  backup restore latest --to ./look
  backup restore 3f9a21 --service uploads --to ./uploads-restored
  backup restore latest --service uploads photos/2026 --to ./look
  backup restore latest --service uploads --to ./uploads --onto-existing --dry-run
  backup restore latest --service uploads --to ./uploads --delete-extras --yes";

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
