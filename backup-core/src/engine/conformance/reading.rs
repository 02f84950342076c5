//! Stands between the engine under test and a stored service.

use std::sync::Arc;

use async_trait::async_trait;
use backup_crypto::ContentHasher;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::tap::Tap;
use crate::Result;
use crate::engine::{ArtifactInfo, Entries, Facts, Piece, Role, ServiceReader, StoredContent, TreeReader};

/// A reader whose calls are counted, each piece that it yields included.
#[derive(Debug)]
pub(super) struct TappedReader {
    pub(super) reader: Arc<dyn ServiceReader>,
    pub(super) tap: Arc<Tap>,
}

impl TappedReader {
    fn tapped<T: Send + 'static>(
        &self,
        pieces: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let tap = self.tap.clone();
        let pass = move |piece: Result<T>| {
            let tap = tap.clone();
            async move {
                tap.pass().await?;
                piece
            }
        };
        pieces.then(pass).boxed()
    }
}

#[async_trait]
impl ServiceReader for TappedReader {
    fn artifacts(&self) -> &[ArtifactInfo] {
        self.reader.artifacts()
    }

    fn facts(&self) -> &Facts {
        self.reader.facts()
    }

    fn role(&self) -> Role {
        self.reader.role()
    }

    fn started_at(&self) -> DateTime<Utc> {
        self.reader.started_at()
    }

    async fn stream(&self, artifact: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.tap.pass().await?;
        Ok(self.tapped(self.reader.stream(artifact).await?))
    }

    async fn tree(&self, artifact: &str, below: &[u8]) -> Result<Box<dyn TreeReader>> {
        self.tap.pass().await?;
        let tree = self.reader.tree(artifact, below).await?;
        Ok(Box::new(TappedTree { tree, tap: self.tap.clone() }))
    }

    async fn contents(&self, wanted: &[StoredContent<'_>]) -> Result<Vec<Bytes>> {
        self.tap.pass().await?;
        self.reader.contents(wanted).await
    }

    async fn content(&self, wanted: StoredContent<'_>) -> Result<BoxStream<'static, Result<Piece>>> {
        self.tap.pass().await?;
        Ok(self.tapped(self.reader.content(wanted).await?))
    }

    fn content_hasher(&self) -> ContentHasher {
        self.reader.content_hasher()
    }
}

struct TappedTree {
    tree: Box<dyn TreeReader>,
    tap: Arc<Tap>,
}

#[async_trait]
impl TreeReader for TappedTree {
    async fn next(&mut self) -> Result<Option<Entries>> {
        self.tap.pass().await?;
        self.tree.next().await
    }
}
