//! What backups are in bytes, and how they differ.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

mod changes;
mod diff;
mod figures;
mod random;

#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/home.rs"]
mod home;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../fixture/memory.rs"]
mod memory;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/tree.rs"]
mod tree;
