//! A local directory on a machine that goes wrong: killed processes, failing disks, full disks, missing rights.
//!
//! A test that needs a process of its own runs this very test again in a child, which finds its directory in an
//! environment variable.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod child;
mod full;
mod killed;
mod permission;
mod synced;
