//! A repository that somebody or something damaged: every command says so, none panics, none makes it worse.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::host::{Host, text};

const COMMANDS: [&[&str]; 4] = [
    &["list"],
    &["cat", "latest", "photos/2026/1.jpg"],
    &["restore", "latest", "--to", "look", "--yes", "--delete-extras"],
    &["verify", "latest", "--read-data"],
];

/// What is done to an object.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Truncate,
    Flip,
    Empty,
    Delete,
}

impl Harm {
    fn inflict(self, object: &Path) {
        let mut bytes = fs::read(object).expect("an object");
        let middle = bytes.len() / 2;
        match self {
            Self::Truncate => bytes.truncate(middle),
            Self::Flip => bytes[middle] ^= 0x10,
            Self::Empty => bytes.clear(),
            Self::Delete => return fs::remove_file(object).expect("a deletion"),
        }
        fs::write(object, bytes).expect("a change");
    }
}

/// Runs every command against a repository with one damaged object. Each ends in a way that the README describes.
fn every_command_survives(folder: &str) {
    let host = Host::with_backup();
    let object = host.object(folder);
    let sound = fs::read(&object).expect("an object");
    fs::set_permissions(&object, fs::Permissions::from_mode(0o600)).expect("a mode");
    for harm in [Harm::Truncate, Harm::Flip, Harm::Empty, Harm::Delete] {
        fs::write(&object, &sound).expect("the object as it was");
        harm.inflict(&object);
        for command in COMMANDS {
            let output = host.backup(command).output().expect("the binary runs");
            let (code, stderr) = (output.status.code(), text(&output.stderr));
            assert!(
                matches!(code, Some(0..=3)) && !stderr.contains("panicked"),
                "{harm:?} {folder}, {command:?}: {code:?} {stderr}"
            );
        }
        let report = host.json(1, &["check", "--read-data"]);
        let error = &report["error"];
        assert!(
            ["damaged", "not_found", "wrong_key"].contains(&error["kind"].as_str().expect("a kind")),
            "{harm:?} {folder}: {report}"
        );
        assert!(!error["remedy"].as_str().expect("text").contains("run a check"), "{report}");
    }
}

#[test]
fn packs() {
    every_command_survives("packs");
}

#[test]
fn index_segments() {
    every_command_survives("index");
}

#[test]
fn manifests() {
    every_command_survives("backups");
}

#[test]
fn key_slots() {
    every_command_survives("keys");
}

#[test]
fn configurations() {
    every_command_survives("config");
}

#[test]
fn the_repository_file() {
    every_command_survives("repository.json");
}

#[test]
fn problems_are_listed_with_the_backups_they_touch() {
    let host = Host::with_backup();
    let id = host.create();
    let read = host.succeeds(&["verify", "latest", "--read-data"]);
    assert!(read.contains("is what was stored"), "{read}");
    let pack = host.object("packs");
    Harm::Delete.inflict(&pack);
    for arguments in [&["check"][..], &["verify", "latest"], &["verify", "latest", "--read-data"]] {
        let people = host.exits(1, arguments);
        assert!(!text(&people.stdout).contains("is what was stored"), "{}", text(&people.stdout));
        assert!(text(&people.stdout).starts_with("damaged: "), "{}", text(&people.stdout));
        assert!(text(&people.stderr).contains("error: ") && text(&people.stderr).contains("remedy: "));
        let report = host.json(1, arguments);
        assert_eq!(
            (&report["sound"], &report["error"]["kind"]),
            (&false.into(), &"damaged".into()),
            "{report}"
        );
        let remedy = report["error"]["remedy"].as_str().expect("text");
        assert_eq!(remedy.contains("run a check"), arguments[0] != "check", "{remedy}");
        let problems = report["problems"].to_string();
        assert!(problems.contains(&id), "{report}");
        let name = pack.file_name().expect("a name").to_str().expect("text");
        assert!(problems.contains(name), "{report}");
    }
}

#[test]
fn a_list_without_an_unreadable_backup_is_a_list_with_a_warning() {
    let host = Host::with_backup();
    let manifest = host.object("backups");
    Harm::Flip.inflict(&manifest);
    let made = host.json(3, &["create", "shop", "--files", "uploads=uploads"]);
    let readable = made["id"].as_str().expect("an id");
    let listed = host.json(3, &["list"]);
    assert_eq!(listed["backups"].as_array().expect("a list").len(), 1, "{listed}");
    assert_eq!(listed["backups"][0]["id"], readable);
    let name = manifest.file_name().expect("a name").to_str().expect("text");
    assert!(listed["notices"].to_string().contains(name), "{listed}");
    let people = host.exits(3, &["list"]);
    assert!(text(&people.stderr).starts_with("warning: "), "{}", text(&people.stderr));
}
