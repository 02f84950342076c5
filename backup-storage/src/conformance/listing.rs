//! Cases about listing.

use std::sync::Arc;

use futures_util::TryStreamExt;
use futures_util::stream::{self, StreamExt};

use super::{Flaw, Verdict, expect_error, expect_names, name};
use crate::{Bytes, ErrorKind, Listing, Storage, StorageExt};

pub(super) async fn list_complete(storage: Arc<dyn Storage>) -> Verdict {
    let names = ["a/b/c", "a/b/d", "a/e", "b", "c/d/e/f/g", "repository.json"];
    put_all(&*storage, &names).await?;
    expect_names(&*storage, "", &names).await?;
    expect_names(&*storage, "a", &names[..3]).await?;
    expect_names(&*storage, "a/b", &names[..2]).await?;
    expect_names(&*storage, "c/d/e", &names[4..5]).await
}

pub(super) async fn list_many(storage: Arc<dyn Storage>) -> Verdict {
    // More than a page of any object store, in one folder and in several.
    let texts: Vec<String> = (0..1_020)
        .map(|i| format!("many/{i:04}"))
        .chain((0..60).map(|i| format!("few/{}/{i:02}", i % 4)))
        .collect();
    let puts: Vec<_> = texts.iter().map(|text| put(&*storage, text)).collect();
    stream::iter(puts).buffer_unordered(32).try_collect::<()>().await?;
    let mut names: Vec<&str> = texts.iter().map(String::as_str).collect();
    names.sort_unstable();
    expect_names(&*storage, "", &names).await?;
    expect_names(&*storage, "many", &names[60..]).await
}

pub(super) async fn list_segments(storage: Arc<dyn Storage>) -> Verdict {
    put_all(&*storage, &["a/b/c", "a/b-c", "a/bc", "a/b.c/d", "ab/b/c", "a.b", "x"]).await?;
    expect_names(&*storage, "a/b", &["a/b/c"]).await?;
    expect_names(&*storage, "a", &["a/b-c", "a/b.c/d", "a/b/c", "a/bc"]).await?;
    expect_names(&*storage, "x", &[]).await
}

pub(super) async fn list_nothing(storage: Arc<dyn Storage>) -> Verdict {
    expect_names(&*storage, "", &[]).await?;
    expect_names(&*storage, "nothing/here", &[]).await?;
    put_all(&*storage, &["something/there"]).await?;
    expect_names(&*storage, "nothing/here", &[]).await?;
    expect_names(&*storage, "something/there/below", &[]).await
}

pub(super) async fn list_invalid(storage: Arc<dyn Storage>) -> Verdict {
    put_all(&*storage, &["a/b"]).await?;
    for prefix in
        ["/", "a/", "/a", "a//b", ".", "..", "a/../a", "../a", "A", "a#1", "a\0b", "\u{e4}", &"a".repeat(201)]
    {
        expect_error(
            storage.list_all(prefix).await,
            ErrorKind::Invalid,
            &format!("the listing of {prefix:?}"),
        )?;
    }
    Ok(())
}

pub(super) async fn list_immediate(storage: Arc<dyn Storage>) -> Verdict {
    if storage.capabilities().listing != Listing::Immediate {
        return Ok(());
    }
    put_all(&*storage, &["now/always"]).await?;
    for round in 0..8 {
        let text = format!("now/{round}");
        put_all(&*storage, &[&text]).await?;
        expect_names(&*storage, "now", &[&text, "now/always"]).await?;
        storage.delete(&name(&text)?).await?;
        expect_names(&*storage, "now", &["now/always"]).await?;
    }
    Ok(())
}

async fn put_all(storage: &dyn Storage, names: &[&str]) -> Verdict {
    for text in names {
        put(storage, text).await?;
    }
    Ok(())
}

async fn put(storage: &dyn Storage, text: &str) -> Verdict {
    storage.put_new(&name(text)?, Bytes::copy_from_slice(text.as_bytes())).await.map_err(Flaw::from)
}
