use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use backup_core::ErrorKind;
use backup_core::engine::Quiesce as _;
use tempfile::TempDir;

use super::Gate;

#[test]
fn a_release_that_takes_too_long_is_an_error_and_goes_on_after_this_process() {
    let folder = TempDir::new().expect("a folder");
    let (go, done) = (pipe(&folder.path().join("go")), pipe(&folder.path().join("done")));
    // It prints more than anybody reads.
    let release = format!("cat '{go}' > /dev/null; echo nobody; echo hears; echo released > '{done}'");
    let gate = Gate { hold: String::new(), release, release_limit: Duration::from_millis(10) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let error = runtime.block_on(gate.release()).expect_err("it waits for a word");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("release") && error.to_string().contains("goes on"), "{error}");
    // As at the end of the process: pipes are closed.
    drop(runtime);
    fs::write(go, "on").expect("a word");
    assert_eq!(fs::read_to_string(done).expect("an answer"), "released\n");
}

fn pipe(path: &Path) -> String {
    assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
    path.to_str().expect("text").to_owned()
}
