//! What goes where: one document, quiet ends, events, tables.

use std::io::Read as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::host::{Host, assert_exit, document, noise, text};

#[test]
fn the_environment_may_ask_for_json_and_flags_stand_anywhere() {
    let host = Host::with_backup();
    let mut plain = host.backup(&["list"]);
    let by_environment = plain.env("BACKUP_OUTPUT", "json").output().expect("the binary runs");
    assert_exit(&by_environment, 0);
    assert!(
        document(&by_environment.stdout)["backups"][0]["id"].is_string() && by_environment.stderr.is_empty()
    );
    for arguments in [&["--json", "list", "--limit", "1"][..], &["list", "--limit", "1", "--json"]] {
        assert_eq!(
            document(&host.exits(0, arguments).stdout)["backups"].as_array().expect("a list").len(),
            1
        );
    }
    let repository = host.path("repository");
    let repository = repository.to_str().expect("text");
    for arguments in [
        &["--repository", repository, "list"][..],
        &["list", "-r", repository],
        &["-r", repository, "list", "-y"],
    ] {
        let mut command = host.backup(arguments);
        assert_exit(&command.env_remove("BACKUP_REPOSITORY").output().expect("the binary runs"), 0);
    }
    let url = format!("file://{repository}");
    assert!(host.succeeds(&["list", "-r", &url]).contains("shop"));
    let mut wrong = host.backup(&["list"]);
    assert_exit(&wrong.env("BACKUP_OUTPUT", "xml").output().expect("the binary runs"), 2);
}

#[test]
fn a_closed_stdout_ends_quietly() {
    let host = Host::with_backup();
    host.write("uploads/large", &noise(5, 8 << 20));
    host.create();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["ls", "latest", "-R"],
        &["cat", "latest", "large"],
        &["show", "latest"],
        &["check"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child = host
            .backup(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert_exit(&output, 0);
        assert!(output.stderr.is_empty(), "{arguments:?}: {}", text(&output.stderr));
    }
    // In the middle, too.
    let mut child = host
        .backup(&["cat", "latest", "large"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    child.stdout.take().expect("a pipe").read_exact(&mut [0; 100_000]).expect("the beginning");
    let output = child.wait_with_output().expect("it ends");
    assert_exit(&output, 0);
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

#[test]
fn a_full_stdout_is_an_error() {
    let host = Host::with_backup();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the device");
    let output = host.backup(&["list"]).stdout(full).output().expect("the binary runs");
    assert_exit(&output, 1);
    assert!(text(&output.stderr).contains("stdout"), "{}", text(&output.stderr));
}

#[test]
fn progress_is_one_event_per_line_on_stderr() {
    let host = Host::with_repository();
    let output =
        host.exits(0, &["create", "shop", "--files", "uploads=uploads", "--progress", "json", "--json"]);
    assert!(document(&output.stdout)["id"].is_string());
    let events: Vec<Value> =
        text(&output.stderr).lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    let phases: Vec<&str> = events.iter().filter_map(|event| event["phase"].as_str()).collect();
    assert!(phases.contains(&"stream") && phases.contains(&"commit"), "{phases:?}");
    let counts: Vec<&Value> = events.iter().filter(|event| event["event"] == "progress").collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| count["bytes"].is_u64()), "{counts:?}");
    let silent = host.exits(0, &["create", "shop", "--files", "uploads=uploads"]);
    assert!(silent.stderr.is_empty(), "no bar without a terminal: {}", text(&silent.stderr));
}

#[test]
fn a_comment_cannot_steer_a_terminal() {
    let host = Host::with_repository();
    host.succeeds(&["create", "shop", "--files", "uploads=uploads", "--comment", "\u{1b}[2Jgone\nnew line"]);
    for arguments in [&["list"][..], &["show", "latest"]] {
        let people = host.succeeds(arguments);
        assert!(people.contains("\\x1b[2Jgone\\x0anew line"), "{people}");
    }
    let document = host.json(0, &["show", "latest"]);
    assert_eq!(document["backup"]["comment"], "\u{1b}[2Jgone\nnew line");
}

#[test]
fn completions_are_scripts_that_their_shell_accepts() {
    let host = Host::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = host.succeeds(&["completions", shell]);
        assert!(script.contains("restore") && script.contains("passphrase-file"), "{shell}");
        assert_eq!(host.json(0, &["completions", shell])["script"], *script);
    }
    host.write("completions.bash", host.succeeds(&["completions", "bash"]).as_bytes());
    let output = Command::new("bash").arg("-n").arg(host.path("completions.bash")).output().expect("bash");
    assert_exit(&output, 0);
    host.fails_to_parse(&["completions", "tcsh"]);
}

#[test]
fn every_command_has_help_with_examples_and_accepts_yes() {
    let host = Host::new();
    let commands = [
        "init",
        "create",
        "list",
        "environments",
        "runs",
        "show",
        "ls",
        "cat",
        "diff",
        "restore",
        "hold",
        "tag",
        "comment",
        "convert",
        "forget",
        "delete",
        "undelete",
        "prune",
        "stats",
        "verify",
        "check",
        "completions",
    ];
    let overview = host.succeeds(&["--help"]);
    for command in commands {
        assert!(overview.contains(command), "{overview}");
        let help = host.succeeds(&[command, "--help"]);
        assert!(help.contains("Examples:\n  backup "), "{help}");
        assert!(help.contains("--yes") && help.contains("--json") && help.contains("--repository"), "{help}");
    }
    assert_eq!(host.succeeds(&["help"]), overview);
    assert_eq!(host.succeeds(&["help", "restore"]), host.succeeds(&["restore", "--help"]));
}

#[test]
fn the_version_is_the_same_after_every_command() {
    let host = Host::new();
    for arguments in [&["--version"][..], &["list", "--version"]] {
        assert_eq!(host.succeeds(arguments), concat!("backup ", env!("CARGO_PKG_VERSION"), "\n"));
        assert_eq!(host.json(0, arguments)["version"], env!("CARGO_PKG_VERSION"));
    }
}
