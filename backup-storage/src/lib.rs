//! Immutable objects under names: the storage of backups.
//!
//! A [`Storage`] puts, reads, lists and deletes whole objects, in a directory or in memory ([`ObjectStorage`]), by a [`Location`] that a
//! person can write. An object is written once and never changed, and what was put is durable. This crate moves
//! bytes; it knows neither keys nor what the bytes mean.
//!
//! ```
//! use backup_storage::{Bytes, Created, Location, Name, StorageExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), backup_storage::Error> {
//! let storage = Location::parse("memory:")?.open()?;
//! let name: Name = "notes/first".parse()?;
//!
//! // Creating is safe to repeat, whatever went wrong the first time.
//! assert_eq!(storage.create(&name, Bytes::from("hello")).await?, Created::New);
//! assert_eq!(storage.create(&name, Bytes::from("hello")).await?, Created::Found);
//!
//! assert_eq!(storage.get_range(&name, 1..3).await?, "el");
//! for object in storage.list_all("notes").await? {
//!     println!("{} {} bytes, {}", object.name, object.size, object.stamp);
//! }
//! storage.delete(&name).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What every implementation promises stands on [`Storage`]; what is different from one to the next is in its
//! [`Capabilities`]. Writers use [`StorageExt::create`], which settles every put with an unclear outcome. An [`Error`] says
//! by its [`kind`](Error::kind) what to do about it.
//!
//! | feature | adds |
//! |---|---|
//! | `testing` | `conformance`, the contract as a test suite for any implementation; `testing`, storages that fail or record |
//!
//! All operations need a tokio runtime around them. Local directories need Unix.

mod create;
mod error;
mod location;
mod name;
mod object;
mod storage;

#[cfg(feature = "testing")]
pub mod conformance;
#[cfg(feature = "testing")]
pub mod testing;

pub use create::{Created, StorageExt};
pub use error::{Error, ErrorKind, Result};
pub use location::Location;
pub use name::Name;
pub use object::ObjectStorage;
pub use storage::{Capabilities, Listing, Object, Storage};

pub use bytes::Bytes;
