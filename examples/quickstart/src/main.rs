//! The first five minutes: back up a small application while it works, lose it, restore it.
//!
//! Run it with `cargo run --release --bin quickstart`. It works in a temporary folder and leaves nothing behind.
//! All that an application needs of the library is in `main`; the application itself is in `shop.rs`.
#![expect(clippy::print_stdout, reason = "this program talks to a person")]

mod shop;

use std::error::Error;
use std::fs;

use backup_core::policy::{Policy, Rule};
use backup_core::{Environment, Passphrase, Repository};
use backup_engines::{Files, Sqlite};

use shop::{Shop, audit, bytes};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("shop");
    let shop = Shop::open(&home)?;
    println!("A shop with a database of {} orders, a receipt for each, and photographs.", shop.orders());
    println!("It is open: from now on it takes orders all the time.\n");

    // Where backups go, and what opens them: without the passphrase they are worth nothing to anybody.
    let passphrase = Passphrase::from("from your secret store");
    let repository = Repository::open_or_create(folder.path().join("backups"), passphrase).await?;

    // What belongs together.
    let environment = Environment::new("shop")
        .service("orders", Sqlite::file(home.join("orders/orders.db")))
        .service("uploads", Files::tree(home.join("uploads")).exclude("*.tmp"));

    // Back it up while it works. From the second time on, a backup costs what is new.
    for comment in ["in the morning", "in the evening"] {
        let before = shop.orders();
        let made = repository.backup(&environment).comment(comment).await?;
        let (all, new) = (bytes(made.logical_bytes), bytes(made.stored_bytes));
        println!("{} holds {all} in {new} new; meanwhile came {} orders", made.id, shop.orders() - before);
    }
    let newest = repository.find("latest-restorable").await?;

    // The worst happens.
    let orders = shop.close()?;
    fs::remove_dir_all(&home)?;
    println!("\nThe shop and its {orders} orders are gone.\n");

    // Look what there is, read all of it to be sure, bring it back.
    for backup in repository.backups().of("shop").newest_first().take(10).await? {
        println!("{} {} {}", backup.id, backup.created_at.format("%F %T"), backup.comment);
    }
    let verified = repository.verify(newest.id).read_data(true).await?;
    assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    let restored = repository.restore(newest.id).to_directory(&home).await?;
    let audit = audit(&home)?;
    println!("{} orders and {} files are back in {:.0?}.", audit.orders, audit.files, restored.duration);
    println!("The database is sound, its books balance, and every order has its receipt.\n");

    // Ask what a policy of retention would do. It explains itself; nothing is deleted by asking.
    let policy = Policy::keep(Rule::daily(7)).and(Rule::monthly(12));
    for group in repository.forget(&policy).of("shop").plan().await?.groups {
        for decision in group.decisions {
            println!("{} {}", decision.backup.id, decision.explanation);
        }
    }
    Ok(())
}
