//! The names in one folder, sorted, in one buffer.

/// Names in bytewise order.
#[derive(Debug, Default)]
pub(super) struct Listing {
    bytes: Vec<u8>,
    names: Vec<Name>,
}

#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    length: usize,
    maybe_file: bool,
}

impl Listing {
    /// Adds a name; `maybe_file` if it is a regular file as far as the listing tells.
    pub(super) fn push(&mut self, name: &[u8], maybe_file: bool) {
        self.names.push(Name { start: self.bytes.len(), length: name.len(), maybe_file });
        self.bytes.extend_from_slice(name);
    }

    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.names.sort_unstable_by(|left, right| slice(bytes, *left).cmp(slice(bytes, *right)));
        // Some file systems give a name twice when the folder changes meanwhile.
        self.names.dedup_by(|left, right| slice(bytes, *left) == slice(bytes, *right));
    }

    pub(super) fn get(&self, position: usize) -> Option<&[u8]> {
        self.names.get(position).map(|name| slice(&self.bytes, *name))
    }

    /// The positions and names of what may be regular files.
    pub(super) fn files(&self) -> impl Iterator<Item = (usize, &[u8])> {
        let names = self.names.iter().enumerate();
        names.filter(|(_, name)| name.maybe_file).map(|(at, name)| (at, slice(&self.bytes, *name)))
    }

    /// The position of a name that may be a regular file.
    pub(super) fn find_file(&self, wanted: &[u8]) -> Option<usize> {
        let position = self.find(wanted)?;
        self.names[position].maybe_file.then_some(position)
    }

    /// The position of a name.
    pub(super) fn find(&self, wanted: &[u8]) -> Option<usize> {
        self.names.binary_search_by(|name| slice(&self.bytes, *name).cmp(wanted)).ok()
    }

    /// Forgets all names but one.
    pub(super) fn keep_only(&mut self, position: usize) {
        self.names = self.names.get(position).copied().into_iter().collect();
    }

    /// Forgets the names at these positions, which are sorted.
    pub(super) fn remove(&mut self, positions: &[usize]) {
        let mut position = 0;
        self.names.retain(|_| {
            position += 1;
            positions.binary_search(&(position - 1)).is_err()
        });
    }
}

fn slice(bytes: &[u8], name: Name) -> &[u8] {
    &bytes[name.start..name.start + name.length]
}
