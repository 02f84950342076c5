//! The first five minutes: back up a small application, destroy it, restore it.
//!
//! Run it with `cargo run --release --bin quickstart`. It works in a temporary folder and leaves nothing behind.
//! All that an application needs of the library is in `main`; the application itself is in `shop.rs`.
#![expect(clippy::print_stdout, reason = "this program talks to a person")]

mod shop;

use std::error::Error;
use std::fs;

use backup_core::policy::{Backup, Policy, Rule};
use backup_core::{Clock, Environment, Passphrase, Repository, SystemClock};
use backup_engines::Files;

use shop::{Shop, bytes, contents};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("shop");
    let past = Shop::open(&home)?.invent_past()?.close()?; // its database is one file, whole once it is closed
    println!("A shop with {past} orders and a folder of uploads.\n");

    // Where backups go, and what opens them: without the passphrase they are worth nothing to anybody.
    let passphrase = Passphrase::from("from your secret store");
    let repository = Repository::open_or_create(folder.path().join("backups"), passphrase).await?;

    // What belongs together.
    let environment = Environment::new("shop")
        .service("orders", Files::tree(home.join("orders")))
        .service("uploads", Files::tree(home.join("uploads")).exclude("*.tmp"));

    // Back it up. From the second time on, a backup costs what is new.
    let made = repository.backup(&environment).comment("before the sale").await?;
    println!("{} holds {} in {} new", made.id, bytes(made.logical_bytes), bytes(made.stored_bytes));

    let sale = Shop::open(&home)?.work_a_day()?.close()?;
    let made = repository.backup(&environment).comment("after the sale").await?;
    println!("{} holds {} in {} new\n", made.id, bytes(made.logical_bytes), bytes(made.stored_bytes));

    // The worst happens.
    let lost = contents(&home)?;
    fs::remove_dir_all(&home)?;

    // Look what there is, read all of it to be sure, bring it back.
    for backup in repository.backups().of("shop").newest_first().take(10).await? {
        println!("{} {} {}", backup.id, backup.created_at.format("%F %T"), backup.comment);
    }
    let verified = repository.verify(made.id).read_data(true).await?;
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    let restored = repository.restore(made.id).to_directory(&home).await?;
    let orders = Shop::open(&home)?.close()?;
    assert!(contents(&home)? == lost && orders == sale, "what was restored differs from what was lost");
    println!("All {} files and folders are back in {:.0?},", lost.len(), restored.duration);
    println!("equal to the lost ones in names, bytes and times, with {orders} orders.\n");

    // Ask what a policy of retention would do. It explains itself; nothing is deleted by asking.
    let policy = Policy::keep(Rule::daily(7)).and(Rule::monthly(12));
    let history = repository.backups().of("shop").await?;
    let history: Vec<_> = history.iter().map(|it| Backup::new(it.id.to_string(), it.created_at)).collect();
    for decision in policy.decide(&history, SystemClock::default().now())?.iter() {
        println!("{} {decision}", decision.id());
    }
    Ok(())
}
