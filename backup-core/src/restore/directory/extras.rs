//! What a target has and the backup does not.

use super::lineage::{is_above, join, split};

/// Compares the names in the folders of a target with the entries of a tree, both in canonical order.
#[derive(Debug, Default)]
pub(super) struct Extras {
    at: Vec<u8>,
    folders: Vec<Folder>,
}

#[derive(Debug)]
struct Folder {
    length: usize,
    names: std::iter::Peekable<std::vec::IntoIter<Box<[u8]>>>,
}

impl Extras {
    /// Takes the sorted names that a folder of the target has; the entries below it come next.
    pub(super) fn enter(&mut self, path: &[u8], names: Vec<Box<[u8]>>) {
        self.at.clear();
        self.at.extend_from_slice(path);
        self.folders.push(Folder { length: path.len(), names: names.into_iter().peekable() });
    }

    /// The paths that the target has and that come before the next entry of the backup, which is not among them.
    pub(super) fn before(&mut self, path: &[u8]) -> Vec<Vec<u8>> {
        let mut extra = Vec::new();
        let common = self.at.iter().zip(path).take_while(|(a, b)| a == b).count();
        while let Some(folder) = self.folders.pop_if(|folder| !is_above(folder.length, common, path)) {
            self.leave(folder, &mut extra);
        }
        let (above, name) = split(path);
        if let Some(folder) = self.folders.last_mut()
            && folder.length == above.len()
        {
            while let Some(found) = folder.names.next_if(|found| **found < *name) {
                extra.push(join(above, &found));
            }
            folder.names.next_if(|found| **found == *name);
        }
        extra
    }

    /// The paths left when the backup has no more entries.
    pub(super) fn rest(&mut self) -> Vec<Vec<u8>> {
        let mut extra = Vec::new();
        while let Some(folder) = self.folders.pop() {
            self.leave(folder, &mut extra);
        }
        extra
    }

    fn leave(&self, folder: Folder, extra: &mut Vec<Vec<u8>>) {
        let path = &self.at[..folder.length];
        extra.extend(folder.names.map(|name| join(path, &name)));
    }
}
