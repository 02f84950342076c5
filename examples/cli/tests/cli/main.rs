//! The command line as people and programs use it: the real binary, real folders, real signals.

mod backups;
mod bad_input;
mod damage;
mod host;
mod interrupt;
mod output;
mod passphrase;
mod readme;
mod restore;
mod usage;
