//! A repository: everything in one storage under one set of keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use backup_crypto::{KdfParameters, KeyRing, Keys, OsRandom, Random, RandomExt as _, RepositoryId};
use backup_storage::{Location, Name, Storage, StorageExt as _};
use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::catalog::Cache;
use crate::chunks::ChunkReader;
use crate::engine::Context;
use crate::format::config::Config;
use crate::format::repository::RepositoryFile;
use crate::format::{limit, names};
use crate::index::{Index, run_blocking};
use crate::observer::{Observer, Silent};
use crate::{Clock, Error, ErrorKind, Result, SystemClock};

/// An open repository. Cheap to clone; may be used from many tasks and threads at once.
///
/// It only opens and holds: each action is a request made from it ([`backup`](Self::backup), [`backups`](Self::backups),
/// [`restore`](Self::restore), [`verify`](Self::verify), [`check`](Self::check)) that is awaited.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
    observer: Arc<dyn Observer>,
}

struct Inner {
    storage: Arc<dyn Storage>,
    keys: Keys,
    config: Config,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    memory: usize,
    catalog: Cache,
}

/// Opens or creates a repository with parts of the host's choice.
#[derive(Debug)]
#[must_use = "it does nothing until it opens or creates a repository"]
pub struct RepositoryBuilder {
    place: Result<Place>,
    keys: Option<KeyRing>,
    observer: Arc<dyn Observer>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    memory: usize,
    kdf: KdfParameters,
    label: String,
}

/// Where a repository is: a location to open, or a storage that the host opened.
#[derive(Debug, Clone)]
pub enum Place {
    /// A location, as text or parsed.
    Location(Location),
    /// A storage, open.
    Storage(Arc<dyn Storage>),
}

/// What names a place: a path or URL, a [`Location`], or a [`Storage`].
pub trait IntoPlace {
    /// The place.
    ///
    /// # Errors
    /// When the text is not a location.
    fn into_place(self) -> Result<Place>;
}

impl IntoPlace for &str {
    fn into_place(self) -> Result<Place> {
        let location = Location::parse(self).map_err(|error| {
            Error::from(error).with_remedy("write a directory, or a URL like file:///srv/backups")
        })?;
        Ok(Place::Location(location))
    }
}

impl IntoPlace for String {
    fn into_place(self) -> Result<Place> {
        self.as_str().into_place()
    }
}

impl IntoPlace for &String {
    fn into_place(self) -> Result<Place> {
        self.as_str().into_place()
    }
}

impl IntoPlace for &PathBuf {
    fn into_place(self) -> Result<Place> {
        self.as_path().into_place()
    }
}

impl<S: Storage> IntoPlace for Arc<S> {
    fn into_place(self) -> Result<Place> {
        Ok(Place::Storage(self))
    }
}

impl IntoPlace for &Path {
    fn into_place(self) -> Result<Place> {
        let storage = backup_storage::ObjectStorage::local(self)?;
        Ok(Place::Storage(Arc::new(storage)))
    }
}

impl IntoPlace for PathBuf {
    fn into_place(self) -> Result<Place> {
        self.as_path().into_place()
    }
}

impl IntoPlace for Location {
    fn into_place(self) -> Result<Place> {
        Ok(Place::Location(self))
    }
}

impl IntoPlace for Arc<dyn Storage> {
    fn into_place(self) -> Result<Place> {
        Ok(Place::Storage(self))
    }
}

impl Repository {
    /// Opens a repository.
    ///
    /// # Errors
    /// [`NotFound`](ErrorKind::NotFound) if there is none, [`WrongKey`](ErrorKind::WrongKey) if none of its key slots opens.
    pub async fn open(place: impl IntoPlace, keys: impl Into<KeyRing>) -> Result<Self> {
        Self::builder(place).keys(keys).open().await
    }

    /// Creates a repository.
    ///
    /// # Errors
    /// [`Exists`](ErrorKind::Exists) if there is one already.
    pub async fn create(place: impl IntoPlace, keys: impl Into<KeyRing>) -> Result<Self> {
        Self::builder(place).keys(keys).create().await
    }

    /// Opens a repository, or creates it if there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open) and [`create`](Self::create).
    pub async fn open_or_create(place: impl IntoPlace, keys: impl Into<KeyRing>) -> Result<Self> {
        Self::builder(place).keys(keys).open_or_create().await
    }

    /// Begins to open or create a repository with parts of the host's choice.
    pub fn builder(place: impl IntoPlace) -> RepositoryBuilder {
        RepositoryBuilder {
            place: place.into_place(),
            keys: None,
            observer: Arc::new(Silent),
            clock: Arc::new(SystemClock::default()),
            random: Arc::new(OsRandom),
            memory: DEFAULT_MEMORY,
            kdf: KdfParameters::default(),
            label: "first".into(),
        }
    }

    /// The id of the repository.
    #[must_use]
    pub fn id(&self) -> RepositoryId {
        self.inner.keys.repository()
    }

    /// Where the repository is, without secrets.
    #[must_use]
    pub fn location(&self) -> String {
        self.inner.storage.to_string()
    }

    /// The same repository with another observer.
    #[must_use]
    pub fn observed_by(&self, observer: Arc<dyn Observer>) -> Self {
        Self { inner: self.inner.clone(), observer }
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.inner.storage
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.inner.keys
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub(crate) fn random(&self) -> &Arc<dyn Random> {
        &self.inner.random
    }

    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    pub(crate) fn memory(&self) -> usize {
        self.inner.memory
    }

    /// What this handle and its clones remember of the catalog.
    pub(crate) fn catalog_cache(&self) -> &Cache {
        &self.inner.catalog
    }

    /// The context of an operation that a token ends.
    pub(crate) fn context(&self, cancel: &CancellationToken) -> Context {
        Context::new(cancel.clone(), self.clock().clone(), self.observer().clone())
    }

    /// Loads the index and makes a reader of chunks with it.
    pub(crate) async fn chunk_reader(&self) -> Result<Arc<ChunkReader>> {
        let index = Arc::new(Index::load(self.storage(), self.keys()).await?);
        Ok(Arc::new(ChunkReader::new(self.storage().clone(), self.keys().clone(), index, self.memory() / 3)))
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Repository")
            .field("id", &self.id())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}

impl RepositoryBuilder {
    /// The key to open it with. Needed.
    pub fn keys(mut self, keys: impl Into<KeyRing>) -> Self {
        self.keys = Some(keys.into());
        self
    }

    /// Who hears of events; nobody by default.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The clock; the machine's by default.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The source of randomness; the operating system's by default. Keys are made from it.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Bytes that one operation may hold in buffers; 128 MiB by default, at least 16 MiB.
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.max(16 * 1024 * 1024);
        self
    }

    /// What deriving a key from a passphrase costs, for the first key slot of a new repository.
    pub fn kdf(mut self, parameters: KdfParameters) -> Self {
        self.kdf = parameters;
        self
    }

    /// Opens the repository.
    ///
    /// # Errors
    /// As [`Repository::open`].
    pub async fn open(self) -> Result<Repository> {
        let (storage, ring) = self.parts()?;
        let Some(bytes) = read_if_there(&storage, &names::repository()).await? else {
            return Err(no_repository(&storage));
        };
        let file =
            RepositoryFile::decode(&bytes).map_err(|error| error.context(format!("open {storage}")))?;
        let keys = open_keys(&storage, &file, ring).await?;
        let config = read_config(&storage, &file).await?;
        Ok(self.finish(storage, keys, config))
    }

    /// Creates the repository.
    ///
    /// # Errors
    /// As [`Repository::create`].
    pub async fn create(self) -> Result<Repository> {
        let (storage, ring) = self.parts()?;
        if read_if_there(&storage, &names::repository()).await?.is_some() {
            return Err(Error::new(ErrorKind::Exists, format!("there is a repository at {storage} already"))
                .with_remedy("open it, or choose another place"));
        }
        refuse_foreign(&storage).await?;
        let id = RepositoryId(self.random.array()?);
        let created_at = self.clock.now();
        let (random, kdf, label) = (self.random.clone(), self.kdf, self.label.clone());
        let (keys, slot) = run_blocking(move || {
            let keys = Keys::generate(id, &*random)?;
            let slot = ring.seal_slot(&keys, &kdf, &label, created_at.timestamp(), &*random)?;
            Ok((keys, slot))
        })
        .await?;
        let config = Config::first(&keys);
        let encoded = config.encode(&keys)?;
        put(&storage, &names::hashed(names::KEYS, &names::hash(&slot)), slot).await?;
        put(&storage, &names::config(config.number, &names::hash(&encoded)), encoded).await?;
        // Last, and read back: of two processes that create at the same time, one learns that it lost.
        let file = RepositoryFile::new(id, created_at, &keys.admin_public_key());
        put(&storage, &names::repository(), file.encode()?).await?;
        let back = storage.get(&names::repository()).await?;
        if RepositoryFile::decode(&back)? != file {
            return Err(Error::new(
                ErrorKind::Exists,
                format!("somebody else created a repository at {storage}"),
            )
            .with_remedy("open it"));
        }
        Ok(self.finish(storage, keys, config))
    }

    /// Opens the repository, or creates it if there is none.
    ///
    /// # Errors
    /// As [`Repository::open_or_create`].
    pub async fn open_or_create(self) -> Result<Repository> {
        let (storage, _) = self.parts()?;
        let exists = read_if_there(&storage, &names::repository()).await?.is_some();
        // The storage that was looked at is the one used: a location in memory is new each time it is opened.
        let this = Self { place: Ok(Place::Storage(storage)), ..self };
        if exists {
            return this.open().await;
        }
        let again = this.again();
        match this.create().await {
            // Somebody else was faster.
            Err(error) if error.kind() == ErrorKind::Exists => again.open().await,
            created => created,
        }
    }

    /// A builder of the same parts, for one more try.
    fn again(&self) -> Self {
        Self {
            place: self.parts().map(|(storage, _)| Place::Storage(storage)),
            keys: self.keys.clone(),
            observer: self.observer.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            memory: self.memory,
            kdf: self.kdf,
            label: self.label.clone(),
        }
    }

    fn parts(&self) -> Result<(Arc<dyn Storage>, KeyRing)> {
        let storage = match &self.place {
            Ok(Place::Storage(storage)) => storage.clone(),
            Ok(Place::Location(location)) => location.open()?,
            Err(error) => {
                return Err(Error::new(error.kind(), error.chain()).with_remedy(error.remedy().to_owned()));
            }
        };
        let keys = self.keys.clone().ok_or_else(|| {
            Error::invalid("no key was given").with_remedy("give a passphrase with `keys` before opening")
        })?;
        Ok((storage, keys))
    }

    fn finish(self, storage: Arc<dyn Storage>, keys: Keys, config: Config) -> Repository {
        let (clock, random, memory) = (self.clock, self.random, self.memory);
        Repository {
            inner: Arc::new(Inner {
                storage,
                keys,
                config,
                clock,
                random,
                memory,
                catalog: Cache::default(),
            }),
            observer: self.observer,
        }
    }
}

async fn open_keys(storage: &Arc<dyn Storage>, file: &RepositoryFile, ring: KeyRing) -> Result<Keys> {
    let id = file.id()?;
    let mut slots: Vec<Bytes> = Vec::new();
    let mut damaged = None;
    for object in storage.list_all(names::KEYS).await? {
        if let Err(error) = names::expect_size(&object, limit::KEY_SLOT) {
            damaged = Some(error);
            continue;
        }
        let bytes = storage.get(&object.name).await?;
        let named = names::parse_hashed(object.name.as_str(), names::KEYS);
        match named {
            Some(hash) => match names::expect_hash(object.name.as_str(), &hash, &bytes) {
                Ok(()) => slots.push(bytes),
                Err(error) => damaged = Some(error),
            },
            None => damaged = Some(Error::damaged(format!("{} is not the name of a key slot", object.name))),
        }
    }
    if slots.is_empty() {
        let error = damaged.unwrap_or_else(|| Error::damaged("the repository has no key slot"));
        return Err(error.context(format!("open {storage}")));
    }
    let location = storage.to_string();
    run_blocking(move || Ok(ring.open(id, &slots)?)).await.map_err(|error| {
        let kind = error.kind();
        let text = if kind == ErrorKind::WrongKey {
            format!("the passphrase opens no key slot of {location}")
        } else {
            format!("open {location}")
        };
        match damaged {
            Some(damaged) if kind == ErrorKind::WrongKey => {
                damaged.context(format!("{text}, and one is damaged"))
            }
            _ => error.context(text),
        }
    })
}

/// Reads the valid configuration with the highest number.
async fn read_config(storage: &Arc<dyn Storage>, file: &RepositoryFile) -> Result<Config> {
    let mut best: Option<Config> = None;
    let mut failure = Error::damaged("the repository has no configuration");
    for object in storage.list_all(names::CONFIG).await? {
        let decoded = async {
            let (number, hash) = names::parse_config(object.name.as_str()).ok_or_else(|| {
                Error::damaged(format!("{} is not the name of a configuration", object.name))
            })?;
            names::expect_size(&object, limit::CONFIG)?;
            let bytes = storage.get(&object.name).await?;
            names::expect_hash(object.name.as_str(), &hash, &bytes)?;
            let (config, _) = Config::decode(&bytes, file)?;
            if config.number == number {
                Ok(config)
            } else {
                Err(Error::damaged("a configuration has another number"))
            }
        };
        match decoded.await {
            Ok(config) if best.as_ref().is_none_or(|best| best.number < config.number) => best = Some(config),
            Ok(_) => {}
            // What is required must not be overlooked in favour of an older configuration.
            Err(error) if error.kind() == ErrorKind::Unsupported => return Err(error),
            Err(error) => failure = error.context(format!("read {}", object.name)),
        }
    }
    best.ok_or(failure)
}

/// A repository must not be mixed with the files of others: what it sweeps and prunes is its own.
async fn refuse_foreign(storage: &Arc<dyn Storage>) -> Result<()> {
    let own = [names::KEYS, names::CONFIG, names::PACKS, names::INDEX, names::BACKUPS];
    let objects = storage.list_all("").await?;
    let is_foreign = |name: &str| !name.split_once('/').is_some_and(|(folder, _)| own.contains(&folder));
    match objects.iter().find(|object| is_foreign(object.name.as_str())) {
        None => Ok(()),
        Some(object) => Err(Error::new(
            ErrorKind::Exists,
            format!("{storage} holds something else than a repository: {}", object.name),
        )
        .with_remedy("choose an empty place")),
    }
}

async fn read_if_there(storage: &Arc<dyn Storage>, name: &Name) -> Result<Option<Bytes>> {
    let found = async {
        let object = storage.head(name).await?;
        names::expect_size(&object, limit::REPOSITORY)?;
        Ok::<_, Error>(storage.get(name).await?)
    };
    match found.await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.context(format!("open {storage}"))),
    }
}

async fn put(storage: &Arc<dyn Storage>, name: &Name, bytes: Vec<u8>) -> Result<()> {
    storage
        .create(name, Bytes::from(bytes))
        .await
        .map(drop)
        .map_err(|error| Error::from(error).context(format!("store {name} in {storage}")))
}

fn no_repository(storage: &Arc<dyn Storage>) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no repository at {storage}"))
        .with_remedy("check the location, or create a repository there first")
}

/// Bytes that one operation may hold in buffers unless the host says otherwise.
const DEFAULT_MEMORY: usize = 128 * 1024 * 1024;
