//! Engines that do what they must not, or fail: none of it becomes a backup.

use std::sync::Arc;

use backup_core::engine::{
    Artifact, Content, Entries, Entry, EntryKind, Extent, ExtentList, Layout, Metadata, Preflight, Sink,
    StoredContent, Timestamp, Verdict, VerdictLevel,
};
use backup_core::storage::Bytes;
use backup_core::{Environment, Error, ErrorKind, Result};
use futures_util::FutureExt as _;

use crate::home::{create, expect_sound, memory};
use crate::stream::Scripted;
use crate::tree::noise;

/// The error of a backup with this engine, after making sure that there is no backup.
async fn failure(engine: Scripted) -> Error {
    let repository = create(&memory()).await;
    let environment = Environment::new("shop").service("thing", engine);
    let error = repository.backup(&environment).await.unwrap_err();
    assert!(repository.backups().await.unwrap().is_empty(), "a backup exists after {}", error.chain());
    expect_sound(&repository, "after a failed backup").await;
    error
}

/// Fails as `kind` with all of these words in its text.
async fn expect_failure(engine: Scripted, kind: ErrorKind, words: &[&str]) {
    let error = failure(engine).await;
    assert_eq!(error.kind(), kind, "{}", error.chain());
    for word in words.iter().chain(&["\"thing\""]) {
        assert!(error.chain().contains(word), "{word} is not in: {}", error.chain());
    }
}

#[tokio::test]
async fn an_engine_that_fails_after_writing_yields_nothing() {
    let engine = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        writer.write(Bytes::from_static(b"half")).await?;
        writer.commit().await?;
        Err(Error::new(ErrorKind::Permission, "the server hung up"))
    });
    expect_failure(engine, ErrorKind::Permission, &["the server hung up"]).await;
}

#[tokio::test]
async fn an_artifact_that_is_not_committed_yields_nothing() {
    let engine = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        writer.write(Bytes::from_static(b"half")).await
    });
    // The remedy is the engine's to find, so the service is named by what failed.
    let error = failure(engine).await;
    assert!(error.chain().contains("\"dump\" was begun and not completed"), "{}", error.chain());
}

#[tokio::test]
async fn names_of_artifacts_are_checked() {
    for name in ["", "/a", "a//b", "a/", "..", "a/../b", "a\nb", &"x".repeat(2000)] {
        let name = name.to_owned();
        let engine = Scripted::new(move |sink| {
            let name = name.clone();
            async move { sink.stream(Artifact::new(name)).await.map(drop) }
        });
        expect_failure(engine, ErrorKind::Invalid, &["artifact"]).await;
    }
    let twice = Scripted::new(|sink| async move {
        sink.stream(Artifact::new("dump")).await?.commit().await?;
        sink.tree(Artifact::new("dump")).await.map(drop)
    });
    expect_failure(twice, ErrorKind::Invalid, &["two artifacts", "\"dump\""]).await;
    let odd = Scripted::new(|sink| async move {
        sink.stream(Artifact::new("dump").layout(Layout::Paged { page_size: 1000 })).await.map(drop)
    });
    expect_failure(odd, ErrorKind::Invalid, &["1000"]).await;
}

#[tokio::test]
async fn a_service_that_must_not_be_backed_up_is_refused_with_reason_and_remedy() {
    let verdict = Verdict::new(VerdictLevel::Deny, "thing", "it is a replica", "back up the primary");
    let preflight = Preflight { verdicts: vec![verdict], ..Preflight::default() };
    let error = failure(Scripted::new(|_| async { Ok(()) }).preflight(preflight)).await;
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Invalid, "back up the primary"));
    assert!(error.to_string().contains("it is a replica"));
}

const FOLDER: Metadata = Metadata {
    kind: EntryKind::Directory,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: Timestamp { seconds: 0, nanoseconds: 0 },
    ctime: Timestamp { seconds: 0, nanoseconds: 0 },
    size: 0,
    inode: 0,
    device: 0,
    special: 0,
    link: 0,
};
const FILE: Metadata = Metadata { kind: EntryKind::File, size: 1, ..FOLDER };

fn entry(path: &str, metadata: Metadata) -> Entry<'_> {
    let content = if metadata.kind == EntryKind::File { Content::Data(b"x") } else { Content::None };
    let target: &[u8] = if metadata.kind == EntryKind::Symlink { b"there" } else { b"" };
    Entry { path: path.as_bytes(), metadata, target, content, xattrs: Content::None }
}

async fn push(sink: Arc<dyn Sink>, entries: Entries) -> Result<()> {
    let mut writer = sink.tree(Artifact::new("tree")).await?;
    writer.put(&entries).await?;
    writer.commit().await.map(drop)
}

/// An engine that pushes these entries.
fn pushing(list: &[Entry<'_>]) -> Scripted {
    let mut entries = Entries::new();
    list.iter().for_each(|entry| entries.push(entry));
    Scripted::new(move |sink| push(sink, entries.clone()))
}

#[tokio::test]
async fn entries_out_of_order_or_twice_or_nowhere_are_refused_by_path() {
    let root = entry("", FOLDER);
    let cases: [(&[Entry<'_>], &str); 8] = [
        (&[entry("a", FILE)], "\"a\""),
        (&[root, entry("b", FILE), entry("a", FILE)], "\"a\""),
        (&[root, entry("a", FILE), entry("a", FILE)], "\"a\""),
        (&[root, entry("a.b", FILE), entry("a/x", FILE)], "\"a/x\""),
        (&[root, entry("a", FILE), entry("a/x", FILE)], "\"a/x\""),
        (&[root, entry("a/x", FILE)], "\"a/x\""),
        (&[root, entry("..", FOLDER)], ".."),
        (&[root, root], "\"\""),
    ];
    for (entries, path) in cases {
        expect_failure(pushing(entries), ErrorKind::Invalid, &[path]).await;
    }
    expect_failure(pushing(&[]), ErrorKind::Invalid, &["without any entry"]).await;
}

#[tokio::test]
async fn metadata_that_contradicts_the_content_is_refused_by_path() {
    let odd = [
        Metadata { size: 2, ..FILE },
        Metadata { mode: 0o10_000, ..FILE },
        Metadata { mtime: Timestamp { seconds: 0, nanoseconds: 1_000_000_000 }, ..FILE },
        Metadata { size: 1, ..FOLDER },
    ];
    for metadata in odd {
        let entries = [entry("", FOLDER), entry("odd", metadata)];
        expect_failure(pushing(&entries), ErrorKind::Invalid, &["\"odd\"", "contradicts"]).await;
    }
    let nowhere = Entry { target: b"", ..entry("odd", Metadata { kind: EntryKind::Symlink, ..FOLDER }) };
    expect_failure(pushing(&[entry("", FOLDER), nowhere]), ErrorKind::Invalid, &["\"odd\""]).await;
}

#[tokio::test]
async fn a_large_file_of_another_size_than_it_says_is_refused_and_one_dropped_is_left_out() {
    let grown = Scripted::new(|sink| async move {
        let mut writer = sink.tree(Artifact::new("tree")).await?;
        let mut root = Entries::new();
        root.push(&entry("", FOLDER));
        writer.put(&root).await?;
        let mut file = writer.file(b"large").await?;
        file.write(Bytes::from_static(b"12345")).await?;
        file.commit(&Metadata { size: 4, ..FILE }, Content::None).await
    });
    expect_failure(grown, ErrorKind::Invalid, &["\"large\""]).await;

    let repository = create(&memory()).await;
    let dropped = Scripted::new(|sink| async move {
        let mut writer = sink.tree(Artifact::new("tree")).await?;
        let mut root = Entries::new();
        root.push(&entry("", FOLDER));
        writer.put(&root).await?;
        writer.file(b"large").await?.write(Bytes::from_static(b"12345")).await?;
        writer.commit().await.map(drop)
    });
    let report = repository.backup(&Environment::new("shop").service("thing", dropped)).await.unwrap();
    assert_eq!(report.entries, 1);
    expect_sound(&repository, "with a file left out").await;
}

#[tokio::test]
async fn a_write_abandoned_in_the_middle_fails_the_backup() {
    let engine = Scripted::new(|sink| async move {
        let mut writer = sink.stream(Artifact::new("dump")).await?;
        // More than may be on its way, so that it waits; then it is dropped.
        assert!(writer.write(noise(1, 48 << 20)).now_or_never().is_none(), "it did not wait");
        let _ = writer.write(Bytes::from_static(b"more")).await;
        let _ = writer.commit().await;
        Ok(())
    });
    let error = failure(engine).await;
    assert_eq!(error.kind(), ErrorKind::Invalid, "{}", error.chain());
}

#[tokio::test]
async fn stored_content_that_contradicts_itself_is_refused() {
    let hash = backup_core::crypto::ContentHash([1; 32]);
    let hole = |length| Extent { chunk: None, offset: 0, length };
    for (size, extents) in [(0, vec![]), (7, vec![hole(8)]), (0, vec![hole(0)]), (65, vec![hole(1); 65])] {
        let engine = Scripted::new(move |sink| {
            let extents = extents.clone();
            async move {
                let mut writer = sink.tree(Artifact::new("tree")).await?;
                let mut entries = Entries::new();
                let stored = StoredContent { hash, size, extents: ExtentList::Inline(&extents) };
                let nothing = Content::None;
                entries.push(&Entry {
                    path: b"",
                    metadata: FOLDER,
                    target: b"",
                    content: nothing,
                    xattrs: nothing,
                });
                let (content, metadata) = (Content::Stored(stored), Metadata { size, ..FILE });
                entries.push(&Entry { path: b"a", metadata, target: b"", content, xattrs: nothing });
                writer.put(&entries).await?;
                writer.commit().await.map(drop)
            }
        });
        assert!(matches!(failure(engine).await.kind(), ErrorKind::Invalid | ErrorKind::Damaged));
    }
}
