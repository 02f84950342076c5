//! Restoring a service into a directory.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "test helpers")]

mod attributes;
mod contents;
mod existing;
mod hostile;
mod limits;
mod protected;
mod reserved;
mod round_trip;
mod selection;
mod service;
mod target;
