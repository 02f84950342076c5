//! All chunks that are stored, with what is known of each: 44 bytes for one.

use std::collections::{HashMap, HashSet};

use backup_crypto::ChunkId;

use super::owner::Owner;
use crate::format::names::PackName;
use crate::index::Index;
use crate::{Error, ErrorKind, Result};

/// The chunks that are stored, by number.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Sorted by key.
    accounts: Vec<Account>,
    /// Bytes of copies of chunks beyond the first, and of packs that no index segment names.
    pub(super) spare_bytes: u64,
}

/// What is known of one chunk.
#[derive(Debug)]
pub(super) struct Account {
    key: Key,
    /// Bytes of its plaintext.
    pub(super) plain: u32,
    /// Bytes that it takes in a pack; those of the smallest copy.
    pub(super) stored: u32,
    /// How many records of the backup being looked at refer to it.
    pub(super) uses: u32,
    /// The number of the backup since which some do.
    pub(super) since: u32,
    pub(super) owner: Owner,
    /// The last environment of which it was found to be part, counted from one.
    pub(super) environment: u32,
}

/// The first half of an id: ids are keyed hashes, so half of one is as good.
type Key = [u8; 16];

impl Ledger {
    pub(super) fn new(index: &Index, existing: &HashMap<PackName, u64>) -> Result<Self> {
        let packs = index.packs();
        let exists: Vec<bool> = packs.iter().map(|pack| existing.contains_key(&pack.name)).collect();
        let mut accounts = Vec::with_capacity(usize::try_from(index.chunk_count()).unwrap_or(0));
        for place in index.all_locations() {
            if exists.get(place.pack as usize) == Some(&true) {
                accounts.push(Account::new(&place.chunk.id, place.chunk.plain, place.chunk.stored));
            }
        }
        let all = sum(&accounts);
        accounts.sort_unstable_by_key(|account| (account.key, account.stored));
        accounts.dedup_by_key(|account| account.key);
        if u32::try_from(accounts.len()).is_err() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a repository of so many chunks cannot be counted",
            ));
        }
        let indexed: HashSet<PackName> = packs.iter().map(|pack| pack.name).collect();
        let orphans = existing.iter().filter(|(name, _)| !indexed.contains(name)).map(|(_, size)| size);
        let spare_bytes =
            orphans.fold(all.saturating_sub(sum(&accounts)), |sum, size| sum.saturating_add(*size));
        Ok(Self { accounts, spare_bytes })
    }

    /// The number of a chunk; `None` if it is not stored.
    pub(super) fn number(&self, id: &ChunkId) -> Option<u32> {
        let found = self.accounts.binary_search_by_key(&key(id), |account| account.key);
        found.ok().and_then(|number| u32::try_from(number).ok())
    }

    pub(super) fn get_mut(&mut self, number: u32) -> Option<&mut Account> {
        self.accounts.get_mut(number as usize)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        self.accounts.iter()
    }
}

impl Account {
    fn new(id: &ChunkId, plain: u32, stored: u32) -> Self {
        Self { key: key(id), plain, stored, uses: 0, since: 0, owner: Owner::Nobody, environment: 0 }
    }
}

fn key(id: &ChunkId) -> Key {
    std::array::from_fn(|byte| id.0[byte])
}

fn sum(accounts: &[Account]) -> u64 {
    accounts.iter().map(|account| u64::from(account.stored)).fold(0, u64::saturating_add)
}
