//! `backup policy eval`: the answers to a file of questions.

use std::path::Path;

use backup_core::policy;

use super::refused;
use crate::command::Outcome;
use crate::failure::Failure;
use crate::output::{plain_path, write};
use crate::text_file::{LONGEST_LIST, text};

/// The answers are JSON in either form of output.
pub(super) fn run(file: &Path) -> Result<Outcome, Failure> {
    let questions = text("question file", file, LONGEST_LIST)?;
    let answers = policy::eval(&questions).map_err(|error| {
        refused(&format!("the question file {} cannot be understood", plain_path(file)), error)
    })?;
    write(format!("{answers}\n").as_bytes())?;
    Ok(Outcome::Done)
}
