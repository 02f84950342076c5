//! Engines: adapters that capture and restore what an application keeps, for `backup-core`.
//!
//! An engine serves one service of an environment. This crate has one per Cargo feature:
//!
//! | feature | engine | serves |
//! |---|---|---|
//! | `files` (default) | [`Files`] | a file tree on a Linux host: uploads, attachments, configuration |
//! | `sqlite` | [`Sqlite`] | a SQLite database, while applications use it |
//!
//! A host makes an engine, names the service, and hands both to a backup as part of an environment:
//!
//! ```
//! # #[cfg(feature = "files")] {
//! use std::sync::Arc;
//!
//! use backup_core::engine::Engine;
//! use backup_engines::Files;
//!
//! let uploads: Arc<dyn Engine> =
//! Arc::new(Files::tree("/srv/shop/uploads").exclude("cache/**").exclude("*.tmp"));
//! assert_eq!(uploads.kind(), "files");
//! # }
//! ```
//!
//! Engines of a host's own implement [`backup_core::engine::Engine`]; nothing here is privileged.

#[cfg(any(feature = "files", feature = "sqlite"))]
mod blocking;
#[cfg(feature = "files")]
mod files;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "files")]
pub use files::Files;
#[cfg(feature = "sqlite")]
pub use sqlite::Sqlite;
