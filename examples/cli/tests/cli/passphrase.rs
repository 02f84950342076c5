//! Where the passphrase comes from, and where it does not go.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

use crate::host::{Host, PASSPHRASE, assert_exit, binary, document, not_run, text};

/// Without a passphrase in the environment.
fn bare(host: &Host, arguments: &[&str]) -> Output {
    let mut command = host.backup(arguments);
    command.env_remove("BACKUP_PASSPHRASE").output().expect("the binary runs")
}

#[test]
fn a_file_a_command_and_the_environment_in_this_order() {
    let host = Host::with_repository();
    host.write("right", PASSPHRASE.as_bytes());
    host.write("wrong", b"wrong");
    for arguments in [
        &["list", "--passphrase-file", "right"][..],
        &["--passphrase-file", "right", "list"],
        &["list", "--passphrase-command", "cat right"],
        &["list", "--passphrase-command", "printf '%s\\n' \"$(cat right)\""],
    ] {
        assert_exit(&bare(&host, arguments), 0);
        let mut overruling = host.backup(arguments);
        assert_exit(&overruling.env("BACKUP_PASSPHRASE", "wrong").output().expect("the binary runs"), 0);
    }
    for arguments in
        [&["list", "--passphrase-file", "wrong"][..], &["list", "--passphrase-command", "cat wrong"]]
    {
        let error = host.fails(1, "wrong_key", arguments);
        let shown = error.to_string();
        assert!(shown.contains("passphrase") && shown.contains("/repository"), "{error}");
    }
}

#[test]
fn one_newline_at_the_end_of_a_file_is_dropped() {
    let host = Host::with_repository();
    for (end, code) in [("", 0), ("\n", 0), ("\r\n", 0), ("\n\n", 1), (" ", 1), ("\r", 1)] {
        host.write("passphrase", format!("{PASSPHRASE}{end}").as_bytes());
        assert_exit(&bare(&host, &["list", "--passphrase-file", "passphrase"]), code);
    }
    let mut with_newline = host.backup(&["list"]);
    let output =
        with_newline.env("BACKUP_PASSPHRASE", format!("{PASSPHRASE}\n")).output().expect("the binary runs");
    assert_exit(&output, 1);
}

#[test]
fn an_empty_passphrase_is_refused() {
    let host = Host::new();
    host.write("empty", b"\n");
    for command in ["init", "list"] {
        host.fails(2, "usage", &[command, "--passphrase-file", "empty"]);
        host.fails(2, "usage", &[command, "--passphrase-command", "true"]);
        let mut empty = host.backup(&[command]);
        assert_exit(&empty.env("BACKUP_PASSPHRASE", "").output().expect("the binary runs"), 2);
    }
    assert!(!host.path("repository/repository.json").exists());
}

#[test]
fn passphrases_that_cannot_be_had() {
    let host = Host::with_repository();
    let missing = host.fails(1, "not_found", &["list", "--passphrase-file", "nothing"]);
    let message = missing["message"].as_str().expect("text");
    assert!(message.contains("nothing"), "{message}");
    let error = host.fails(1, "unavailable", &["list", "--passphrase-command", "echo secret; exit 3"]);
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!(missing["remedy"], "check the path");
    host.fails(2, "usage", &["list", "--passphrase-file", "/dev/zero"]);
    for both in [
        &["list", "--passphrase-file", "nothing", "--passphrase-command", "true"][..],
        &["--passphrase-file", "nothing", "list", "--passphrase-command", "true"],
    ] {
        let error = host.fails(2, "usage", both);
        assert!(error["message"].as_str().expect("text").contains("exclude"), "{error}");
    }
    let output = bare(&host, &["list", "--json"]);
    assert_exit(&output, 2);
    let remedy = document(&output.stdout)["error"]["remedy"].to_string();
    for way in ["--passphrase-file", "--passphrase-command", "BACKUP_PASSPHRASE"] {
        assert!(remedy.contains(way), "{remedy}");
    }
}

#[test]
fn a_person_is_asked_without_echo_and_twice_for_a_new_repository() {
    let host = Host::new();
    let Some(mut person) = Person::at_a_terminal(&host, "init") else { return };
    person.answers("Passphrase: ", "typed\n");
    person.answers("again: ", "typed\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(0), "{seen}");
    assert!(!seen.contains("typed"), "it was shown: {seen}");
    let mut person = Person::at_a_terminal(&host, "list").expect("as before");
    person.answers("Passphrase: ", "typed\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("no backups"), "{seen}");
}

#[test]
fn two_different_answers_make_no_repository() {
    let host = Host::new();
    let Some(mut person) = Person::at_a_terminal(&host, "init") else { return };
    person.answers("Passphrase: ", "one\n");
    person.answers("again: ", "two\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(2), "{seen}");
    assert!(!host.path("repository/repository.json").exists());
}

#[test]
fn a_person_may_leave_instead_of_answering() {
    let host = Host::with_repository();
    let Some(mut person) = Person::at_a_terminal(&host, "list; stty -a") else { return };
    person.answers("Passphrase: ", "\u{3}");
    let (seen, _) = person.leaves();
    assert!(seen.contains("error: the command was interrupted"), "{seen}");
    assert!(seen.contains(" echo "), "the terminal shows again what is typed: {seen}");
}

/// Somebody at a terminal of `script`.
pub(crate) struct Person {
    script: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    seen: Vec<u8>,
}

impl Person {
    pub(crate) fn at_a_terminal(host: &Host, arguments: &str) -> Option<Self> {
        let mut command = Command::new("script");
        // ^C reaches the shell too, and not every shell outlives it to run what stands after the command.
        let line = format!("trap : INT; '{}' {arguments}", binary().display());
        let spawned = host
            .prepare(&mut command)
            .env_remove("BACKUP_PASSPHRASE")
            .env("SHELL", "/bin/sh")
            .args(["--quiet", "--return", "--command", &line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut script) = spawned else {
            not_run("questions at a terminal: `script` is not installed");
            return None;
        };
        let keyboard = script.stdin.take().expect("a pipe");
        let screen = script.stdout.take().expect("a pipe");
        Some(Self { script, keyboard, screen, seen: Vec::new() })
    }

    /// Waits for a question, then types.
    #[track_caller]
    pub(crate) fn answers(&mut self, question: &str, keys: &str) {
        while !text(&self.seen).contains(question) {
            let mut bytes = [0; 1024];
            let read = self.screen.read(&mut bytes).expect("a screen");
            assert_ne!(read, 0, "never asked {question:?}: {}", text(&self.seen));
            self.seen.extend_from_slice(&bytes[..read]);
        }
        self.keyboard.write_all(keys.as_bytes()).and_then(|()| self.keyboard.flush()).expect("a keyboard");
    }

    /// Waits for the end: what was on the screen, and the exit code.
    pub(crate) fn leaves(mut self) -> (String, Option<i32>) {
        self.screen.read_to_end(&mut self.seen).expect("a screen");
        let status = self.script.wait().expect("it ends");
        (text(&self.seen), status.code())
    }
}
