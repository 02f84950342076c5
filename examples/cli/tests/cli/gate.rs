//! Holding the application by commands of the configuration.

use std::fs::File;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::host::{Host, assert_exit, document, message, text};

/// A configuration of `shop` whose gate runs these commands.
fn with_gate(hold: &str, release: &str, rest: &str) -> Host {
    let host = Host::with_repository();
    let config = format!(
        "[environments.shop.services.uploads]\nfiles = \"uploads\"\n\
         [environments.shop.quiesce]\nhold = '''{hold}'''\nrelease = '''{release}'''\n{rest}\n"
    );
    host.write("shop.toml", config.as_bytes());
    host
}

const CREATE: [&str; 4] = ["create", "shop", "--config", "shop.toml"];

#[test]
fn the_application_is_held_and_released_around_one_point() {
    let host = with_gate("echo hold >> log; env > environment", "echo release >> log", "");
    let made = host.json(0, &CREATE);
    assert_eq!(made["consistency"], "frozen");
    assert!(made["pause_seconds"].as_f64().expect("a number") > 0.0, "{made}");
    assert_eq!(host.read("log"), b"hold\nrelease\n");
    let environment = text(&host.read("environment"));
    assert!(environment.contains("TZ=UTC") && !environment.contains("BACKUP_PASSPHRASE"), "{environment}");
    let people = host.succeeds(&CREATE);
    assert!(people.contains("frozen: the application was held for"), "{people}");
    let live = host.json(0, &[&CREATE[..], &["--live"]].concat());
    assert_eq!((&live["consistency"], &live["pause_seconds"]), (&"live".into(), &0.0.into()));
    host.succeeds(&[&CREATE[..], &["--dry-run"]].concat());
    assert_eq!(host.read("log"), b"hold\nrelease\nhold\nrelease\n", "neither holds");
}

#[test]
fn a_hold_that_fails_fails_the_backup_and_is_released() {
    let host = with_gate("echo no such host >&2; exit 7", "echo release >> log", "");
    let error = host.fails(1, "unavailable", &CREATE);
    assert!(message(&error).contains("no such host") && message(&error).contains('7'), "{error}");
    assert_eq!(host.read("log"), b"release\nrelease\n", "once for each of the two attempts");
    assert!(host.listed(&["--all"]).is_empty());
    let failed = host.json(0, &["runs", "--status", "failed"])["runs"].take();
    assert!(failed[0]["failure"]["message"].as_str().expect("a reason").contains("no such host"), "{failed}");
}

#[test]
fn a_hold_that_never_returns_is_killed_with_all_that_it_started() {
    let host = with_gate("sleep 600 & echo $! > child; wait", "echo release >> log", "deadline_seconds = 1");
    let output = host.exits(1, &CREATE);
    assert!(text(&output.stderr).contains("1 second"), "{}", text(&output.stderr));
    assert_eq!(host.read("log"), b"release\n");
    let child = text(&host.read("child")).trim().parse().expect("a process");
    assert!(has_ended(child), "{child} goes on");
    assert!(host.listed(&["--all"]).is_empty());
}

/// Whether a process that was killed exists no more, or only until somebody asks how it ended.
fn has_ended(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
    state.map_or(true, |stat| stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

#[test]
fn what_a_hold_leaves_running_goes_on_until_it_is_released() {
    let host = with_gate("sleep 600 & echo $! > lock", "kill $(cat lock) && echo ended > log", "");
    host.succeeds(&CREATE);
    assert_eq!(host.read("log"), b"ended\n");
}

#[test]
fn a_hold_that_talks_without_end_is_read_within_bounds() {
    let host = with_gate("yes a long line of text | head -c 5000000; echo the end; exit 1", "true", "");
    let error = host.fails(1, "unavailable", &CREATE);
    assert!(
        message(&error).len() < 10_000 && message(&error).contains("the end"),
        "{}",
        message(&error).len()
    );
}

#[test]
fn a_database_that_is_locked_for_longer_than_the_deadline_costs_the_backup_and_not_the_application() {
    let hold = "echo held > ready; cat go > /dev/null";
    let rest = "deadline_seconds = 2\n[environments.shop.services.db]\nsqlite = \"shop.db\"";
    let host = with_gate(hold, "echo release >> log", rest);
    let database = host.database("shop.db");
    database.pragma_update(None, "journal_mode", "delete").expect("rollback mode");
    make_pipe(&host, "go");
    let child = start_and_wait_for_hold(&host);
    database.execute_batch("BEGIN EXCLUSIVE").expect("a lock");
    host.write("go", b"on");
    let output = child.wait_with_output().expect("it ends");
    assert_exit(&output, 1);
    assert_eq!(document(&output.stdout)["error"]["kind"], "unavailable", "{}", text(&output.stdout));
    assert_eq!(host.read("log"), b"release\n");
    assert!(host.listed(&["--all"]).is_empty());
    database.execute_batch("COMMIT").expect("the application goes on");
}

#[test]
fn a_release_that_fails_fails_the_backup() {
    let host = with_gate("true", "echo cannot >&2; exit 1", "");
    let error = host.fails(1, "unavailable", &[&CREATE[..], &["--partial"]].concat());
    for words in ["may still be held", "release command", "cannot"] {
        assert!(message(&error).contains(words), "{error}");
    }
    assert!(host.listed(&["--all"]).is_empty());
}

#[test]
fn whatever_ends_a_command_while_the_application_is_held_releases_it() {
    for signal in [Signal::INT, Signal::TERM, Signal::QUIT, Signal::HUP] {
        if signal == Signal::HUP && hangup_is_ignored() {
            eprintln!("NOT RUN: a hangup while the application is held, since these tests run under nohup");
            continue;
        }
        let host = with_gate("echo held > ready; sleep 600", "echo release >> log", "");
        let child = start_and_wait_for_hold(&host);
        send(&child, signal);
        let output = child.wait_with_output().expect("it ends");
        assert_exit(&output, 130);
        assert_eq!(host.read("log"), b"release\n", "{signal:?}");
    }
}

fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("the status of a process");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    u64::from_str_radix(ignored.trim(), 16).expect("a mask") & 1 == 1
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("the process lives");
}

#[test]
fn hangups_after_the_first_do_not_keep_the_application_held() {
    let host =
        with_gate("echo held > ready; sleep 600", "echo releasing > go; cat go; echo release >> log", "");
    make_pipe(&host, "go");
    let child = start_and_wait_for_hold(&host);
    send(&child, Signal::TERM);
    // As of a service manager that ends what it started, and of a terminal that closes.
    assert_eq!(host.read("go"), b"releasing\n");
    send(&child, Signal::HUP);
    send(&child, Signal::HUP);
    host.write("go", b"on");
    let output = child.wait_with_output().expect("it ends");
    assert_exit(&output, 130);
    assert_eq!(document(&output.stdout)["error"]["kind"], "cancelled", "it was not stopped at once");
    assert_eq!(host.read("log"), b"release\n");
}

#[test]
fn a_hangup_under_nohup_ends_nothing() {
    let host = with_gate("echo held > ready; cat go > /dev/null", "echo release >> log", "");
    for pipe in ["ready", "go"] {
        make_pipe(&host, pipe);
    }
    let mut nohup = Command::new("nohup");
    host.prepare(&mut nohup).arg(host.backup(&CREATE).get_program()).args(CREATE);
    let child = nohup.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nohup");
    host.read("ready");
    send(&child, Signal::HUP);
    host.write("go", b"on");
    assert_exit(&child.wait_with_output().expect("it ends"), 0);
    assert_eq!(host.read("log"), b"release\n");
}

/// Starts a backup whose `hold` writes into `ready`, and returns when it does.
fn start_and_wait_for_hold(host: &Host) -> Child {
    make_pipe(host, "ready");
    let mut command = host.backup(&CREATE);
    let child = command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    // Opening waits until somebody writes.
    let ready = File::open(host.path("ready")).and_then(|mut ready| ready.read_to_end(&mut Vec::new()));
    ready.expect("a pipe");
    child.expect("the binary runs")
}

fn make_pipe(host: &Host, name: &str) {
    let made = Command::new("mkfifo").arg(host.path(name)).output().expect("mkfifo");
    assert_exit(&made, 0);
}
