//! Cases about deleting.

use std::sync::Arc;

use super::reading::expect_missing;
use super::{Verdict, expect, expect_names, name};
use crate::{Bytes, Listing, Storage, StorageExt};

pub(super) async fn delete(storage: Arc<dyn Storage>) -> Verdict {
    for text in ["gone", "folder/gone"] {
        storage.put_new(&name(text)?, Bytes::from("x")).await?;
        storage.delete(&name(text)?).await?;
        expect_missing(&*storage, text).await?;
    }
    match storage.capabilities().listing {
        Listing::Immediate => expect_names(&*storage, "", &[]).await,
        _ => Ok(()),
    }
}

pub(super) async fn delete_missing(storage: Arc<dyn Storage>) -> Verdict {
    let object = name("folder/object")?;
    storage.delete(&object).await?;
    storage.put_new(&object, Bytes::from("x")).await?;
    for text in ["absent", "folder/absent", "folder/object/below"] {
        storage.delete(&name(text)?).await?;
    }
    storage.delete(&object).await?;
    Ok(storage.delete(&object).await?)
}

pub(super) async fn delete_only(storage: Arc<dyn Storage>) -> Verdict {
    let kept = ["a/b-c", "a/bc", "a/c/d", "aa", "b/x"];
    for text in [kept.as_slice(), &["a/b"]].concat() {
        storage.put_new(&name(text)?, Bytes::copy_from_slice(text.as_bytes())).await?;
    }
    // The last is a folder of others, but no object.
    for text in ["a/b", "a/c"] {
        storage.delete(&name(text)?).await?;
    }
    for text in kept {
        expect(storage.exists(&name(text)?).await?, || format!("{text} is gone too"))?;
    }
    Ok(())
}
