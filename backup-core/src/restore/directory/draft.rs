//! A file being written under a temporary name.

use std::os::fd::OwnedFd;

use rustix::fs::ftruncate;
use rustix::io::{Errno, pwrite};

use super::temporary::Temporary;
use crate::engine::Piece;

/// A file that is not finished: its content comes in order, its holes stay holes.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) temporary: Temporary,
    pub(super) file: OwnedFd,
    size: u64,
    offset: u64,
    written: u64,
}

/// Why a piece was not taken.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refused {
    /// The content is longer or shorter than the backup says.
    Length,
    /// The system says no.
    System(Errno),
}

impl Draft {
    /// An empty file that gets `size` bytes.
    pub(super) fn new(temporary: Temporary, file: OwnedFd, size: u64) -> Self {
        Self { temporary, file, size, offset: 0, written: 0 }
    }

    /// Adds a piece. How long it is.
    pub(super) fn append(&mut self, piece: &Piece) -> Result<u64, Refused> {
        let length = match piece {
            Piece::Data(bytes) => bytes.len() as u64,
            Piece::Hole(length) => *length,
        };
        let end = self.offset.checked_add(length).filter(|end| *end <= self.size).ok_or(Refused::Length)?;
        if let Piece::Data(bytes) = piece {
            self.write(bytes)?;
        }
        self.offset = end;
        Ok(length)
    }

    /// Ends the content. How many bytes were written, holes not included.
    pub(super) fn complete(&self) -> Result<u64, Refused> {
        if self.offset != self.size {
            return Err(Refused::Length);
        }
        // Harmless unless the file ends with a hole.
        if self.written < self.size {
            ftruncate(&self.file, self.size).map_err(Refused::System)?;
        }
        Ok(self.written)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut done = 0;
        while done < bytes.len() {
            match pwrite(&self.file, &bytes[done..], self.offset + done as u64) {
                Ok(0) => return Err(Refused::System(Errno::IO)),
                Ok(length) => done += length,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Refused::System(errno)),
            }
        }
        self.written += bytes.len() as u64;
        Ok(())
    }
}
