//! An application that never stops writing: a database of balances and documents, and the documents' files beside it.
//!
//! Everything that it writes is a function of the number of its step, so that any state of it can be told right from wrong: the
//! database says after which step it is, and all else must be as it was after that step.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params};

/// Accounts in each of the two tables.
const ACCOUNTS: u64 = 50;
/// What each of them has in the beginning.
const BALANCE: i64 = 1_000;
/// Bytes of one row of ballast.
const BALLAST: usize = 3_000;

/// How the application goes about its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Habit {
    /// Changes a file in place, and deletes files with their rows. Only a backup at one point can be right.
    Careless,
    /// Writes a file before its row, never changes one, never deletes one.
    Orderly,
}

/// An application of a size.
#[derive(Debug, Clone)]
pub(crate) struct Bank {
    pub(crate) home: PathBuf,
    pub(crate) habit: Habit,
    /// Rows of ballast in the database, each on a page of its own.
    pub(crate) ballast: u64,
    /// The latest documents that a careless application keeps.
    pub(crate) documents: u64,
    /// Time from one step to the next.
    pub(crate) rest: Duration,
}

/// What the application has written after a step.
#[derive(Debug)]
struct Expected {
    checking: Vec<i64>,
    savings: Vec<i64>,
    /// Row of ballast to the step that wrote it last.
    ballast: BTreeMap<u64, u64>,
    oldest: u64,
}

impl Bank {
    pub(crate) fn database(&self) -> PathBuf {
        self.home.join("bank.db")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.home.join("uploads")
    }

    /// Founds the bank, at step 0, with so many documents that were there before.
    pub(crate) fn found(&self, journal: &str) {
        fs::create_dir_all(self.uploads()).unwrap();
        let mut database = Connection::open(self.database()).unwrap();
        database.pragma_update(None, "journal_mode", journal).unwrap();
        database.pragma_update(None, "synchronous", "off").unwrap();
        let transaction = database.transaction().unwrap();
        transaction
            .execute_batch(
                "create table checking (id integer primary key, balance integer not null);
                 create table savings (id integer primary key, balance integer not null);
                 create table document (step integer primary key, size integer not null);
                 create table ballast (id integer primary key, step integer not null, filling blob not null);
                 create table progress (step integer not null);
                 insert into progress values (0);",
            )
            .unwrap();
        for id in 0..ACCOUNTS {
            for table in ["checking", "savings"] {
                let insert = format!("insert into {table} values (?1, ?2)");
                transaction.execute(&insert, params![signed(id), BALANCE]).unwrap();
            }
        }
        let mut insert = transaction.prepare("insert into ballast values (?1, 0, ?2)").unwrap();
        for id in 0..self.ballast {
            insert.execute(params![signed(id), filling(id, 0)]).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
        fs::write(self.counter(), "0").unwrap();
    }

    /// Takes step after step until stdin ends. The line `hold` there holds it between two steps, as `held` on stdout says; the line `release`
    /// lets it go on.
    pub(crate) fn run(&self) {
        let mut database = Connection::open(self.database()).unwrap();
        database.busy_timeout(Duration::from_secs(60)).unwrap();
        database.pragma_update(None, "synchronous", "off").unwrap();
        let (sender, orders) = channel();
        std::thread::spawn(move || {
            io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut step = after(&database);
        while held_until_released(&orders) {
            step += 1;
            self.step(&mut database, step);
            std::thread::sleep(self.rest);
        }
    }

    fn step(&self, database: &mut Connection, step: u64) {
        let file = self.document(step);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, contents(step)).unwrap();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        let (from, to, amount) = transfer(step);
        let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
            transaction.prepare(sql).unwrap().execute(parameters).unwrap();
        };
        run("update checking set balance = balance - ?2 where id = ?1", &[&signed(from), &amount]);
        run("update savings set balance = balance + ?2 where id = ?1", &[&signed(to), &amount]);
        run("insert into document values (?1, ?2)", &[&signed(step), &signed(contents(step).len() as u64)]);
        if self.ballast > 0 {
            let row = ballast_row(step, self.ballast);
            run(
                "update ballast set step = ?2, filling = ?3 where id = ?1",
                &[&signed(row), &signed(step), &filling(row, step)],
            );
        }
        run("update progress set step = ?1", &[&signed(step)]);
        let gone = step.checked_sub(self.documents).filter(|gone| *gone > 0 && self.habit == Habit::Careless);
        if let Some(gone) = gone {
            run("delete from document where step = ?1", &[&signed(gone)]);
        }
        transaction.commit().unwrap();
        if self.habit == Habit::Careless {
            fs::write(self.counter(), step.to_string()).unwrap();
            gone.into_iter().for_each(|gone| fs::remove_file(self.document(gone)).unwrap());
        }
    }

    /// Fails unless everything is as it was after one and the same step. Returns the step.
    pub(crate) fn expect_one_point(&self) -> u64 {
        let (step, expected) = self.expect_database();
        let files = self.files();
        let steps: Vec<u64> = (expected.oldest..=step).collect();
        assert!(
            files.keys().copied().eq(steps),
            "the files are not those of the {step} steps: {:?}",
            files.keys()
        );
        for (document, path) in &files {
            assert!(
                fs::read(path).unwrap() == contents(*document),
                "the document {document} is not as it was"
            );
        }
        assert_eq!(
            fs::read_to_string(self.counter()).unwrap(),
            step.to_string(),
            "the file changed in place"
        );
        step
    }

    /// Fails unless the database is as it was after one step, and the file of each of its documents is there. Files of later steps may be.
    pub(crate) fn expect_files_of_rows(&self) -> u64 {
        let (step, expected) = self.expect_database();
        let files = self.files();
        for document in expected.oldest..=step {
            let path = files.get(&document).unwrap_or_else(|| panic!("the document {document} has no file"));
            assert!(
                fs::read(path).unwrap() == contents(document),
                "the document {document} is not as it was"
            );
        }
        step
    }

    fn expect_database(&self) -> (u64, Expected) {
        let database = Connection::open(self.database()).unwrap();
        let sound: String = database.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let step = after(&database);
        let expected = self.expected(step);
        for (table, balances) in [("checking", &expected.checking), ("savings", &expected.savings)] {
            assert_eq!(
                &column(&database, &format!("select balance from {table} order by id")),
                balances,
                "{table}"
            );
        }
        let documents = column(&database, "select step from document order by step");
        assert!(
            documents.into_iter().eq((expected.oldest..=step).map(signed)),
            "the documents at step {step}"
        );
        let mut ballast = database.prepare("select id, step, filling from ballast").unwrap();
        let mut rows = ballast.query([]).unwrap();
        let mut seen = 0;
        while let Some(row) = rows.next().unwrap() {
            let (id, written) = (row.get::<_, i64>(0).unwrap(), row.get::<_, i64>(1).unwrap());
            let (id, written) = (u64::try_from(id).unwrap(), u64::try_from(written).unwrap());
            assert_eq!(
                written,
                expected.ballast.get(&id).copied().unwrap_or(0),
                "the ballast {id} at step {step}"
            );
            assert!(row.get_ref(2).unwrap().as_blob().unwrap() == filling(id, written), "the ballast {id}");
            seen += 1;
        }
        assert_eq!(seen, self.ballast);
        (step, expected)
    }

    fn expected(&self, step: u64) -> Expected {
        let balances = vec![BALANCE; usize::try_from(ACCOUNTS).unwrap()];
        let mut expected =
            Expected { checking: balances.clone(), savings: balances, ballast: BTreeMap::new(), oldest: 1 };
        for step in 1..=step {
            let (from, to, amount) = transfer(step);
            expected.checking[usize::try_from(from).unwrap()] -= amount;
            expected.savings[usize::try_from(to).unwrap()] += amount;
            if self.ballast > 0 {
                expected.ballast.insert(ballast_row(step, self.ballast), step);
            }
        }
        if self.habit == Habit::Careless {
            expected.oldest = (step + 1).saturating_sub(self.documents).max(1);
        }
        expected
    }

    /// The files of the documents, by step.
    fn files(&self) -> BTreeMap<u64, PathBuf> {
        let mut files = BTreeMap::new();
        for folder in fs::read_dir(self.uploads()).unwrap() {
            let folder = folder.unwrap().path();
            if folder.is_dir() && folder.file_name().is_some_and(|name| name != "old") {
                for file in fs::read_dir(folder).unwrap() {
                    let path = file.unwrap().path();
                    files.insert(path.file_name().unwrap().to_str().unwrap().parse().unwrap(), path);
                }
            }
        }
        files
    }

    fn document(&self, step: u64) -> PathBuf {
        self.uploads().join(format!("{}", step % 20)).join(step.to_string())
    }

    fn counter(&self) -> PathBuf {
        self.uploads().join("counter")
    }
}

/// Whether to go on: false when nobody gives orders any more.
fn held_until_released(orders: &Receiver<String>) -> bool {
    match orders.try_recv() {
        Err(TryRecvError::Empty) => true,
        Err(TryRecvError::Disconnected) => false,
        Ok(order) => {
            assert_eq!(order, "hold");
            let mut stdout = io::stdout().lock();
            stdout.write_all(b"held\n").and_then(|()| stdout.flush()).unwrap();
            orders.recv().is_ok_and(|order| order == "release")
        }
    }
}

/// The step after which a database is.
pub(crate) fn after(database: &Connection) -> u64 {
    let step: i64 = database.query_row("select step from progress", [], |row| row.get(0)).unwrap();
    u64::try_from(step).unwrap()
}

fn column(database: &Connection, query: &str) -> Vec<i64> {
    let mut statement = database.prepare(query).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn transfer(step: u64) -> (u64, u64, i64) {
    (mix(step) % ACCOUNTS, mix(step ^ 0x55) % ACCOUNTS, signed(mix(step ^ 0xaa) % 20))
}

fn ballast_row(step: u64, rows: u64) -> u64 {
    mix(step ^ 0xba11) % rows
}

fn contents(step: u64) -> Vec<u8> {
    noise(step, usize::try_from(mix(step) % 6_000).unwrap())
}

fn filling(row: u64, step: u64) -> Vec<u8> {
    noise(mix(row).wrapping_add(step), BALLAST)
}

pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    (0..length.div_ceil(8) as u64).flat_map(|word| mix(mix(seed) ^ word).to_le_bytes()).take(length).collect()
}

/// The finaliser of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}
