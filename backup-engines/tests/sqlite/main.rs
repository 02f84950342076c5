//! Tests of the SQLite engine against real databases, in use by this process and by others.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "test helpers")]

mod bad;
mod capture;
mod child;
mod conformance;
mod crashed;
mod idle;
mod locks;
mod mount;
mod ownership;
mod restoring;
mod shop;
mod switching;
mod writer;
