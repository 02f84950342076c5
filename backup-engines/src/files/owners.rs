//! Names of users and groups, so that a restore elsewhere can tell whom files belonged to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use backup_core::engine::Facts;

/// Adds the names of the users and groups seen, as far as `/etc/passwd` and `/etc/group` know them.
pub(super) fn record(users: &BTreeSet<u32>, groups: &BTreeSet<u32>, facts: &mut Facts) {
    for (what, seen, file) in [("user", users, "/etc/passwd"), ("group", groups, "/etc/group")] {
        let names = names(&read(Path::new(file)));
        let known = seen.iter().filter_map(|number| Some((number, names.get(number)?)));
        for (number, name) in known.take(MAX_NAMES) {
            facts.insert(format!("files.{what}.{number}"), name.clone());
        }
    }
}

fn read(path: &Path) -> String {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut text));
    // The names are a help for people; without them the numbers still hold.
    read.map(|_| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default()
}

/// The first name of each number, from lines of `name:password:number:...`.
fn names(text: &str) -> BTreeMap<u32, String> {
    let mut names = BTreeMap::new();
    for line in text.lines() {
        let mut fields = line.split(':');
        let (Some(name), Some(number)) = (fields.next(), fields.nth(1)) else { continue };
        if let (Ok(number), false) = (number.parse(), name.is_empty() || name.starts_with('#')) {
            names.entry(number).or_insert_with(|| name.to_owned());
        }
    }
    names
}

const MAX_BYTES: u64 = 16 << 20;
const MAX_NAMES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_well_formed_lines_only() {
        let names = names(
            "root:x:0:0:root:/root:/bin/sh\ntoor:x:0:0\n#a:x:5\nbroken\n:x:7:\nweb:x:33:33\nbad:x:-1\n",
        );
        assert_eq!(names, BTreeMap::from([(0, "root".to_owned()), (33, "web".to_owned())]));
    }
}
