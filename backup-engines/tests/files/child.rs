//! Tests that run as a process of their own: under strace, as another user, with few descriptors.

use std::path::Path;
use std::process::{Command, Output};

/// Runs one ignored test of this program on a folder, through other programs.
pub(crate) fn run(wrapper: &[&str], test: &str, folder: &Path) -> std::io::Result<Output> {
    let program = std::env::current_exe()?;
    let (first, rest) = wrapper.split_first().expect("a wrapper");
    Command::new(first)
        .args(rest)
        .arg(program)
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
}

/// The folder that this process was started for.
pub(crate) fn folder() -> std::path::PathBuf {
    std::env::var_os(FOLDER).expect("this test is run by another one, as a process of its own").into()
}

const FOLDER: &str = "BACKUP_TEST_FOLDER";

/// The output as text, after checking that the test ran and passed.
pub(crate) fn passed(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text
}
