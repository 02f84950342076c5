//! A whole application backed up at one point while it writes: a database of 1 GB in WAL mode and 100,000 files.
//!
//! `cargo bench -p backup-benches --bench environment [-- MEGABYTES FILES]`. Prints what each step took, and fails if the restored copy is not as the
//! application was at one point.

#![allow(missing_docs, clippy::print_stdout, clippy::unwrap_used, reason = "a program for engineers")]

#[allow(dead_code, reason = "the bench asks for one of its two promises")]
#[path = "../../backup-engines/tests/environment/bank.rs"]
mod bank;
#[path = "../../backup-engines/tests/environment/process.rs"]
mod process;

use std::path::Path;
use std::time::{Duration, Instant};

use backup_core::{BackupReport, Environment, Passphrase, Repository};
use backup_engines::{Files, Sqlite};

use self::bank::{Bank, Habit, noise};
use self::process::{Gate, Process};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if Process::become_application(&arguments) {
        return;
    }
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse::<u64>().ok());
    let (megabytes, files) = (numbers.next().unwrap_or(1_000), numbers.next().unwrap_or(100_000));
    let folder = tempfile::tempdir().unwrap();
    let rest = Duration::from_millis(2);
    // A row of ballast fills a page of 4,096 bytes.
    let ballast = megabytes * 1_000_000 / 4096;
    let bank =
        Bank { home: folder.path().join("bank"), habit: Habit::Careless, ballast, documents: 200, rest };
    bank.found("wal");
    fill_old_uploads(&bank.uploads(), files, 2_000);
    // What was written just now is read once more within the pause.
    std::thread::sleep(Duration::from_secs(3));
    let (process, gate) = Process::start(&bank);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(&bank, gate, folder.path()));
    drop(process);
}

async fn measure(bank: &Bank, gate: Gate, folder: &Path) {
    let repository =
        Repository::create(folder.join("repository"), Passphrase::from("a bench")).await.unwrap();
    let environment = Environment::new("bank")
        .service("database", Sqlite::file(bank.database()))
        .service("uploads", Files::tree(bank.uploads()))
        .quiesce(gate);
    for number in 1..=3 {
        let made = repository.backup(&environment).await.unwrap();
        print(&format!("backup {number}"), &made);
    }
    let newest = repository.find("latest").await.unwrap();
    let (home, began) = (folder.join("restored"), Instant::now());
    repository.restore(newest.id).to_directory(&home).await.unwrap();
    println!("restore: {:.1} s", began.elapsed().as_secs_f64());
    let restored = Bank { home: home.clone(), ..bank.clone() };
    std::fs::rename(home.join("database/bank.db"), restored.database()).unwrap();
    println!("the restored copy is as the application was after step {}", restored.expect_one_point());
}

fn print(name: &str, made: &BackupReport) {
    println!(
        "{name}: {:.1} s, application held {:.1} ms, {} entries, {:.0} MB, {:.1} MB stored",
        made.duration.as_secs_f64(),
        made.pause.as_secs_f64() * 1e3,
        made.entries,
        mega(made.logical_bytes),
        mega(made.stored_bytes),
    );
}

#[allow(clippy::cast_precision_loss, reason = "for people")]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A folder of old uploads that nobody touches any more.
fn fill_old_uploads(uploads: &Path, files: u64, size: usize) {
    for number in 0..files {
        let folder = uploads.join("old").join((number / 100).to_string());
        if number % 100 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::write(folder.join((number % 100).to_string()), noise(number, size)).unwrap();
    }
}
