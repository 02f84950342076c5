//! Backups of an application that never stops writing, in a process of its own.
//!
//! A program with a `main` of its own, because it is also that application. An argument chooses the scenarios whose names contain it.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a program of tests")]

mod bank;
mod process;

use std::path::Path;
use std::time::Duration;

use backup_core::{Consistency, Environment, KdfParameters, Passphrase, Repository};
use backup_engines::{Files, Sqlite};

use self::bank::{Bank, Habit};
use self::process::{Gate, Process};

/// Backups of one scenario.
const BACKUPS: usize = 100;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if Process::become_application(&arguments) {
        return;
    }
    let chosen = arguments.iter().find(|argument| !argument.starts_with('-'));
    let scenarios: [(&str, fn()); 4] = [
        ("a_frozen_backup_is_one_point_over_database_and_files", frozen),
        ("a_frozen_backup_of_a_database_with_a_rollback_journal_is_one_point", frozen_rollback),
        ("an_ordered_backup_has_the_file_of_every_row", ordered),
        ("a_live_backup_has_a_sound_database", live),
    ];
    for (name, scenario) in scenarios {
        if chosen.is_none_or(|chosen| name.contains(chosen.as_str())) {
            scenario();
            println!("test {name} ... ok");
        }
    }
}

fn frozen() {
    scenario(Habit::Careless, "wal", BACKUPS, true, Bank::expect_one_point);
}

fn frozen_rollback() {
    scenario(Habit::Careless, "delete", BACKUPS / 10, true, Bank::expect_one_point);
}

fn ordered() {
    scenario(Habit::Orderly, "wal", BACKUPS, false, Bank::expect_files_of_rows);
}

fn live() {
    let folder = tempfile::tempdir().unwrap();
    let bank = bank_in(folder.path(), Habit::Orderly);
    bank.found("wal");
    let (_process, gate) = Process::start(&bank);
    block_on(async {
        let repository = repository().await;
        let made = repository.backup(&environment(&bank).quiesce(gate)).live().await.unwrap();
        let info = repository.find(&made.id.to_string()).await.unwrap();
        assert_eq!((info.consistency, made.pause), (Consistency::Live, Duration::ZERO));
        let restored = restore(&repository, &bank, &folder.path().join("restored")).await;
        restored.expect_files_of_rows();
    });
}

/// Backs up again and again while the application writes, and looks at each restored copy.
fn scenario(habit: Habit, journal: &str, backups: usize, held: bool, expect: fn(&Bank) -> u64) {
    let folder = tempfile::tempdir().unwrap();
    let bank = bank_in(folder.path(), habit);
    bank.found(journal);
    let (_process, gate) = Process::start(&bank);
    block_on(async {
        let repository = repository().await;
        let mut last = 0;
        for number in 0..backups {
            let made = repository.backup(&held_environment(&bank, held.then(|| gate.clone()))).await.unwrap();
            let info = repository.find(&made.id.to_string()).await.unwrap();
            let expected = if held { Consistency::Frozen } else { Consistency::Ordered };
            assert_eq!((info.consistency, made.pause > Duration::ZERO), (expected, held));
            let restored = restore(&repository, &bank, &folder.path().join(number.to_string())).await;
            let step = expect(&restored);
            assert!(step >= last, "backup {number} is older than the one before");
            last = step;
            std::fs::remove_dir_all(&restored.home).unwrap();
        }
        assert!(last > backups as u64, "the application hardly wrote: {last} steps");
    });
}

fn bank_in(folder: &Path, habit: Habit) -> Bank {
    // An orderly application never deletes: its files add up.
    let rest = Duration::from_micros(if habit == Habit::Orderly { 25_000 } else { 500 });
    Bank { home: folder.join("bank"), habit, ballast: 40, documents: 60, rest }
}

fn environment(bank: &Bank) -> Environment {
    // The files come first in the list, and must be read last.
    Environment::new("bank")
        .service("uploads", Files::tree(bank.uploads()))
        .service("database", Sqlite::file(bank.database()))
}

fn held_environment(bank: &Bank, gate: Option<Gate>) -> Environment {
    match gate {
        Some(gate) => environment(bank).quiesce(gate),
        None => environment(bank),
    }
}

async fn repository() -> Repository {
    let builder = Repository::builder("memory:").keys(Passphrase::from("torture"));
    builder.kdf(KdfParameters::new(1024, 1, 1).unwrap()).create().await.unwrap()
}

/// Restores the newest backup as a bank.
async fn restore(repository: &Repository, bank: &Bank, home: &Path) -> Bank {
    let newest = repository.find("latest").await.unwrap();
    repository.restore(newest.id).to_directory(home).await.unwrap();
    let restored = Bank { home: home.into(), ..bank.clone() };
    // The service "database" lies in a folder of its own.
    std::fs::rename(home.join("database/bank.db"), restored.database()).unwrap();
    restored
}

fn block_on(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work);
}
