//! Tests that run as a process of their own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Starts one ignored test of this program on a folder, through other programs.
pub(crate) fn start(wrapper: &[&str], test: &str, folder: &Path) -> Child {
    let program = std::env::current_exe().unwrap();
    let mut command = match wrapper.split_first() {
        None => Command::new(&program),
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(&program);
            command
        }
    };
    command
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for a test that was started, and checks that it ran and passed; its output.
pub(crate) fn passed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}

/// The folder that this process was started for.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os(FOLDER).expect("this test is run by another one, as a process of its own").into()
}

/// Says that something could not be tested on this machine.
#[allow(clippy::print_stdout, reason = "the test script lists these lines")]
pub(crate) fn not_run(what: &str) {
    println!("NOT RUN: {what}");
}

const FOLDER: &str = "BACKUP_TEST_FOLDER";
