//! Restoring streams as files.

use std::sync::Arc;

use futures_util::StreamExt;

use super::lend::lend;
use super::lineage::split;
use super::placement::Placement;
use super::pour::pour;
use super::writer::Writer;
use crate::Result;
use crate::engine::{Piece, ServiceReader};

/// Writes a stream to its file.
pub(super) async fn restore_stream(
    from: &Arc<dyn ServiceReader>,
    writer: Writer,
    placement: &Placement,
) -> Result<Writer> {
    let pieces = from.stream(&placement.artifact.name).await?.map(|bytes| bytes.map(Piece::Data)).boxed();
    let (path, size) = (Arc::<[u8]>::from(&*placement.path), placement.artifact.bytes);
    let target = Arc::clone(&path);
    let begin = move |writer: &mut Writer| {
        writer.make_folders(split(&target).0)?;
        writer.begin(&target, size)
    };
    let begun = lend(writer, begin).await?;
    let (writer, draft) = pour(begun, &path, pieces).await?;
    let role = from.role();
    let finish = move |writer: &mut Writer| {
        writer.finish_stream(draft, &path, role)?;
        writer.place().context().advance(1, 0);
        Ok(())
    };
    Ok(lend(writer, finish).await?.0)
}
