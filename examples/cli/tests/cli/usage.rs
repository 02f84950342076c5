//! Wrong usage: exit code 2, in the form that was asked for.

use crate::host::{Host, assert_exit, document, text};

impl Host {
    /// Runs a command line that cannot be parsed, in both forms.
    #[track_caller]
    pub(crate) fn fails_to_parse(&self, arguments: &[&str]) -> String {
        let people = self.exits(2, arguments);
        assert!(people.stdout.is_empty() && !people.stderr.is_empty());
        let error = self.json(2, arguments)["error"].take();
        assert_eq!(error["kind"], "usage", "{error}");
        error["message"].as_str().expect("a message").to_owned()
    }
}

#[test]
fn command_lines_that_make_no_sense() {
    let host = Host::new();
    for (arguments, named) in [
        (&[][..], "command"),
        (&["lst"], "lst"),
        (&["show"], "<ID>"),
        (&["list", "--limit", "many"], "many"),
        (&["list", "--what"], "--what"),
        (&["restore", "latest"], "--to"),
        (&["restore", "latest", "--to", "x", "--in-place"], "--in-place"),
        (&["restore", "latest", "--to", "x", "--onto-existing", "--delete-extras"], "--delete-extras"),
        (&["create", "shop", "--files", "uploads"], "NAME=FOLDER"),
        (&["create", "shop", "--files", "uploads="], "NAME=FOLDER"),
        (&["check", "--read-data=200%"], "200%"),
        (&["check", "--read-data", "10%"], "10%"),
        (&["list", "--progress", "loud"], "loud"),
        (&["create", "shop", "--files", "uploads=uploads", "--tag", ""], "--tag"),
        (&["create", "shop", "--sqlite", "db"], "NAME=FILE"),
        (&["create", "shop", "--sqlite", "db="], "NAME=FILE"),
        (&["create", "shop", "--sqlite", "db=shop.db", "--fact", "version"], "NAME=VALUE"),
        (&["create", "shop", "--sqlite", "db=shop.db", "--kind", ""], "--kind"),
        (&["list", "--since", "yesterday"], "2026-11-20T09:30:00Z"),
        (&["list", "--until", "2026-11-20"], "2026-11-20T09:30:00Z"),
        (&["list", "--status", "held"], "held"),
        (&["list", "--all", "--status", "deleted"], "--status"),
        (&["hold", "latest"], "<NAME>"),
        (&["hold", "latest", "case", "--release", "--until", "2026-11-20T09:30:00Z"], "--until"),
        (&["tag", "latest"], "--add"),
        (&["convert", "latest"], "--kind"),
        (&["diff", "latest"], "<ID>"),
        (&["prune", "--grace", "1"], "24h"),
        (&["prune", "--max-unused", "101%"], "100%"),
        (&["prune", "--max-rewrite", "1MB"], "512MiB"),
    ] {
        let message = host.fails_to_parse(arguments);
        assert!(message.contains(named), "{arguments:?}: {message}");
    }
}

#[test]
fn json_is_asked_for_even_by_a_command_line_that_cannot_be_parsed() {
    let host = Host::new();
    let mut command = host.backup(&["lst"]);
    let output = command.env("BACKUP_OUTPUT", "json").output().expect("the binary runs");
    assert_exit(&output, 2);
    assert_eq!(document(&output.stdout)["error"]["kind"], "usage");
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
    // After `--` it is a name, not a flag.
    let output = host.exits(2, &["lst", "--", "--json"]);
    assert!(output.stdout.is_empty());
}

#[test]
fn a_repository_must_be_named() {
    let host = Host::new();
    for empty in [None, Some("")] {
        let mut command = host.backup(&["list", "--json"]);
        command.env_remove("BACKUP_REPOSITORY");
        if let Some(empty) = empty {
            command.env("BACKUP_REPOSITORY", empty);
        }
        let output = command.output().expect("the binary runs");
        assert_exit(&output, 2);
        let error = document(&output.stdout)["error"].take();
        assert!(error["remedy"].as_str().expect("text").contains("--repository"), "{error}");
    }
}

#[test]
fn an_environment_must_consist_of_something() {
    let host = Host::with_repository();
    let error = host.fails(2, "usage", &["create", "shop"]);
    let remedy = error["remedy"].as_str().expect("text");
    assert!(remedy.contains("--files") && remedy.contains("--sqlite"), "{error}");
    // A policy or a gate does not make an environment.
    host.write("shop.toml", b"[environments.shop.policy]\nmin_keep = 1\n");
    host.fails(2, "usage", &["create", "shop", "--config", "shop.toml"]);
}
