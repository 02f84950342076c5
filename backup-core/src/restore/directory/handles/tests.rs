use std::os::unix::fs::symlink;

use super::*;

fn root(path: &std::path::Path) -> Arc<OwnedFd> {
    Arc::new(rustix::fs::open(path, FOLDER, Mode::empty()).unwrap())
}

#[test]
fn both_ways_to_open_a_folder_refuse_links() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("a/b")).unwrap();
    symlink("a", home.path().join("link")).unwrap();
    symlink("/", home.path().join("a/up")).unwrap();
    let root = root(home.path());
    for open in [open_folder, open_by_name] {
        assert!(open(&root, b"a/b", Mounts::Refuse).is_ok());
        for path in [&b"link"[..], b"link/b", b"a/up", b"a/up/etc"] {
            let errno = open(&root, path, Mounts::Enter).unwrap_err();
            assert!(matches!(errno, Errno::LOOP | Errno::NOTDIR), "{errno}");
        }
        assert_eq!(open(&root, b"a/none", Mounts::Enter).unwrap_err(), Errno::NOENT);
    }
    assert_eq!(open_folder(&root, b"../x", Mounts::Enter).unwrap_err(), Errno::XDEV);
}

#[test]
fn few_folders_stay_open_at_any_depth() {
    let home = tempfile::tempdir().unwrap();
    let path = vec!["d"; 200].join("/");
    std::fs::create_dir_all(home.path().join(&path)).unwrap();
    let mut handles = Handles::new(root(home.path()), Mounts::Enter);
    let inode = |handle: &OwnedFd| fstat(handle).unwrap().st_ino;
    let mut on_the_way_down = Vec::new();
    for end in (1..path.len() + 1).step_by(2) {
        on_the_way_down.push(inode(&handles.folder(&path.as_bytes()[..end]).unwrap()));
        assert!(handles.open.len() <= MAX_OPEN);
    }
    for (end, down) in (1..path.len() + 1).step_by(2).zip(&on_the_way_down).rev() {
        assert_eq!(inode(&handles.folder(&path.as_bytes()[..end]).unwrap()), *down);
    }
}

#[test]
fn the_common_folder_of_two_paths_ends_at_a_name() {
    for (left, right, common) in [
        ("", "", 0),
        ("a", "", 0),
        ("a", "a", 1),
        ("a", "ab", 0),
        ("a/b", "a", 1),
        ("a/b", "a/c", 1),
        ("a/bc", "a/bd", 1),
        ("a/b/c", "a/b", 3),
    ] {
        assert_eq!(common_folder(left.as_bytes(), right.as_bytes()), common, "{left} {right}");
        assert_eq!(common_folder(right.as_bytes(), left.as_bytes()), common, "{right} {left}");
    }
}

#[test]
fn long_paths_are_cut_between_names() {
    let path = ["x".repeat(100).as_str(); 60].join("/").into_bytes();
    let (mut start, mut pieces) = (0, 0);
    loop {
        let end = piece_end(&path, start);
        assert!(end - start <= MAX_PIECE && (end == path.len() || path[end] == b'/'));
        pieces += 1;
        if end == path.len() {
            break;
        }
        start = end + 1;
    }
    assert_eq!(pieces, 2);
}

#[test]
fn a_mount_is_told_by_the_device_of_the_folder_above() {
    let mut handles = Handles::new(root(std::path::Path::new("/")), Mounts::Enter);
    assert_eq!(handles.is_mount(b""), Ok(false));
    assert_eq!(handles.is_mount(b"proc"), Ok(true));
    assert_eq!(handles.is_mount(b"proc/self"), Ok(false));
    assert_eq!(handles.is_mount(b"none there"), Ok(false));
}
