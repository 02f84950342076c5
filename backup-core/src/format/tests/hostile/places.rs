//! Objects and chunks that are not where they are said to be.

use std::fs;

use backup_crypto::{ChunkKind, OsRandom};
use backup_storage::StorageExt as _;
use bytes::Bytes;

use super::{Hostile, file, folder, inline, run};
use crate::engine::{Existing, Extent};
use crate::format::index::IndexedPack;
use crate::format::names::{self, ManifestName};
use crate::index::{Index, write_segment};
use crate::{ErrorKind, SystemClock};

/// An index whose records point where nothing of the kind is.
#[test]
fn an_index_that_lies_yields_no_wrong_data() {
    run(async {
        let hostile = Hostile::new().await;
        let keys = hostile.repository.keys().clone();
        let content = b"what was backed up";
        let chunk = hostile.data(content).await;
        let other = hostile.data(b"something else altogether").await;
        let hash = keys.content_hash(content);
        let part = Extent { chunk: Some(chunk), offset: 0, length: content.len() as u64 };
        let id = hostile.commit_entries(&[file(b"the-file", &inline(hash, vec![part]))]).await;
        let storage = hostile.repository.storage();
        let index = Index::load(storage, &keys).await.unwrap();
        let (own, wrong) = (index.locations(&chunk).next().unwrap(), index.locations(&other).next().unwrap());
        for object in storage.list_all(names::INDEX).await.unwrap() {
            storage.delete(&object.name).await.unwrap();
        }
        let true_pack = index.pack(own.pack).unwrap();
        let all = &index.chunks_by_pack()[&own.pack];
        let lies: &[fn(&mut crate::format::pack::PackedChunk, &crate::format::pack::PackedChunk)] = &[
            |chunk, other| {
                (chunk.offset, chunk.stored, chunk.plain) = (other.offset, other.stored, other.plain)
            },
            |chunk, _| chunk.offset += 1,
            |chunk, _| chunk.stored -= 1,
            |chunk, _| chunk.plain += 1,
            |chunk, _| chunk.plain = 4 << 20,
            |chunk, _| chunk.kind = ChunkKind::Meta,
            |chunk, _| chunk.offset = 0,
        ];
        for lie in lies {
            let mut chunks = all.clone();
            let altered = chunks.iter_mut().find(|packed| packed.id == chunk).unwrap();
            lie(altered, &wrong.chunk);
            let header = true_pack.header.clone();
            let pack = IndexedPack { name: true_pack.name, size: true_pack.size, header, chunks };
            write_segment(storage, &keys, &OsRandom, &[pack]).await.unwrap();
            let said = hostile.expect_refused(id).await;
            assert!(said.contains(&chunk.to_string()), "{said}");
            assert!(!hostile.target().join("the-file").exists());
            for object in storage.list_all(names::INDEX).await.unwrap() {
                storage.delete(&object.name).await.unwrap();
            }
        }
        // A lie about one place does not hide the right one.
        let mut bad = all.clone();
        bad.iter_mut().for_each(|chunk| chunk.offset = 0);
        let header = true_pack.header.clone();
        let nowhere = names::PackName { hash: [0; 32], incarnation: [0; 4] };
        let lying = IndexedPack { name: nowhere, size: true_pack.size, header: header.clone(), chunks: bad };
        let sound = IndexedPack { name: true_pack.name, size: true_pack.size, header, chunks: all.clone() };
        write_segment(storage, &keys, &OsRandom, &[lying, sound]).await.unwrap();
        hostile
            .repository
            .restore(id)
            .to_directory(hostile.target())
            .service("uploads")
            .existing(Existing::Mirror)
            .await
            .unwrap();
        assert_eq!(fs::read(hostile.target().join("the-file")).unwrap(), content);
    });
}

#[test]
fn a_manifest_in_anothers_place_is_refused() {
    run(async {
        let hostile = Hostile::new().await;
        let root = hostile.leaf(&[folder(b"")]).await;
        let id = hostile.commit_tree(root, (1, 0)).await;
        let storage = hostile.repository.storage();
        let names = hostile.repository.manifest_names(None).await.unwrap();
        let (name, object) = names.confirmed[0].clone();
        let bytes = storage.get(&object.name).await.unwrap();
        let other_id = crate::RunId::generate(&SystemClock::default(), &OsRandom).unwrap().backup();
        for other in [ManifestName { id: other_id, ..name }, ManifestName { environment: [7; 8], ..name }] {
            storage.create(&other.to_name(), bytes.clone()).await.unwrap();
            storage.create(&other.to_confirmation(), Bytes::new()).await.unwrap();
            let listed = storage.list_all(names::BACKUPS).await.unwrap();
            let object = listed.into_iter().find(|object| object.name == other.to_name()).unwrap();
            let error = hostile.repository.read_backup(other, &object).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Damaged);
            assert!(error.chain().contains(object.name.as_str()), "{}", error.chain());
            storage.delete(&other.to_name()).await.unwrap();
            storage.delete(&other.to_confirmation()).await.unwrap();
        }
        assert_eq!(hostile.repository.backups().await.unwrap()[0].id, id);
    });
}

/// A prune of a newer version copies what is still needed and removes the old pack while somebody reads.
#[test]
fn a_chunk_that_was_moved_meanwhile_is_found() {
    run(async {
        let hostile = Hostile::new().await;
        let chunk = hostile.data(b"moved").await;
        let root = hostile.leaf(&[folder(b"")]).await;
        hostile.commit_tree(root, (1, 0)).await;
        let (storage, keys) = (hostile.repository.storage(), hostile.repository.keys());
        let reader = hostile.repository.chunk_reader().await.unwrap();
        let index = reader.index();
        let old = index.pack(0).unwrap();
        let name = names::PackName { incarnation: [9; 4], ..old.name };
        let bytes = storage.get(&old.name.to_name()).await.unwrap();
        storage.create(&name.to_name(), bytes).await.unwrap();
        let (header, chunks) = (old.header.clone(), index.chunks_by_pack()[&0].clone());
        let moved = IndexedPack { name, size: old.size, header, chunks };
        write_segment(storage, keys, &OsRandom, &[moved]).await.unwrap();
        storage.delete(&old.name.to_name()).await.unwrap();
        assert_eq!(reader.get(ChunkKind::Data, chunk).await.unwrap(), &b"moved"[..]);
    });
}
