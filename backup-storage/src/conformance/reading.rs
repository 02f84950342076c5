//! Cases about reading.

use std::ops::Range;
use std::sync::Arc;

use super::{Flaw, Verdict, expect, expect_error, name, pattern};
use crate::{Bytes, ErrorKind, Storage, StorageExt};

pub(super) async fn missing(storage: Arc<dyn Storage>) -> Verdict {
    let before = ["absent", "folder/absent"];
    for text in before {
        expect_missing(&*storage, text).await?;
    }
    storage.put_new(&name("folder/present")?, Bytes::from("x")).await?;
    for text in [before.as_slice(), &["folder", "folder/present/below", "folder/present-not"]].concat() {
        expect_missing(&*storage, text).await?;
    }
    Ok(())
}

pub(super) async fn ranges(storage: Arc<dyn Storage>) -> Verdict {
    let name = name("ranged/object")?;
    let bytes = pattern(100_000, 7);
    storage.put_new(&name, bytes.clone()).await?;
    for (start, end) in
        [(0, 100_000), (0, 1), (99_999, 100_000), (4_095, 70_001), (0, 0), (500, 500), (100_000, 100_000)]
    {
        let found = storage.get_range(&name, start..end).await?;
        let right =
            usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(a, b)| bytes.get(a..b));
        expect(right == Some(&found[..]), || format!("{start}..{end} yielded {} other bytes", found.len()))?;
    }
    Ok(())
}

pub(super) async fn range_beyond_end(storage: Arc<dyn Storage>) -> Verdict {
    let name = name("ranged/object")?;
    storage.put_new(&name, Bytes::from("0123456789")).await?;
    for (start, end) in
        [(0, 11), (9, 11), (10, 11), (11, 11), (20, 30), (5, 4), (0, u64::MAX), (u64::MAX, u64::MAX)]
    {
        let found = storage.get_range(&name, Range { start, end }).await;
        expect_error(found, ErrorKind::Invalid, &format!("the range {start}..{end} of 10 bytes"))?;
    }
    Ok(())
}

pub(super) async fn facts(storage: Arc<dyn Storage>) -> Verdict {
    let sizes = [0_u64, 1, 5_000];
    let mut known = Vec::new();
    for size in sizes {
        let name = name(&format!("facts/{size}"))?;
        let length = usize::try_from(size).map_err(|_| Flaw("too large".to_owned()))?;
        storage.put_new(&name, pattern(length, 3)).await?;
        let object = storage.head(&name).await?;
        expect(object.size == size, || format!("head says {} bytes instead of {size}", object.size))?;
        expect(object.name == name, || format!("head of {name} tells of {}", object.name))?;
        known.push(object);
    }
    for object in &known {
        storage.get(&object.name).await?;
        let again = storage.put_new(&object.name, Bytes::from("other")).await;
        expect_error(again, ErrorKind::AlreadyExists, "a second put")?;
        let later = storage.head(&object.name).await?;
        expect(later == *object, || format!("head said {object:?}, later {later:?}"))?;
    }
    let listed = storage.list_all("facts").await?;
    expect(listed == known, || format!("head says {known:?}, list says {listed:?}"))
}

pub(super) async fn expect_missing(storage: &dyn Storage, text: &str) -> Verdict {
    let name = name(text)?;
    expect_error(storage.get(&name).await, ErrorKind::NotFound, &format!("get {text}"))?;
    expect_error(
        storage.get_range(&name, 0..1).await,
        ErrorKind::NotFound,
        &format!("get_range 0..1 of {text}"),
    )?;
    expect_error(
        storage.get_range(&name, 0..0).await,
        ErrorKind::NotFound,
        &format!("get_range 0..0 of {text}"),
    )?;
    expect_error(storage.head(&name).await, ErrorKind::NotFound, &format!("head {text}"))?;
    expect(!storage.exists(&name).await?, || format!("{text} exists"))
}
