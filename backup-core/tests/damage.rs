//! Damage of every kind to every kind of object, before every later action: a clear error that names the object, never wrong
//! data, never a panic, and the next backup is a good one wherever a writer can know.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test, also in helpers")]

#[path = "damage/case.rs"]
mod case;
#[allow(dead_code, reason = "shared by tests of which none needs all of it")]
#[path = "fixture/memory.rs"]
mod memory;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use backup_core::storage::testing::{Operation, Recording};
use backup_core::storage::{Location, Storage};
use backup_core::{Passphrase, Repository};

use self::case::{ALL, Case, Damage, SOUND, block_on, in_sound, objects, of_backups, only, open};
use Damage::{Append, Delete, Empty, FlipEnd, FlipMiddle, FlipStart, Half, Swap};

/// Objects that a repository cannot be opened without.
fn expect_not_opened(prefix: &str, otherwise: &[&str]) {
    let object = only(objects(SOUND.folder.path()), prefix, false);
    let foreign = SOUND.foreign.path().join(only(objects(SOUND.foreign.path()), prefix, false));
    for damage in ALL {
        let case = Case::new(&object, &foreign, damage);
        block_on(async {
            let error = open(case.folder.path()).await.err();
            let error = error.unwrap_or_else(|| panic!("{}", case.says("it was opened")));
            case.expect_error(&error, otherwise);
            let created = Repository::open_or_create(case.folder.path(), Passphrase::from("damage")).await;
            assert!(created.is_err(), "{}", case.says("a new repository was made over it"));
        });
    }
}

#[test]
fn the_configuration() {
    expect_not_opened("config/", &["no configuration"]);
}

#[test]
fn the_key_slot() {
    expect_not_opened("keys/", &["no key slot"]);
}

/// This one has no hash in its name: what changes nothing that matters may go unnoticed.
#[test]
fn the_repository_file() {
    for damage in ALL {
        let case = Case::new("repository.json", &SOUND.foreign.path().join("repository.json"), damage);
        block_on(async {
            match open(case.folder.path()).await {
                Err(error) => {
                    case.expect_error(&error, &["there is no repository", "belongs to another repository"])
                }
                Ok(repository) => {
                    assert!(matches!(damage, FlipMiddle | FlipEnd), "{}", case.says("it was opened"));
                    assert_eq!(case.read(&repository, &[]).await, [true; 2]);
                }
            }
        });
    }
}

#[test]
fn packs() {
    let packs = of_backups("packs/", false);
    for (number, pack) in packs.iter().enumerate() {
        for damage in ALL {
            let case = Case::new(pack, &in_sound(&packs[1 - number]), damage);
            block_on(async {
                let repository = open(case.folder.path()).await.unwrap();
                assert_eq!(case.list(&repository).await.0, SOUND.backups);
                let other = &packs[1 - number][..];
                let otherwise: &[&str] = if damage == Swap { &[other] } else { &[] };
                let whole = case.read(&repository, otherwise).await;
                if matches!(damage, Empty | Half | Delete) {
                    assert!(!whole[number], "{}", case.says("its backup is whole"));
                }
                if number == 1 && damage != Swap {
                    assert!(whole[0], "{}", case.says("the earlier backup is not whole"));
                }
                case.expect_check(&repository, otherwise).await;
                let newest = case.write(&repository, otherwise).await;
                // Only what has the size that the index says is trusted unread.
                let trusted = matches!(damage, FlipStart | FlipMiddle | FlipEnd);
                assert!(newest || trusted, "{}", case.says("the next backup is not whole"));
            });
        }
    }
}

#[test]
fn index_segments() {
    let segments = of_backups("index/", false);
    for (number, segment) in segments.iter().enumerate() {
        for damage in ALL {
            let case = Case::new(segment, &in_sound(&segments[1 - number]), damage);
            block_on(async {
                let repository = open(case.folder.path()).await.unwrap();
                assert_eq!(case.list(&repository).await.0, SOUND.backups);
                let otherwise: &[&str] = match damage {
                    Delete => &["is not in the repository", "is not in the index"],
                    Swap => &[&segments[1 - number]],
                    _ => &[],
                };
                assert!(
                    !case.read(&repository, otherwise).await[number],
                    "{}",
                    case.says("its backup is whole")
                );
                case.expect_check(&repository, otherwise).await;
                assert!(
                    case.write(&repository, otherwise).await,
                    "{}",
                    case.says("the next backup is not whole")
                );
            });
        }
    }
}

#[test]
fn manifests() {
    let manifests = of_backups("backups/", false);
    for (number, manifest) in manifests.iter().enumerate() {
        for damage in ALL {
            let case = Case::new(manifest, &in_sound(&manifests[1 - number]), damage);
            block_on(async {
                let repository = open(case.folder.path()).await.unwrap();
                let (listed, told) = case.list(&repository).await;
                let id = SOUND.backups[number].to_string();
                let left = if damage == Swap { vec![] } else { vec![SOUND.backups[1 - number]] };
                assert_eq!(listed, left, "{}", case.says("the list is wrong"));
                if damage != Delete {
                    case.expect_named(&told, &[]);
                }
                let hash = manifest.rsplit_once('-').unwrap().1;
                let otherwise = [&id[..], &manifests[1 - number], hash];
                let whole = case.read(&repository, &otherwise).await;
                assert!(
                    !whole[number] && whole[1 - number] == (damage != Swap),
                    "{}",
                    case.says(&format!("{whole:?}"))
                );
                case.expect_check(&repository, &otherwise).await;
                assert!(
                    case.write(&repository, &otherwise).await,
                    "{}",
                    case.says("the next backup is not whole")
                );
            });
        }
    }
}

/// A confirmation is its name, so it can only be lost.
#[test]
fn confirmations() {
    let confirmations = of_backups("backups/", true);
    for (number, confirmation) in confirmations.iter().enumerate() {
        for damage in [Delete, Append] {
            let case = Case::new(confirmation, Path::new(""), damage);
            block_on(async {
                let repository = open(case.folder.path()).await.unwrap();
                let id = SOUND.backups[number].to_string();
                let (listed, _) = case.list(&repository).await;
                let whole = case.read(&repository, &[&id]).await;
                if damage == Delete {
                    assert_eq!(listed, [SOUND.backups[1 - number]]);
                    assert!(!whole[number] && whole[1 - number]);
                    assert_eq!(repository.check().await.unwrap().unconfirmed, 1);
                } else {
                    assert_eq!((&listed[..], whole), (&SOUND.backups[..], [true; 2]));
                }
                assert!(case.write(&repository, &[]).await, "{}", case.says("the next backup is not whole"));
            });
        }
    }
}

/// An object can be made larger without being written: nothing of it is read when no object of its kind is so large.
#[test]
fn objects_that_are_too_large_are_not_read() {
    let [pack, index, manifest] =
        ["packs/", "index/", "backups/"].map(|prefix| of_backups(prefix, false)[1].clone());
    let [config, key] = ["config/", "keys/"].map(|prefix| only(objects(SOUND.folder.path()), prefix, false));
    for object in ["repository.json".to_owned(), config, key, index, manifest, pack] {
        let case = Case::new(&object, Path::new(""), Append);
        fs::File::options()
            .write(true)
            .open(case.folder.path().join(&object))
            .unwrap()
            .set_len(1 << 29)
            .unwrap();
        block_on(async {
            let location = Location::parse(case.folder.path().to_str().unwrap()).unwrap();
            let recording = Arc::new(Recording::new(location.open().unwrap()));
            let storage: Arc<dyn Storage> = recording.clone();
            match Repository::open(storage, Passphrase::from("damage")).await {
                Err(error) => case.expect_error(&error, &[]),
                Ok(repository) => {
                    case.list(&repository).await;
                    case.read(&repository, &[&SOUND.backups[1].to_string()]).await;
                    case.expect_check(&repository, &[]).await;
                }
            }
            assert!(recording.bytes(Operation::Get) < 1 << 24, "{}", case.says("it was read"));
        });
    }
}

/// A backup whose manifest and confirmation are both gone is known from those that came after it.
#[test]
fn a_backup_that_is_gone_without_a_trace_is_missed() {
    let case = Case::new(&of_backups("backups/", false)[0], Path::new(""), Delete);
    fs::remove_file(case.folder.path().join(&of_backups("backups/", true)[0])).unwrap();
    block_on(async {
        let repository = open(case.folder.path()).await.unwrap();
        let hash = case.object.rsplit_once('-').unwrap().1;
        case.expect_check(&repository, &[hash]).await;
    });
}
