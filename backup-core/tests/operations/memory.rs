//! Bytes on their way are bounded.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use backup_core::Environment;
use backup_core::engine::Artifact;
use backup_core::storage::{Bytes, Capabilities, Name, Object, ObjectStorage, Result, Storage};
use futures_util::stream::BoxStream;

use crate::home::builder;
use crate::stream::Scripted;
use crate::tree::noise;

/// A slow storage that measures what is handed to it at the same time, and keeps of a pack only that it exists.
#[derive(Debug)]
struct Gauge {
    inner: ObjectStorage,
    now: AtomicU64,
    most: AtomicU64,
    all: AtomicU64,
}

#[async_trait]
impl Storage for Gauge {
    async fn put_new(&self, name: &Name, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        self.all.fetch_add(length, SeqCst);
        let now = self.now.fetch_add(length, SeqCst) + length;
        self.most.fetch_max(now, SeqCst);
        for _ in 0..200 {
            let _ = tokio::task::spawn_blocking(std::thread::yield_now).await;
        }
        let kept = if name.as_str().starts_with("packs/") { bytes.slice(..1) } else { bytes };
        let result = self.inner.put_new(name, kept).await;
        self.now.fetch_sub(length, SeqCst);
        result
    }

    async fn get(&self, name: &Name) -> Result<Bytes> {
        self.inner.get(name).await
    }

    async fn get_range(&self, name: &Name, range: Range<u64>) -> Result<Bytes> {
        self.inner.get_range(name, range).await
    }

    async fn head(&self, name: &Name) -> Result<Object> {
        self.inner.head(name).await
    }

    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Object>> {
        self.inner.list(prefix)
    }

    async fn delete(&self, name: &Name) -> Result<()> {
        self.inner.delete(name).await
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }
}

impl fmt::Display for Gauge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a gauge")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_slow_storage_stays_within_the_memory_allowed() {
    let (now, most, all) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let gauge = Arc::new(Gauge { inner: ObjectStorage::memory(), now, most, all });
    let storage: Arc<dyn Storage> = gauge.clone();
    let repository = builder(&storage).memory(MEMORY).create().await.unwrap();
    // How far the engine may run ahead of the storage: all that is held anywhere in between.
    let ahead = Arc::new(AtomicU64::new(0));
    let (furthest, behind) = (ahead.clone(), gauge.clone());
    let engine = Scripted::new(move |sink| {
        let (furthest, behind) = (furthest.clone(), behind.clone());
        async move {
            let mut writer = sink.stream(Artifact::new("dump")).await?;
            for number in 0..300 {
                writer.write(noise(number, MIB)).await?;
                let handed = behind.all.load(SeqCst) - behind.now.load(SeqCst);
                furthest.fetch_max((number + 1) * MIB as u64 - handed.min(number * MIB as u64), SeqCst);
            }
            writer.commit().await.map(drop)
        }
    });
    let report = repository.backup(&Environment::new("shop").service("database", engine)).await.unwrap();
    assert_eq!(report.logical_bytes, 300 * MIB as u64);
    let (most, ahead) = (gauge.most.load(SeqCst), ahead.load(SeqCst));
    assert!(most <= MEMORY as u64, "{most} bytes were in uploads at once");
    assert!(ahead <= 2 * MEMORY as u64, "the engine was {ahead} bytes ahead of the storage");
}

const MIB: usize = 1024 * 1024;
const MEMORY: usize = 16 * MIB;
