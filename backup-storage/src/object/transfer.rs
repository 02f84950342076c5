//! Objects to and from any `object_store` backend.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use futures_util::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
};

use super::ObjectStorage;
use super::blocking::blocking;
use super::failure::{from_io, from_store};
use crate::{Error, ErrorKind, Name, Object, Result};

/// Refuses to put what could not be read back.
pub(super) fn check_size(name: &Name, bytes: &Bytes) -> Result<()> {
    match u64::try_from(bytes.len()) {
        Ok(size) if size <= ObjectStorage::MAX_OBJECT_BYTES => Ok(()),
        _ => Err(too_large("create", name)),
    }
}

pub(super) async fn put_new(store: &dyn ObjectStore, name: &Name, bytes: Bytes) -> Result<()> {
    let put = store.put_opts(&path(name.as_str()), bytes.into(), PutMode::Create.into()).await;
    put.map(drop).map_err(|error| from_store(error, "create", name.as_str()))
}

pub(super) async fn get(store: &dyn ObjectStore, name: &Name) -> Result<Bytes> {
    let found = open(store, name, None).await?;
    read(found, name, |_| Ok(())).await
}

pub(super) async fn get_range(store: &dyn ObjectStore, name: &Name, range: Range<u64>) -> Result<Bytes> {
    if range.start >= range.end {
        let size = head(store, name).await?.size;
        check_range(name, &range, size)?;
        return Ok(Bytes::new());
    }
    check_length(name, &range)?;
    match open(store, name, Some(range.clone())).await {
        Ok(found) if found.range == range => read(found, name, |_| Ok(())).await,
        Ok(_) => Err(beyond_end(name)),
        // Backends report a range behind the end in many ways.
        Err(error) => match head(store, name).await {
            Ok(object) if object.size < range.end => Err(beyond_end(name).caused_by(error)),
            _ => Err(error),
        },
    }
}

pub(super) async fn head(store: &dyn ObjectStore, name: &Name) -> Result<Object> {
    match store.head(&path(name.as_str())).await {
        Ok(meta) => Ok(Object { name: name.clone(), size: meta.size, stamp: meta.last_modified }),
        Err(error) => Err(from_store(error, "look up", name.as_str())),
    }
}

pub(super) fn list<'a>(store: &'a dyn ObjectStore, prefix: &str) -> BoxStream<'a, Result<Object>> {
    let subject = if prefix.is_empty() { "all objects".to_owned() } else { prefix.to_owned() };
    let found = store.list((!prefix.is_empty()).then(|| path(prefix)).as_ref());
    found
        .map_err(move |error| from_store(error, "list", &subject))
        .try_filter_map(|meta| async move { Ok(ours(&meta)) })
        .boxed()
}

pub(super) async fn delete(store: &dyn ObjectStore, name: &Name) -> Result<()> {
    match store.delete(&path(name.as_str())).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(from_store(error, "delete", name.as_str())),
    }
}

/// Begins to read an object, or a range that is not empty.
pub(super) async fn open(
    store: &dyn ObjectStore,
    name: &Name,
    range: Option<Range<u64>>,
) -> Result<GetResult> {
    let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
    let found = store.get_opts(&path(name.as_str()), options).await;
    found.map_err(|error| from_store(error, "read", name.as_str()))
}

/// Reads what was opened, all of it or an error, once `check` accepts the file that it may be.
pub(super) async fn read(
    found: GetResult,
    name: &Name,
    check: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
) -> Result<Bytes> {
    let range = found.range;
    let size = check_length(name, &range)?;
    let bytes = match found.payload {
        GetResultPayload::File(file, _) => {
            let read = blocking("read", name.as_str(), move || {
                check(&file)?;
                let mut bytes = BytesMut::zeroed(size);
                file.read_exact_at(&mut bytes, range.start)?;
                Ok(bytes.freeze())
            });
            read.await?.map_err(|error| from_io(error, "read", name.as_str()))?
        }
        GetResultPayload::Stream(stream) => collect(stream, size, name).await?,
    };
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(Error::new(ErrorKind::Unavailable, "read", name).because("the answer was cut short; try again"))
}

/// Checks that `range` lies within an object of `size`.
pub(super) fn check_range(name: &Name, range: &Range<u64>, size: u64) -> Result<()> {
    if range.start <= range.end && range.end <= size { Ok(()) } else { Err(beyond_end(name)) }
}

/// The length of `range`, if it may be held in memory.
pub(super) fn check_length(name: &Name, range: &Range<u64>) -> Result<usize> {
    let length = range.end.saturating_sub(range.start);
    match usize::try_from(length) {
        Ok(size) if length <= ObjectStorage::MAX_OBJECT_BYTES => Ok(size),
        _ => Err(too_large("read", name)),
    }
}

async fn collect(
    mut stream: BoxStream<'static, object_store::Result<Bytes>>,
    size: usize,
    name: &Name,
) -> Result<Bytes> {
    let mut parts = Vec::new();
    let mut received = 0_usize;
    while let Some(part) = stream.next().await {
        let part = part.map_err(|error| from_store(error, "read", name.as_str()))?;
        received = received.saturating_add(part.len());
        if received > size {
            return Err(
                Error::new(ErrorKind::Other, "read", name).because("the storage sent more than it announced")
            );
        }
        parts.push(part);
    }
    match parts.len() {
        1 => Ok(parts.swap_remove(0)),
        _ => Ok(parts.concat().into()),
    }
}

/// What a backend lists, unless it is something that this crate would never have put there.
fn ours(meta: &ObjectMeta) -> Option<Object> {
    let name = Name::try_from(meta.location.as_ref()).ok()?;
    Some(Object { name, size: meta.size, stamp: meta.last_modified })
}

/// Names and prefixes have no character that `object_store` would escape.
fn path(text: &str) -> Path {
    Path::from(text)
}

fn beyond_end(name: &Name) -> Error {
    Error::new(ErrorKind::Invalid, "read", name)
        .because("the range reaches beyond the end of the object; ask for bytes that it has")
}

fn too_large(operation: &'static str, name: &Name) -> Error {
    Error::new(ErrorKind::Invalid, operation, name)
        .because("more than 1 GiB at once; use smaller objects or ranges")
}
