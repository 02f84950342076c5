//! Pouring a content into a file.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::join;
use futures_util::stream::BoxStream;

use super::draft::Draft;
use super::lend::lend;
use super::writer::Writer;
use crate::Result;
use crate::engine::Piece;

/// Writes all pieces to a draft; while one is written the next is fetched.
pub(super) async fn pour(
    mut both: (Writer, Draft),
    path: &Arc<[u8]>,
    mut pieces: BoxStream<'static, Result<Piece>>,
) -> Result<(Writer, Draft)> {
    let mut next = pieces.next().await;
    while let Some(piece) = next {
        let piece = piece?;
        let path = Arc::clone(path);
        let write = lend(both, move |(writer, draft)| {
            writer.place().check()?;
            let length = writer.append(draft, &path, &piece)?;
            writer.place().context().advance(0, length);
            Ok(())
        });
        let (written, following) = join(write, pieces.next()).await;
        (both, ()) = written?;
        next = following;
    }
    Ok(both)
}
