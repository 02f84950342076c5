//! The command line as people and programs use it: the real binary, real folders, real signals.

mod backups;
mod bad_input;
mod catalog;
mod damage;
mod database;
mod gate;
mod host;
mod interrupt;
mod note;
mod output;
mod passphrase;
mod policy;
mod readme;
mod restore;
mod retention;
mod stats;
mod usage;
