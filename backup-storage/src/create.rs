//! Creation with resolution, and the other conveniences of every storage.

use std::future::Future;

use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::{Error, ErrorKind, Name, Object, Result, Storage};

/// How often a put is tried whose object turns out to be absent.
const ATTEMPTS: usize = 4;

/// How [`StorageExt::create`] ended well. In both cases the object is stored durably with exactly the given bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Created {
    /// This call stored it.
    New,
    /// The same bytes were found under the name: from this call after a lost answer, an earlier one, or another
    /// writer. Bytes that only one writer can have made (a nonce) tell which.
    Found,
}

/// What every [`Storage`] can do on top of its methods.
pub trait StorageExt: Storage {
    /// Stores `bytes` under `name` and settles every unclear outcome, so that it may be repeated without harm.
    ///
    /// | the put ends | reading back yields | result |
    /// |---|---|---|
    /// | well | not read | [`Created::New`] |
    /// | `AlreadyExists`, `Unavailable` or `Other` | the same bytes | [`Created::Found`] |
    /// | | nothing | put again, four times in all, without a pause; then the error of the last put |
    /// | | other bytes | [`Conflict`](ErrorKind::Conflict) |
    /// | | an error | [`Unknown`](ErrorKind::Unknown) |
    /// | any other error | not read | that error |
    ///
    /// A future that is dropped before it ends leaves the whole object or none, at once or later.
    fn create(&self, name: &Name, bytes: Bytes) -> impl Future<Output = Result<Created>> + Send {
        async move {
            let mut attempt = 1;
            loop {
                let error = match self.put_new(name, bytes.clone()).await {
                    Ok(()) => return Ok(Created::New),
                    Err(error) if is_unclear(error.kind()) => error,
                    Err(error) => return Err(error),
                };
                match look(self, name, &bytes).await {
                    Ok(Seen::Same) => return Ok(Created::Found),
                    Ok(Seen::Other) => {
                        return Err(Error::new(ErrorKind::Conflict, "create", name).caused_by(error));
                    }
                    Ok(Seen::Nothing) if attempt < ATTEMPTS => attempt += 1,
                    Ok(Seen::Nothing) => return Err(absent(name, error)),
                    Err(unreadable) => {
                        return Err(Error::new(ErrorKind::Unknown, "create", name).caused_by(unreadable));
                    }
                }
            }
        }
    }

    /// All objects below `prefix`, sorted by name. Fails if any part of the listing does.
    fn list_all(&self, prefix: &str) -> impl Future<Output = Result<Vec<Object>>> + Send {
        async move {
            let mut objects: Vec<Object> = self.list(prefix).try_collect().await?;
            objects.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            Ok(objects)
        }
    }

    /// Whether there is an object of this name.
    fn exists(&self, name: &Name) -> impl Future<Output = Result<bool>> + Send {
        async move {
            match self.head(name).await {
                Ok(_) => Ok(true),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
                Err(error) => Err(error),
            }
        }
    }
}

impl<S: Storage + ?Sized> StorageExt for S {}

enum Seen {
    Same,
    Other,
    Nothing,
}

/// Whether a put that failed like this may have stored the object.
fn is_unclear(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::AlreadyExists | ErrorKind::Unavailable | ErrorKind::Other)
}

/// Reads back what is stored under `name`; the size first, so that no foreign object is fetched whole.
async fn look<S: Storage + ?Sized>(storage: &S, name: &Name, bytes: &Bytes) -> Result<Seen> {
    let found = match storage.head(name).await {
        Ok(object) if u64::try_from(bytes.len()).is_ok_and(|size| size == object.size) => {
            storage.get(name).await
        }
        Ok(_) => return Ok(Seen::Other),
        Err(error) => Err(error),
    };
    match found {
        Ok(found) if found == *bytes => Ok(Seen::Same),
        Ok(_) => Ok(Seen::Other),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seen::Nothing),
        Err(error) => Err(error),
    }
}

/// The error of the last put, unless that claims the existence of what cannot be found.
fn absent(name: &Name, error: Error) -> Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    Error::new(ErrorKind::Unavailable, "create", name)
        .because("the storage says that it exists, but does not find it; try again later")
        .caused_by(error)
}
