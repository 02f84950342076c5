//! Restoring: plans, questions, what is changed and what is not.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

use crate::host::{Host, PASSPHRASE, assert_exit, not_run, text};
use crate::passphrase::Person;

/// Everything below a folder: paths, kinds, sizes, times, contents.
fn state(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let found = fs::symlink_metadata(&path).expect("metadata");
        let content = if found.is_file() { fs::read(&path).expect("a file") } else { Vec::new() };
        lines.push(format!("{path:?} {} {}.{} {content:?}", found.mode(), found.mtime(), found.mtime_nsec()));
        if found.is_dir() {
            lines.extend(state(&path));
        }
    }
    lines.sort();
    lines
}

fn same_according_to_rsync(host: &Host, left: &str, right: &str) {
    let (left, right) = (format!("{left}/"), format!("{right}/"));
    let compared = Command::new("rsync")
        .args(["-aHAXSn", "--delete", "--itemize-changes", &left, &right])
        .current_dir(host.root())
        .output();
    match compared {
        Ok(output) => {
            assert_exit(&output, 0);
            assert_eq!(text(&output.stdout), "", "{left} and {right} differ");
        }
        Err(_) => not_run("comparing a restored tree: rsync is not installed"),
    }
}

#[test]
fn one_service_lands_directly_and_all_of_them_in_folders() {
    let host = Host::with_backup();
    let report = host.json(0, &["restore", "latest", "--service", "uploads", "--to", "look"]);
    assert_eq!(
        (&report["dry_run"], &report["services"][0]["name"]),
        (&false.into(), &"uploads".into()),
        "{report}"
    );
    assert!(report["services"][0]["written_bytes"].as_u64().expect("a number") > 600_000, "{report}");
    same_according_to_rsync(&host, "uploads", "look");
    host.succeeds(&["restore", "latest", "--to", "all"]);
    same_according_to_rsync(&host, "uploads", "all/uploads");
}

#[test]
fn some_paths_are_restored_without_the_rest() {
    let host = Host::with_backup();
    host.succeeds(&[
        "restore",
        "latest",
        "./photos/2026/2.jpg",
        "notes.txt",
        "--service",
        "uploads",
        "--to",
        "look",
    ]);
    assert!(host.read("look/photos/2026/2.jpg") == host.read("uploads/photos/2026/2.jpg"));
    assert!(host.path("look/notes.txt").exists() && !host.path("look/photos/2026/1.jpg").exists());
    let error = host.fails(
        1,
        "not_found",
        &["restore", "latest", "nothing", "--service", "uploads", "--to", "other"],
    );
    assert!(error["message"].as_str().expect("text").contains("nothing"), "{error}");
    host.fails(1, "not_found", &["restore", "latest", "--service", "nothing", "--to", "other"]);
    assert!(!host.path("other").exists());
}

#[test]
fn a_target_that_is_not_empty_is_refused_with_the_flags_that_would_allow_it() {
    let host = Host::with_backup();
    host.write("look/mine", b"mine");
    let before = state(&host.path("look"));
    let error = host.fails(1, "exists", &["restore", "latest", "--service", "uploads", "--to", "look"]);
    let remedy = error["remedy"].as_str().expect("text");
    assert!(
        error["message"].as_str().expect("text").contains("look") && remedy.contains("--onto-existing"),
        "{error}"
    );
    host.fails(
        1,
        "exists",
        &["restore", "latest", "--service", "uploads", "--to", "look/mine", "--delete-extras"],
    );
    assert_eq!(state(&host.path("look")), before);
}

#[test]
fn a_dry_run_shows_the_plan_and_changes_nothing() {
    let host = Host::with_backup();
    let onto =
        ["restore", "latest", "--service", "uploads", "--to", "uploads", "--delete-extras", "--dry-run"];
    host.write("uploads/notes.txt", b"changed\n");
    host.write("uploads/extra", b"extra");
    let before = state(&host.path("uploads"));
    let plan = host.json(0, &onto);
    assert_eq!((&plan["dry_run"], &plan["plan"][0]["delete"]), (&true.into(), &1.into()), "{plan}");
    assert!(plan["plan"][0]["examples"].to_string().contains("delete extra"), "{plan}");
    let shown = host.succeeds(&onto);
    assert!(shown.contains("overwrite notes.txt") && shown.contains("delete extra"), "{shown}");
    let new = host.json(0, &["restore", "latest", "--to", "new", "--dry-run", "--yes"]);
    assert_eq!(new["plan"][0]["overwrite"], 0);
    assert_eq!(state(&host.path("uploads")), before);
    assert!(!host.path("new").exists());
}

#[test]
fn without_a_terminal_and_without_yes_nothing_happens() {
    let host = Host::with_backup();
    host.write("uploads/notes.txt", b"changed\n");
    host.write("uploads/extra", b"extra");
    let before = state(&host.path("uploads"));
    for flag in ["--onto-existing", "--delete-extras"] {
        let output = host.exits(2, &["restore", "latest", "--service", "uploads", "--to", "uploads", flag]);
        assert!(output.stdout.is_empty() && text(&output.stderr).contains("overwrite notes.txt"));
        assert!(text(&output.stderr).contains("--yes"), "{}", text(&output.stderr));
    }
    assert_eq!(
        host.json(2, &["restore", "latest", "--service", "uploads", "--to", "uploads", "--onto-existing"])["error"]
            ["kind"],
        "usage"
    );
    assert_eq!(state(&host.path("uploads")), before);
}

#[test]
fn onto_existing_writes_what_differs_and_keeps_the_rest() {
    let host = Host::with_backup();
    host.write("uploads/notes.txt", b"changed\n");
    host.write("uploads/extra", b"extra");
    let arguments =
        ["restore", "latest", "--service", "uploads", "--to", "uploads", "--onto-existing", "--yes"];
    let report = host.json(0, &arguments);
    assert_eq!(host.read("uploads/notes.txt"), b"remember the milk\n");
    assert_eq!(host.read("uploads/extra"), b"extra");
    assert_eq!(report["services"][0]["written_bytes"], 18, "{report}");
    // Nothing differs any more, so nobody needs to be asked.
    let again = host.json(0, &arguments[..arguments.len() - 1]);
    assert_eq!(again["services"][0]["written_bytes"], 0, "{again}");
}

#[test]
fn delete_extras_makes_the_target_what_the_backup_is() {
    let host = Host::with_backup();
    host.succeeds(&["restore", "latest", "--service", "uploads", "--to", "look"]);
    host.write("look/extra/deep/file", b"extra");
    host.write("look/photos/2026/1.jpg", b"changed");
    fs::remove_file(host.path("look/notes.txt")).expect("a file less");
    let report = host
        .json(0, &["--yes", "restore", "latest", "--service", "uploads", "--to", "look", "--delete-extras"]);
    assert_eq!(report["services"][0]["deleted"], 3, "{report}");
    same_according_to_rsync(&host, "uploads", "look");
}

#[test]
fn a_person_is_shown_the_plan_and_asked() {
    let host = Host::with_backup();
    let line = "restore latest --service uploads --to uploads --delete-extras --passphrase-file passphrase";
    host.write("passphrase", PASSPHRASE.as_bytes());
    host.write("uploads/extra", b"extra");
    let Some(mut person) = Person::at_a_terminal(&host, line) else { return };
    person.answers("[y/N] ", "n\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(130), "{seen}");
    assert!(seen.contains("delete extra") && seen.contains("nothing was changed"), "{seen}");
    assert!(host.path("uploads/extra").exists());
    let mut person = Person::at_a_terminal(&host, line).expect("as before");
    person.answers("[y/N] ", "y\n");
    let (seen, code) = person.leaves();
    assert_eq!(code, Some(0), "{seen}");
    assert!(!host.path("uploads/extra").exists());
}

#[test]
fn devices_are_made_only_on_request() {
    let host = Host::with_repository();
    let made = Command::new("mknod").arg(host.path("uploads/null")).args(["c", "1", "3"]).output();
    if !made.is_ok_and(|output| output.status.success()) {
        not_run("device nodes through the command line: only root can make one");
        return;
    }
    host.create();
    let left_out = host.json(0, &["restore", "latest", "--service", "uploads", "--to", "without"]);
    assert_eq!(left_out["services"][0]["skipped"], 1, "{left_out}");
    assert!(!host.path("without/null").exists());
    host.succeeds(&["restore", "latest", "--service", "uploads", "--to", "with", "--devices"]);
    assert_eq!(fs::metadata(host.path("with/null")).expect("a device").rdev(), rustix::fs::makedev(1, 3));
}
