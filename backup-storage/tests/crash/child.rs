//! Tests that run themselves again as another process.

use std::fmt::Display;
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backup_storage::{Name, ObjectStorage};

const DIRECTORY: &str = "BACKUP_STORAGE_TEST_DIRECTORY";

/// The directory to work in, if this process is the child.
pub(crate) fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

/// The command that runs `test` in `directory`, behind `wrapper` (a program and its arguments).
pub(crate) fn command(test: &str, directory: &Path, wrapper: &[&str]) -> Command {
    let this = std::env::current_exe().unwrap();
    let mut command = match wrapper.split_first() {
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(this);
            command
        }
        None => Command::new(this),
    };
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, directory)
        .stdin(Stdio::null());
    command
}

/// Runs the child and expects its assertions to hold.
pub(crate) fn succeeds(mut command: Command) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert!(output.status.success() && text.contains("1 passed"), "child {}: {text}", output.status);
}

/// Runs `work` where all that blocks is done by one thread, in order.
pub(crate) fn in_order<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build().unwrap().block_on(work)
}

/// Says, past the capture of the test harness, what could not be tested and why.
#[allow(clippy::explicit_write, reason = "the harness captures eprintln")]
pub(crate) fn not_run(what: &str, why: impl Display) {
    writeln!(std::io::stderr(), "NOT RUN: {what}: {why}").unwrap();
}

/// Whether strace works here.
pub(crate) fn has_strace(what: &str) -> bool {
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let problem = match works {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => format!("strace: {error}"),
    };
    not_run(what, problem);
    false
}

pub(crate) fn storage(directory: &Path) -> ObjectStorage {
    ObjectStorage::local(directory.join("r")).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// The files of unfinished puts below `directory`.
pub(crate) fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.file_name().unwrap().to_str().unwrap().contains('#') {
                found.push(path);
            }
        }
    }
    found
}
