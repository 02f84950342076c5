//! Tests of the files engine against real file systems.
#![cfg(feature = "files")]
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod changing;
mod child;
mod conformance;
mod hostile;
mod kinds;
mod patterns;
mod pause;
mod recording;
mod repository;
mod reserved;
mod runtime;
mod scratch;
mod sqlite;
mod unchanged;
