//! Each kind of entry with all that is kept of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use backup_core::engine::{EntryKind, Timestamp};
use backup_core::{BUNDLE_LIMIT, NoticeLevel};
use proptest::prelude::*;
use rustix::fs::{
    CWD, FileType, Mode, Timespec, Timestamps, XattrFlags, lsetxattr, makedev, mknodat, setxattr,
};
use rustix::io::Errno;

use super::recording::{back_up, request};
use super::scratch::{Scratch, is_root, noise, not_run};

#[tokio::test]
async fn every_kind_comes_with_its_metadata() {
    let scratch = Scratch::with(&["file", "folder/", "link -> no/where"]);
    mknodat(CWD, scratch.path("pipe"), FileType::Fifo, Mode::from_raw_mode(0o640), 0).unwrap();
    fs::set_permissions(scratch.path("file"), fs::Permissions::from_mode(0o4751)).unwrap();
    let time = Timespec { tv_sec: -1, tv_nsec: 123_456_789 };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, scratch.path("file"), &times, rustix::fs::AtFlags::empty()).unwrap();

    let backup = back_up(&scratch.engine()).await;

    assert_eq!(backup.paths(), ["", "file", "folder", "link", "pipe"]);
    let file = backup.get("file");
    assert_eq!((file.metadata.kind, file.metadata.mode), (EntryKind::File, 0o4751));
    assert_eq!(file.metadata.mtime, Timestamp { seconds: -1, nanoseconds: 123_456_789 });
    assert_eq!(file.content, b"file");
    let seen = fs::metadata(scratch.path("file")).unwrap();
    let known = (file.metadata.uid, file.metadata.gid, file.metadata.inode, file.metadata.device);
    assert_eq!(known, (seen.uid(), seen.gid(), seen.ino(), seen.dev()));
    assert_eq!(file.metadata.ctime.seconds, seen.ctime());
    assert_eq!(backup.get("").metadata.kind, EntryKind::Directory);
    assert_eq!(backup.get("folder").metadata.kind, EntryKind::Directory);
    let link = backup.get("link");
    assert_eq!(
        (link.metadata.kind, link.metadata.size, &link.target[..]),
        (EntryKind::Symlink, 0, &b"no/where"[..])
    );
    let pipe = backup.get("pipe");
    assert_eq!((pipe.metadata.kind, pipe.metadata.mode & !0o022), (EntryKind::Fifo, 0o640 & !0o022));
    assert!(backup.notices.is_empty(), "{:?}", backup.notices);
}

#[tokio::test]
async fn facts_say_what_there_is_and_whose_it_is() {
    let scratch = Scratch::with(&["a/b", "a/c", "d -> a"]);
    let backup = back_up(&scratch.engine()).await;
    assert_eq!(backup.fact("files.root"), scratch.root().to_str().unwrap());
    assert_eq!((backup.fact("files.count"), backup.fact("files.bytes")), ("2", "6"));
    assert_eq!((backup.fact("files.folders"), backup.fact("files.others")), ("2", "1"));
    assert_eq!(backup.fact("files.unchanged"), "0");
    if is_root() {
        assert_eq!((backup.fact("files.user.0"), backup.fact("files.group.0")), ("root", "root"));
    } else {
        not_run("names of owners, which are known for root only");
    }
    assert!(chrono::DateTime::parse_from_rfc3339(&backup.point).is_ok(), "{}", backup.point);
}

#[tokio::test]
async fn devices_are_kept_as_numbers() {
    let scratch = Scratch::new();
    let mode = Mode::from_raw_mode(0o600);
    let made = mknodat(CWD, scratch.path("null"), FileType::CharacterDevice, mode, makedev(1, 3))
        .and_then(|()| mknodat(CWD, scratch.path("disk"), FileType::BlockDevice, mode, makedev(259, 70_000)));
    if made.is_err() {
        return not_run("device nodes: making them needs root");
    }
    let backup = back_up(&scratch.engine()).await;
    let (null, disk) = (backup.get("null").metadata, backup.get("disk").metadata);
    assert_eq!((null.kind, null.special), (EntryKind::CharacterDevice, 1 << 32 | 3));
    assert_eq!((disk.kind, disk.special), (EntryKind::BlockDevice, 259 << 32 | 70_000));
}

#[tokio::test]
async fn sockets_are_left_out_and_named() {
    let scratch = Scratch::with(&["a"]);
    let _listener = UnixListener::bind(scratch.path("socket")).unwrap();
    let backup = back_up(&scratch.engine()).await;
    assert_eq!(backup.paths(), ["", "a"]);
    assert_eq!(backup.told(NoticeLevel::Info, "socket").len(), 1);
    assert!(backup.warnings().is_empty());
}

#[tokio::test]
async fn names_are_bytes() {
    let scratch = Scratch::new();
    let names: [&[u8]; 4] = [b"\xff\xfe", b"caf\xe9", b"new\nline", b"\x01 \\"];
    for name in names {
        let folder = scratch.root().join(OsStr::from_bytes(name));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join(OsStr::from_bytes(name)), name).unwrap();
        symlink(OsStr::from_bytes(name), folder.join("link")).unwrap();
    }
    let backup = back_up(&scratch.engine()).await;
    assert_eq!(backup.tree.len(), 1 + 3 * names.len());
    for name in names {
        assert_eq!(backup.find([name, b"/", name].concat()).unwrap().content, name);
        assert_eq!(backup.find([name, b"/link"].concat()).unwrap().target, name);
    }
}

#[tokio::test]
async fn contents_of_every_size_arrive_whole() {
    let limit = usize::try_from(BUNDLE_LIMIT).unwrap();
    let mebibyte = 1 << 20;
    let sizes = [
        0,
        1,
        511,
        4096,
        65_537,
        limit - 1,
        limit,
        limit + 1,
        mebibyte - 1,
        mebibyte,
        mebibyte + 1,
        3 * mebibyte + 7,
    ];
    let scratch = Scratch::new();
    for size in sizes {
        scratch.write(&format!("{size}"), noise(size, size as u64));
    }
    let backup = back_up(&scratch.engine()).await;
    for size in sizes {
        assert!(backup.get(&format!("{size}")).content == noise(size, size as u64), "{size}");
    }
    assert!(backup.notices.is_empty(), "{:?}", backup.notices);
}

#[tokio::test]
async fn all_names_of_a_file_carry_its_number() {
    let scratch = Scratch::with(&["a/one", "b/two", "single"]);
    fs::hard_link(scratch.path("a/one"), scratch.path("b/one")).unwrap();
    fs::hard_link(scratch.path("a/one"), scratch.path("c")).unwrap();
    fs::hard_link(scratch.path("b/two"), scratch.path("a/two")).unwrap();
    let backup = back_up(&scratch.engine()).await;
    let link = |path| backup.get(path).metadata.link;
    assert_eq!((link("a/one"), link("a/one")), (link("b/one"), link("c")));
    assert_eq!(link("a/two"), link("b/two"));
    assert!(link("a/one") != link("a/two") && link("a/one") != 0 && link("a/two") != 0);
    assert_eq!((link("single"), link("a"), link("")), (0, 0, 0));
    assert!(["a/one", "b/one", "c"].iter().all(|path| backup.get(path).content == b"a/one"));

    // Adding another linked file in front changes no number.
    scratch.write("0", "new");
    fs::hard_link(scratch.path("0"), scratch.path("00")).unwrap();
    let next = request(&scratch.engine()).parent(&backup.clone().long_after_the_files()).run().await.unwrap();
    assert_eq!(next.get("b/one").metadata.link, link("a/one"));
    assert!(next.get("b/one").kept);
}

#[tokio::test]
async fn holes_are_told_apart_from_zeros() {
    const BLOCK: u64 = 1 << 20;
    let scratch = Scratch::new();
    let make = |name: &str, length: u64, data: &[u64]| {
        let file = File::create(scratch.path(name)).unwrap();
        file.set_len(length).unwrap();
        for offset in data {
            file.write_all_at(&noise(65_536, *offset), *offset).unwrap();
        }
    };
    make("both ends", 8 * BLOCK, &[0, 8 * BLOCK - 65_536]);
    make("middle", 8 * BLOCK + 5, &[3 * BLOCK]);
    make("empty", 5 * BLOCK, &[]);
    make("small", 131_072, &[65_536]);
    make("small and empty", 100, &[]);
    scratch.write("zeros", vec![0; 2 << 20]);
    let backup = back_up(&scratch.engine()).await;
    for (name, holes) in [
        ("both ends", 8 * BLOCK - 131_072),
        ("middle", 8 * BLOCK + 5 - 65_536),
        ("empty", 5 * BLOCK),
        ("small", 65_536),
        ("small and empty", 100),
        ("zeros", 0),
    ] {
        let stored = backup.get(name);
        assert_eq!(stored.holes, holes, "{name}");
        assert!(stored.content == fs::read(scratch.path(name)).unwrap(), "{name}");
    }
}

#[tokio::test]
async fn attributes_and_acls_are_kept() {
    let scratch = Scratch::with(&["file", "large", "folder/", "none", "link -> file"]);
    scratch.write("large", noise(600_000, 1));
    let set = |name: &str, attribute: &str, value: &[u8]| {
        setxattr(scratch.path(name), attribute, value, XattrFlags::empty())
    };
    match set("file", "user.z", b"last") {
        Err(Errno::NOTSUP) => return not_run("extended attributes: the file system has none"),
        result => result.unwrap(),
    }
    set("file", "user.a", &[0, 255, 10]).unwrap();
    set("file", "user.empty", b"").unwrap();
    set("large", "user.big", &noise(3000, 2)).unwrap();
    set("folder", "user.folder", b"yes").unwrap();
    set("", "user.root", b"root").unwrap();

    let backup = back_up(&scratch.engine()).await;

    let expected: &[(&str, &[u8])] = &[("user.a", &[0, 255, 10]), ("user.empty", b""), ("user.z", b"last")];
    assert_eq!(backup.get("file").xattrs, block(expected));
    assert_eq!(backup.get("large").xattrs, block(&[("user.big", &noise(3000, 2))]));
    assert_eq!(backup.get("folder").xattrs, block(&[("user.folder", b"yes")]));
    assert_eq!(backup.get("").xattrs, block(&[("user.root", b"root")]));
    assert!(backup.get("none").xattrs.is_empty() && backup.get("link").xattrs.is_empty());

    let acl = Command::new("setfacl").args(["-m", "u:12345:rw"]).arg(scratch.path("none")).status();
    if acl.is_ok_and(|status| status.success()) {
        let backup = back_up(&scratch.engine()).await;
        assert!(attributes(&backup.get("none").xattrs).contains_key("system.posix_acl_access"));
    } else {
        not_run("ACLs: setfacl is missing or the file system has none");
    }
    if lsetxattr(scratch.path("link"), "trusted.link", b"own", XattrFlags::empty()).is_ok() {
        let backup = back_up(&scratch.engine()).await;
        assert_eq!(backup.get("link").xattrs, block(&[("trusted.link", b"own")]));
        assert!(!attributes(&backup.get("file").xattrs).contains_key("trusted.link"));
    } else {
        not_run("attributes of symbolic links: setting them needs root");
    }
}

fn block(attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in attributes {
        block.extend_from_slice(&u16::try_from(name.len()).unwrap().to_le_bytes());
        block.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
        block.extend_from_slice(name.as_bytes());
        block.extend_from_slice(value);
    }
    block
}

fn attributes(mut block: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut attributes = BTreeMap::new();
    while let Some((name_length, rest)) = block.split_first_chunk::<2>() {
        let (value_length, rest) = rest.split_first_chunk::<4>().unwrap();
        let (name, rest) = rest.split_at(usize::from(u16::from_le_bytes(*name_length)));
        let (value, rest) = rest.split_at(usize::try_from(u32::from_le_bytes(*value_length)).unwrap());
        attributes.insert(String::from_utf8(name.to_vec()).unwrap(), value.to_vec());
        block = rest;
    }
    attributes
}

#[tokio::test]
async fn the_root_may_be_a_link_but_not_a_file() {
    let scratch = Scratch::with(&["real/a", "link -> real", "dangling -> nowhere"]);
    let through = backup_engines::Files::tree(scratch.path("link"));
    assert_eq!(back_up(&through).await.paths(), ["", "a"]);
    for (name, reason) in
        [("real/a", "is not a folder"), ("missing", "there is no folder"), ("dangling", "there is no folder")]
    {
        let engine = backup_engines::Files::tree(scratch.path(name));
        let error = request(&engine).run().await.err().unwrap();
        assert!(error.to_string().contains(reason) && error.to_string().contains(name), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The recording sink refuses entries that are out of order.
    #[test]
    fn any_tree_arrives_whole_and_in_order(names in prop::collection::vec("[a!~.\u{e9}]{1,3}(/[ab!.]{1,2}x){0,3}", 1..40)) {
        let scratch = Scratch::new();
        let mut expected = BTreeMap::new();
        for name in &names {
            let path = scratch.path(name);
            let usable = !name.split('/').any(|part| part == "." || part == "..");
            if usable && fs::create_dir_all(path.parent().unwrap()).is_ok() && fs::write(&path, name).is_ok() {
                expected.insert(name.clone(), name.clone().into_bytes());
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let backup = runtime.block_on(back_up(&scratch.engine()));
        let files = backup.tree.iter().filter(|stored| stored.metadata.kind == EntryKind::File);
        let stored = files.map(|stored| (String::from_utf8(stored.path.clone()).unwrap(), stored.content.clone()));
        prop_assert_eq!(stored.collect::<BTreeMap<_, _>>(), expected);
    }
}
