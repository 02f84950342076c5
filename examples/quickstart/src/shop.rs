//! A small application: orders in a SQLite database, receipts and photographs in a folder of uploads.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread::JoinHandle;

use rusqlite::{Connection, params};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The application at work: a thread of it takes one order after the other until it is closed.
#[derive(Debug)]
pub(crate) struct Shop {
    orders: Arc<AtomicI64>,
    closing: Arc<AtomicBool>,
    counter: JoinHandle<Result<()>>,
}

impl Shop {
    /// Three years of business: 2,000 orders, 8 photographs. Then the door opens.
    pub(crate) fn open(home: &Path) -> Result<Self> {
        for folder in ["orders", "uploads/receipts", "uploads/photos"] {
            fs::create_dir_all(home.join(folder))?;
        }
        for number in 0..8 {
            fs::write(home.join(format!("uploads/photos/{number}.jpg")), noise(number, 600_000))?;
        }
        let mut till = Till::open(home)?;
        till.take_orders(1..=PAST)?;
        let (orders, closing) = (Arc::new(AtomicI64::new(PAST)), Arc::new(AtomicBool::new(false)));
        let (taken, enough) = (orders.clone(), closing.clone());
        let counter = std::thread::spawn(move || {
            while !enough.load(Ordering::Relaxed) {
                let next = taken.load(Ordering::Relaxed) + 1;
                till.take_orders(next..=next)?;
                taken.store(next, Ordering::Relaxed);
            }
            Ok(())
        });
        Ok(Self { orders, closing, counter })
    }

    /// How many orders it has taken so far.
    pub(crate) fn orders(&self) -> i64 {
        self.orders.load(Ordering::Relaxed)
    }

    /// Ends the business; returns the number of orders.
    pub(crate) fn close(self) -> Result<i64> {
        self.closing.store(true, Ordering::Relaxed);
        self.counter.join().map_err(|_| "the counter fell over")??;
        Ok(self.orders.load(Ordering::Relaxed))
    }
}

/// What takes the money.
struct Till {
    receipts: PathBuf,
    database: Connection,
}

impl Till {
    fn open(home: &Path) -> Result<Self> {
        let database = Connection::open(home.join("orders/orders.db"))?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "normal")?;
        database.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL, price INTEGER NOT NULL);
             CREATE TABLE books (total INTEGER NOT NULL);
             INSERT INTO books VALUES (0);",
        )?;
        Ok(Self { receipts: home.join("uploads/receipts"), database })
    }

    /// Each order has its receipt before it has its row, and the books are kept with it.
    fn take_orders(&mut self, numbers: impl Iterator<Item = i64>) -> Result<()> {
        let transaction = self.database.transaction()?;
        for number in numbers {
            let (item, price) = (format!("item {}", number * 31 % 9973), number * 7919 % 500);
            let (draft, receipt) =
                (self.receipts.join(format!("{number}.tmp")), receipt(&self.receipts, number));
            fs::write(&draft, format!("Order {number}: {item}, paid {price} with thanks.\n"))?;
            fs::rename(&draft, receipt)?;
            transaction.execute("INSERT INTO orders VALUES (?, ?, ?)", params![number, item, price])?;
            transaction.execute("UPDATE books SET total = total + ?", [price])?;
        }
        Ok(transaction.commit()?)
    }
}

/// What an audit found.
#[derive(Debug)]
pub(crate) struct Audit {
    pub(crate) orders: i64,
    pub(crate) files: usize,
}

/// Looks whether everything in a shop fits together. Fails if anything does not.
pub(crate) fn audit(home: &Path) -> Result<Audit> {
    let database = Connection::open(home.join("orders/orders.db"))?;
    let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let (orders, sum): (i64, i64) =
        database
            .query_row("SELECT count(*), sum(price) FROM orders", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let total: i64 = database.query_row("SELECT total FROM books", [], |row| row.get(0))?;
    if check != "ok" || total != sum {
        return Err(format!("the database is {check}, the books say {total}, the orders {sum}").into());
    }
    let receipts = home.join("uploads/receipts");
    if let Some(lost) = (1..=orders).find(|number| !receipt(&receipts, *number).exists()) {
        return Err(format!("order {lost} has no receipt").into());
    }
    let files = fs::read_dir(&receipts)?.count() + fs::read_dir(home.join("uploads/photos"))?.count();
    Ok(Audit { orders, files })
}

fn receipt(folder: &Path, number: i64) -> PathBuf {
    folder.join(format!("{number}.txt"))
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

/// Orders of the years before.
const PAST: i64 = 2_000;
