//! Deleting: one backup, by policy, and what nothing refers to any more.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

mod crash;
mod delete;
mod forget;
mod kept;
mod prune;
mod races;
mod refusals;
mod steps;
mod store;
mod takeover;

#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/home.rs"]
mod home;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "../operations/tree.rs"]
mod tree;
