//! A sound repository, copies of it with one object damaged, and what must hold of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use backup_core::engine::EntryKind;
use backup_core::testing::RecordingObserver;
use backup_core::{BackupId, Environment, Error, ErrorKind, KdfParameters, Passphrase, Repository, Share};
use tempfile::TempDir;

use crate::memory::{Item, Memory};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    Empty,
    Half,
    FlipStart,
    FlipMiddle,
    FlipEnd,
    Delete,
    Swap,
    Append,
}

use Damage::{Append, Delete, Empty, FlipEnd, FlipMiddle, FlipStart, Half, Swap};

pub(crate) const ALL: [Damage; 8] = [Empty, Half, FlipStart, FlipMiddle, FlipEnd, Delete, Swap, Append];

/// A sound repository with two backups, and another one to take foreign objects from.
pub(crate) struct Sound {
    pub(crate) folder: TempDir,
    pub(crate) foreign: TempDir,
    pub(crate) backups: [BackupId; 2],
    /// The objects that each backup added.
    added: [Vec<String>; 2],
}

pub(crate) static SOUND: LazyLock<Sound> = LazyLock::new(|| {
    block_on(async {
        let (folder, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        create(foreign.path()).await;
        let repository = create(folder.path()).await;
        let (mut backups, mut added) = (Vec::new(), Vec::new());
        let mut known: BTreeSet<String> = objects(folder.path());
        for version in [1, 2] {
            backups.push(repository.backup(&environment(version)).await.unwrap().id);
            let now = objects(folder.path());
            added.push(now.difference(&known).cloned().collect());
            known = now;
        }
        let (backups, added) = (backups.try_into().unwrap(), added.try_into().unwrap());
        Sound { folder, foreign, backups, added }
    })
});

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn create(folder: &Path) -> Repository {
    let builder =
        Repository::builder(folder).keys(Passphrase::from("damage")).kdf(KdfParameters::insecure_for_tests());
    builder.create().await.unwrap()
}

pub(crate) async fn open(folder: &Path) -> Result<Repository, Error> {
    Repository::open(folder, Passphrase::from("damage")).await
}

/// What is backed up: some of it is the same every time, some changes.
fn items(version: u8) -> Vec<Item> {
    let noise = |seed: u8| {
        let mut bytes = vec![0; 300_000];
        blake3::Hasher::new().update(&[seed]).finalize_xof().fill(&mut bytes);
        bytes
    };
    vec![
        Item::folder(""),
        Item::file("always", b"the same every time"),
        Item::folder("folder"),
        Item::file("folder/changes", format!("version {version}").as_bytes()),
        Item::file("folder/large", &noise(0)),
        Item::file("folder/large-and-changing", &noise(version)),
        Item::link("link", "folder/changes"),
    ]
}

pub(crate) fn environment(version: u8) -> Environment {
    Environment::new("shop").service("uploads", Memory::tree(&items(version)))
}

/// The names of all objects of a repository.
pub(crate) fn objects(folder: &Path) -> BTreeSet<String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
        for item in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if item.file_type().unwrap().is_dir() {
                walk(&item.path(), root, found);
            } else {
                found.insert(item.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(folder, folder, &mut found);
    found
}

/// The only object of a kind, by the beginning and the end of its name.
pub(crate) fn only(
    names: impl IntoIterator<Item = impl AsRef<str>>,
    prefix: &str,
    confirmation: bool,
) -> String {
    let names: Vec<String> = names
        .into_iter()
        .map(|name| name.as_ref().to_owned())
        .filter(|name| name.starts_with(prefix) && name.ends_with("-ok") == confirmation)
        .collect();
    assert_eq!(names.len(), 1, "{prefix}: {names:?}");
    names.into_iter().next().unwrap()
}

/// A copy of the sound repository with one object damaged.
pub(crate) struct Case {
    pub(crate) folder: TempDir,
    pub(crate) object: String,
    damage: Damage,
}

impl Case {
    /// Damages `object`; a swap exchanges it with `other`, a file anywhere.
    pub(crate) fn new(object: &str, other: &Path, damage: Damage) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in objects(SOUND.folder.path()) {
            let to = folder.path().join(&name);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(SOUND.folder.path().join(&name), to).unwrap();
        }
        let path = folder.path().join(object);
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            Empty => bytes.clear(),
            Half => bytes.truncate(middle),
            FlipStart => bytes[0] ^= 1,
            FlipMiddle => bytes[middle] ^= 1,
            FlipEnd => *bytes.last_mut().unwrap() ^= 1,
            Append => bytes.extend_from_slice(b"more"),
            Swap => {
                // The other one may be in the sound repository: in the copy it gets these bytes.
                if let Ok(name) = other.strip_prefix(SOUND.folder.path()) {
                    fs::write(folder.path().join(name), &bytes).unwrap();
                }
                bytes = fs::read(other).unwrap();
            }
            Delete => fs::remove_file(&path).unwrap(),
        }
        if damage != Delete {
            fs::write(&path, bytes).unwrap();
        }
        Self { folder, object: object.to_owned(), damage }
    }

    pub(crate) fn says(&self, text: &str) -> String {
        format!("{:?} of {}: {text}", self.damage, self.object)
    }

    /// Fails unless a text names the object, or, where nothing of it is left, what it was.
    pub(crate) fn expect_named(&self, text: &str, otherwise: &[&str]) {
        let named = text.contains(&self.object) || otherwise.iter().any(|word| text.contains(word));
        assert!(named, "{}", self.says(text));
    }

    pub(crate) fn expect_error(&self, error: &Error, otherwise: &[&str]) {
        let kind = error.kind();
        // Without its confirmation a backup is not damaged: it was never completed.
        let unconfirmed = kind == ErrorKind::Invalid && error.chain().contains("never confirmed");
        let known =
            unconfirmed || matches!(kind, ErrorKind::Damaged | ErrorKind::Unsupported | ErrorKind::NotFound);
        assert!(known, "{}", self.says(&format!("{kind:?}: {}", error.chain())));
        assert!(!error.is_retryable(), "{}", self.says(&error.chain()));
        self.expect_named(&error.chain(), otherwise);
    }

    /// Restores a backup: what comes out is right, or nothing was claimed.
    pub(crate) async fn restore(
        &self,
        repository: &Repository,
        id: BackupId,
        version: u8,
    ) -> Result<(), Error> {
        let target = tempfile::tempdir().unwrap();
        let directory = target.path().join("restored");
        repository.restore(id).to_directory(&directory).service("uploads").await?;
        let expected = items(version).into_iter().filter(|item| item.metadata.kind != EntryKind::Directory);
        let expected: BTreeMap<String, Vec<u8>> = expected
            .map(|item| {
                let content = if item.target.is_empty() { item.bytes() } else { item.target };
                (String::from_utf8(item.path).unwrap(), content)
            })
            .collect();
        let found: BTreeMap<String, Vec<u8>> = objects(&directory)
            .into_iter()
            .map(|name| {
                let path = directory.join(&name);
                let link = fs::read_link(&path).map(|target| target.to_str().unwrap().as_bytes().to_vec());
                (name, link.unwrap_or_else(|_| fs::read(&path).unwrap()))
            })
            .collect();
        assert!(found == expected, "{}", self.says("wrong data was restored"));
        Ok(())
    }

    /// Verifies and restores both backups, and says which of them are whole. Both ways of looking agree.
    pub(crate) async fn read(&self, repository: &Repository, otherwise: &[&str]) -> [bool; 2] {
        let mut whole = [false; 2];
        for (number, id) in SOUND.backups.into_iter().enumerate() {
            let restored = self.restore(repository, id, u8::try_from(number + 1).unwrap()).await;
            if let Err(error) = &restored {
                self.expect_error(error, otherwise);
            }
            let verified = repository.verify(id).read_data(true).await;
            let sound = match &verified {
                Err(error) => {
                    self.expect_error(error, otherwise);
                    false
                }
                Ok(report) => {
                    let problems = format!("{:?}", report.problems);
                    report.problems.is_empty() || {
                        self.expect_named(&problems, otherwise);
                        false
                    }
                }
            };
            assert_eq!(sound, restored.is_ok(), "{}", self.says("restore and verify do not agree"));
            whole[number] = sound;
        }
        whole
    }

    /// Makes one more backup, which never fails, and says whether it is whole.
    pub(crate) async fn write(&self, repository: &Repository, otherwise: &[&str]) -> bool {
        let report = repository.backup(&environment(3)).await;
        let id = report.unwrap_or_else(|error| panic!("{}", self.says(&error.chain()))).id;
        assert_eq!(
            repository.find("latest").await.unwrap().id,
            id,
            "{}",
            self.says("the newest is not the latest")
        );
        match self.restore(repository, id, 3).await {
            Ok(()) => true,
            Err(error) => {
                self.expect_error(&error, otherwise);
                false
            }
        }
    }

    /// Checks all data, and fails unless the damage is found and named.
    pub(crate) async fn expect_check(&self, repository: &Repository, otherwise: &[&str]) {
        let report = repository.check().read_data(Share::ALL).await;
        let report = report.unwrap_or_else(|error| panic!("{}", self.says(&error.chain())));
        assert!(!report.problems.is_empty(), "{}", self.says("the check finds nothing"));
        self.expect_named(&format!("{:?}", report.problems), otherwise);
    }

    /// The backups that a list shows, and what the observer was told meanwhile.
    pub(crate) async fn list(&self, repository: &Repository) -> (Vec<BackupId>, String) {
        let observer = RecordingObserver::default();
        let listed = repository.observed_by(Arc::new(observer.clone())).backups().await.unwrap();
        let mut ids: Vec<_> = listed.iter().map(|backup| backup.id).collect();
        ids.sort_by_key(|id| SOUND.backups.iter().position(|other| other == id));
        (ids, format!("{:?}", observer.notices()))
    }
}

pub(crate) fn in_sound(name: &str) -> PathBuf {
    SOUND.folder.path().join(name)
}

/// The object of a kind that each backup added.
pub(crate) fn of_backups(prefix: &str, confirmation: bool) -> [String; 2] {
    [0, 1].map(|number: usize| only(&SOUND.added[number], prefix, confirmation))
}
