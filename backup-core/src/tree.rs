//! Trees and content maps in a repository: writing them as segments, reading them back.

pub(crate) mod content;
pub(crate) mod reader;
pub(crate) mod segments;
pub(crate) mod walk;
pub(crate) mod writer;
