//! Ctrl-C, SIGTERM, and a second one.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{Host, document, noise, text};

fn send(child: &Child, signal: Signal) {
    let pid = Pid::from_child(child);
    kill_process(pid, signal).expect("the process lives");
}

/// Starts a command, interrupts it when it is in the middle of a phase, and returns the remedy that it names.
fn interrupted(host: &Host, arguments: &[&str], phase: &str, signal: Signal) -> String {
    let mut child = host
        .backup(arguments)
        .args(["--progress", "json", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut reached = false;
    loop {
        let mut line = String::new();
        assert_ne!(stderr.read_line(&mut line).expect("text"), 0, "it ended before it began");
        let event: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        reached |= event["phase"] == phase;
        if reached && event["event"] == "progress" {
            break;
        }
    }
    send(&child, signal);
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).expect("text");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{rest}");
    assert!(rest.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "only events: {rest}");
    let error = document(&output.stdout)["error"].take();
    assert_eq!(error["kind"], "cancelled");
    error["remedy"].as_str().expect("text").to_owned()
}

fn large(host: &Host) {
    for part in 0..8 {
        host.write(&format!("uploads/large/{part}"), &noise(part + 100, 12 << 20));
    }
}

#[test]
fn an_interrupted_backup_leaves_a_sound_repository_and_the_next_one_works() {
    let host = Host::with_repository();
    large(&host);
    for signal in [Signal::INT, Signal::TERM] {
        let create = ["create", "shop", "--files", "uploads=uploads"];
        assert!(interrupted(&host, &create, "stream", signal).contains("what was stored is used"));
        assert_eq!(host.json(0, &["list"])["backups"], serde_json::json!([]));
        assert_eq!(host.json(0, &["check"])["sound"], true);
    }
    host.create();
    assert_eq!(host.json(0, &["verify", "latest", "--read-data"])["sound"], true);
}

#[test]
fn an_interrupted_restore_leaves_no_half_file_and_can_be_finished() {
    let host = Host::with_repository();
    large(&host);
    host.create();
    let restore = ["restore", "latest", "--service", "uploads", "--to", "look"];
    let remedy = interrupted(&host, &restore, "restore", Signal::INT);
    assert!(remedy.contains("with --onto-existing"), "{remedy}");
    for part in 0..8 {
        let path = format!("look/large/{part}");
        assert!(!host.path(&path).exists() || host.read(&path) == noise(part + 100, 12 << 20), "{path}");
    }
    host.succeeds(&[&restore[..], &["--onto-existing", "--yes"]].concat());
    assert!(host.read("look/large/7") == noise(107, 12 << 20));
}

#[test]
fn an_interrupted_check_is_just_run_again() {
    let host = Host::with_repository();
    large(&host);
    host.create();
    for arguments in [&["verify", "latest", "--read-data"][..], &["check", "--read-data"]] {
        let remedy = interrupted(&host, arguments, "data", Signal::INT);
        assert_eq!(remedy, "run it again when you are ready");
    }
}

#[test]
fn a_second_interrupt_stops_at_once() {
    let host = Host::with_repository();
    large(&host);
    host.create();
    // Nobody reads its stdout, so that it waits for ever and cannot end cleanly.
    let mut child = host
        .backup(&["cat", "latest", "large/0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut first = [0];
    stdout.read_exact(&mut first).expect("it has begun");
    send(&child, Signal::INT);
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("a pipe")).read_line(&mut line).expect("text");
    assert!(line.contains("once more"), "{line}");
    assert!(child.try_wait().expect("a status").is_none(), "it still waits");
    send(&child, Signal::INT);
    let status = child.wait().expect("it ends");
    assert_eq!((status.code(), status.signal()), (Some(130), None));
}

#[test]
fn a_command_that_waits_for_its_passphrase_is_interrupted_too() {
    let host = Host::with_backup();
    let mut child = host
        .backup(&["list", "--passphrase-command", "echo waiting >&2; exec sleep 600"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("text");
    assert_eq!(line, "waiting\n");
    send(&child, Signal::INT);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stdout));
    // The command holds the other end of this pipe: that it closes means that the command is gone.
    stderr.read_to_string(&mut line).expect("text");
    assert!(line.contains("error: the command was interrupted"), "{line}");
}
