//! What there is of backups, and what is said about them later.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

mod digests;
mod find;
mod list;
mod model;
mod notes;
mod refused;
mod shop;
mod verified;

#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/home.rs"]
mod home;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../fixture/memory.rs"]
mod memory;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/stamping.rs"]
mod stamping;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/tree.rs"]
mod tree;
