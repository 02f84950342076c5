//! A small application: orders in a database file of its own, and a folder of uploads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The application, running. Its database is one file, to which each order adds a record of [`RECORD`] bytes.
#[derive(Debug)]
pub(crate) struct Shop {
    home: PathBuf,
    database: BufWriter<File>,
    orders: u64,
}

impl Shop {
    pub(crate) fn open(home: &Path) -> io::Result<Self> {
        for folder in ["orders", "uploads/letters", "uploads/photos"] {
            fs::create_dir_all(home.join(folder))?;
        }
        let database = File::options().create(true).append(true).open(home.join("orders/orders.db"))?;
        let orders = database.metadata()?.len() / RECORD;
        Ok(Self { home: home.to_owned(), database: BufWriter::new(database), orders })
    }

    /// Three years of business: 50,000 orders, 500 letters, 8 photographs.
    pub(crate) fn invent_past(mut self) -> io::Result<Self> {
        self.take_orders(50_000)?;
        for number in 0..500 {
            self.file_letter(number, 40 + number % 200)?;
        }
        for number in 0..8 {
            fs::write(self.home.join(format!("uploads/photos/{number}.jpg")), noise(number, 600_000))?;
        }
        Ok(self)
    }

    /// A day of business: 200 orders, one letter is new and one was changed.
    pub(crate) fn work_a_day(mut self) -> io::Result<Self> {
        self.take_orders(200)?;
        self.file_letter(500, 60)?;
        self.file_letter(7, 80)?;
        Ok(self)
    }

    /// Ends the application; returns the number of orders.
    pub(crate) fn close(mut self) -> io::Result<u64> {
        self.database.flush()?;
        self.database.get_ref().sync_all()?;
        Ok(self.orders)
    }

    fn take_orders(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
            self.orders += 1;
            let item = self.orders * 7919 % 9973;
            let record =
                format!("order {} is for item {item}, paid with {:016x}", self.orders, scramble(self.orders));
            writeln!(self.database, "{record:<63}")?;
        }
        Ok(())
    }

    fn file_letter(&self, number: u64, lines: u64) -> io::Result<()> {
        let text: String = (0..lines)
            .map(|line| {
                format!(
                    "Line {line} of letter {number} is about order {}.\n",
                    scramble(number + line) % 50_000
                )
            })
            .collect();
        fs::write(self.home.join(format!("uploads/letters/{number}.txt")), text)
    }
}

/// What is in a folder: the time of each file and folder below it, and the bytes of each file.
pub(crate) fn contents(folder: &Path) -> io::Result<BTreeMap<PathBuf, (SystemTime, Vec<u8>)>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (path, metadata) = (entry.path(), entry.metadata()?);
            let bytes = if metadata.is_file() { fs::read(&path)? } else { Vec::new() };
            if metadata.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path, (metadata.modified()?, bytes));
        }
    }
    Ok(found)
}

/// A number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} bytes"),
        10_000..10_000_000 => format!("{} kB", count / 1000),
        _ => format!("{} MB", count / 1_000_000),
    }
}

/// Bytes without structure, as those of a photograph.
fn noise(seed: u64, length: u64) -> Vec<u8> {
    (0..length / 8).flat_map(|position| scramble(seed << 32 | position).to_le_bytes()).collect()
}

fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Bytes of an order in the database.
const RECORD: u64 = 64;
