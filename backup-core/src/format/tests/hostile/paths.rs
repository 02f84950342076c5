//! Names and links that try to leave the target.

use std::fs;
use std::os::unix::fs::symlink;

use super::{Hostile, empty_file, file, folder, inline, link, manifest, run};
use crate::engine::{Entry, EntryKind, Extent, Layout};
use crate::format::manifest::ArtifactRecord;
use crate::format::references::ReferenceBuilder;
use crate::format::tests::example::{entry, hole};

#[test]
fn a_sound_backup_made_by_hand_is_restored() {
    run(async {
        let hostile = Hostile::new().await;
        let chunk = hostile.data(b"some content").await;
        let hash = hostile.repository.keys().content_hash(b"content\0\0\0");
        let content = inline(hash, vec![Extent { chunk: Some(chunk), offset: 5, length: 7 }, hole(3)]);
        let id = hostile.commit_entries(&[folder(b"a"), file(b"a/b", &content), link(b"c", b"a/b")]).await;
        hostile.repository.restore(id).to_directory(hostile.target()).service("uploads").await.unwrap();
        assert_eq!(fs::read(hostile.target().join("c")).unwrap(), b"content\0\0\0");
    });
}

#[test]
fn names_do_not_lead_out_of_the_target() {
    run(async {
        let long = [b'x'; 5000];
        let names: &[&[u8]] = &[
            b"..",
            b"../elsewhere/kept",
            b"/etc/new",
            b"a/../../new",
            b"a/..",
            b".",
            b"a//b",
            b"a/",
            b"/",
            b"nul\0byte",
            &long,
        ];
        for name in names {
            for kind in [EntryKind::File, EntryKind::Directory, EntryKind::Fifo] {
                let hostile = Hostile::new().await;
                let id = hostile.commit_entries(&[entry(name, kind)]).await;
                let said = hostile.expect_found(id).await;
                let shown = crate::engine::printable_path(&name[..name.len().min(200)]);
                assert!(said.contains(&shown), "{shown:?} is not named: {said}");
            }
        }
    });
}

#[test]
fn links_do_not_lead_out_of_the_target() {
    run(async {
        for to in [&b"../elsewhere"[..], b"/", b"../../../../../../../tmp", b"."] {
            // A link, then something below it, sorted as a tree wants it.
            let hostile = Hostile::new().await;
            let id = hostile
                .commit_entries(&[link(b"link", to), empty_file(b"link/kept"), empty_file(b"link/new")])
                .await;
            let said = hostile.expect_refused(id).await;
            assert!(said.contains("link/kept"), "{said}");
        }
        // What is in the target already leads out of it.
        let hostile = Hostile::new().await;
        fs::create_dir(hostile.target()).unwrap();
        symlink("../elsewhere", hostile.target().join("d")).unwrap();
        fs::create_dir(hostile.target().join("uploads")).unwrap();
        symlink("../../elsewhere", hostile.target().join("uploads/d")).unwrap();
        let id = hostile.commit_entries(&[folder(b"d"), empty_file(b"d/kept")]).await;
        hostile.restore(id).await.unwrap();
        assert!(hostile.target().join("d").symlink_metadata().unwrap().is_dir());
    });
}

#[test]
fn trees_that_are_none_are_refused() {
    run(async {
        let cases: &[(&str, &[Entry<'_>])] = &[
            ("f/x", &[empty_file(b"f"), empty_file(b"f/x")]),
            ("d/x", &[empty_file(b"d/x")]),
            ("", &[folder(b"a"), folder(b"a")]),
            ("", &[folder(b"b"), empty_file(b"a")]),
            ("l", &[link(b"l", b"")]),
            ("l", &[link(b"l", b"a\0b")]),
        ];
        for (name, entries) in cases {
            let hostile = Hostile::new().await;
            let id = hostile.commit_entries(entries).await;
            let said = hostile.expect_refused(id).await;
            assert!(said.contains(name), "{said}");
        }
        for root in [empty_file(b""), link(b"", b"elsewhere"), empty_file(b"a")] {
            let hostile = Hostile::new().await;
            let leaf = hostile.leaf(&[root]).await;
            let id = hostile.commit_tree(leaf, (1, 0)).await;
            hostile.expect_refused(id).await;
        }
    });
}

#[test]
fn names_of_services_and_artifacts_do_not_lead_out_of_the_target() {
    run(async {
        for name in ["..", "../elsewhere", "/etc", "a/b", "", ".", "new\nline"] {
            let hostile = Hostile::new().await;
            let root = hostile.leaf(&[folder(b""), empty_file(b"kept")]).await;
            let mut references = ReferenceBuilder::default();
            let totals = (2, 0);
            let tree = ArtifactRecord::tree("tree", Layout::Opaque, totals, root, &mut references).unwrap();
            let plain = manifest(name, vec![tree], &mut references).encode().unwrap();
            let id = hostile.commit_plain(plain).await;
            let said = hostile.expect_found(id).await;
            assert!(said.contains(&format!("{name:?}")[..]), "{name:?} is not named: {said}");
        }
        for name in ["..", "../elsewhere/kept", "/etc/new", "a//b", "", "a/./b"] {
            let hostile = Hostile::new().await;
            let mut references = ReferenceBuilder::default();
            let stream = ArtifactRecord::stream(name, Layout::Opaque, None, &mut references).unwrap();
            let id = hostile.commit(vec![stream], &mut references).await;
            let said = hostile.expect_found(id).await;
            assert!(said.contains(&format!("{name:?}")[..]), "{name:?} is not named: {said}");
        }
    });
}
