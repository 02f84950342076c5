//! Operations on real repositories, through the public API.

#![allow(clippy::unwrap_used, reason = "test helpers")]

mod backup;
mod bundles;
mod cancel;
mod crash;
mod environment;
mod find;
mod handles;
mod home;
mod large;
mod memory;
mod opening;
mod probe;
mod producers;
mod quiesce;
mod runs;
mod stamping;
mod stream;
mod tree;
mod writers;
