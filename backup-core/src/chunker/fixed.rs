//! Chunks of one size.

/// Finds the ends of chunks of one size.
#[derive(Debug)]
pub(super) struct Fixed {
    size: usize,
    /// Bytes of the current chunk so far.
    length: usize,
}

impl Fixed {
    /// Chunks of [`CHUNK`] bytes.
    pub(super) fn opaque() -> Self {
        Self { size: CHUNK, length: 0 }
    }

    /// Chunks of as many whole pages as fit into [`CHUNK`] bytes. A page that cannot be, of no bytes or of more than
    /// that, counts as one byte.
    pub(super) fn pages(page_size: u32) -> Self {
        let page_size = usize::try_from(page_size).unwrap_or(usize::MAX);
        let size = if (1..=CHUNK).contains(&page_size) { CHUNK - CHUNK % page_size } else { CHUNK };
        Self { size, length: 0 }
    }

    /// How many bytes of `piece` belong to the current chunk if it ends there; the next chunk is then the current one.
    pub(super) fn find_end(&mut self, piece: &[u8]) -> Option<usize> {
        let missing = self.size - self.length;
        if piece.len() < missing {
            self.length += piece.len();
            return None;
        }
        self.length = 0;
        Some(missing)
    }

    /// Begins another stream.
    pub(super) fn restart(&mut self) {
        self.length = 0;
    }
}

/// Bytes of an opaque chunk.
const CHUNK: usize = 1 << 20;
