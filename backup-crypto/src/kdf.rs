//! From a passphrase to keys, slowly.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;

use crate::{Error, Passphrase, Result, Secret};

/// How much work Argon2id does to derive keys from a passphrase: a guess costs an attacker as much.
///
/// The default is 64 MiB, 3 passes, 1 lane: about a tenth of a second on a server. Values outside of 1 MiB to 1 GiB,
/// 1 to 16 passes and 1 to 16 lanes are refused, also when they come from storage, before anything is allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KdfParameters {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl KdfParameters {
    /// Chooses the memory in KiB, the number of passes over it, and the number of lanes.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a value out of its range.
    pub fn new(memory_kib: u32, passes: u32, lanes: u32) -> Result<Self> {
        let checks =
            [("memory in KiB", memory_kib, MEMORY_KIB), ("passes", passes, PASSES), ("lanes", lanes, LANES)];
        for (name, value, (least, most)) in checks {
            if !(least..=most).contains(&value) {
                return Err(Error::invalid(format!(
                    "Argon2id parameter {name} is {value}; it must be {least} to {most}"
                )));
            }
        }
        Ok(Self { memory_kib, passes, lanes })
    }

    /// The cheapest accepted parameters (1 MiB, 1 pass). A passphrase behind them is quickly guessed: for tests
    /// only.
    pub const fn insecure_for_tests() -> Self {
        Self { memory_kib: MEMORY_KIB.0, passes: PASSES.0, lanes: LANES.0 }
    }

    /// Memory in KiB.
    pub const fn memory_kib(self) -> u32 {
        self.memory_kib
    }

    /// Passes over the memory.
    pub const fn passes(self) -> u32 {
        self.passes
    }

    /// Lanes; they are computed one after another.
    pub const fn lanes(self) -> u32 {
        self.lanes
    }
}

impl Default for KdfParameters {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// What a passphrase turns into, for one slot.
pub(crate) struct SlotKeys {
    /// Seals the content of the slot.
    pub(crate) wrap: Secret<32>,
    /// Stored in the open: tells whether the passphrase is the right one, and rules out that one sealed content
    /// opens under two keys.
    pub(crate) commitment: Secret<32>,
}

impl SlotKeys {
    pub(crate) fn derive(
        passphrase: &Passphrase,
        salt: &[u8; 32],
        parameters: KdfParameters,
    ) -> Result<Self> {
        let stretched = stretch(passphrase, salt, parameters)?;
        let expand = Hkdf::<Sha256>::new(None, stretched.expose());
        let key = |info: &[u8]| {
            let mut key = Secret::zeroed();
            expand.expand(info, key.expose_mut()).expect("HKDF-SHA256 gives up to 8160 bytes");
            key
        };
        Ok(Self { wrap: key(b"backup slot v1 wrap"), commitment: key(b"backup slot v1 commitment") })
    }
}

fn stretch(passphrase: &Passphrase, salt: &[u8; 32], parameters: KdfParameters) -> Result<Secret<32>> {
    let failed = |error: argon2::Error| Error::invalid("Argon2id refuses its input").with_source(error);
    let KdfParameters { memory_kib, passes, lanes } = parameters;
    let params = Params::new(memory_kib, passes, lanes, Some(32)).map_err(failed)?;
    let mut memory = Memory::new(params.block_count(), parameters)?;
    let mut key = Secret::zeroed();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase.expose()?, salt, key.expose_mut(), &mut memory.0)
        .map_err(failed)?;
    Ok(key)
}

/// The working memory, wiped on drop: its last blocks give the key away.
struct Memory(Vec<Block>);

impl Memory {
    fn new(blocks: usize, parameters: KdfParameters) -> Result<Self> {
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).map_err(|error| {
            Error::unsupported(format!(
                "not enough memory to derive a key from the passphrase: {} KiB are needed",
                parameters.memory_kib
            ))
            .with_source(error)
        })?;
        memory.resize(blocks, Block::new());
        Ok(Self(memory))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

const MEMORY_KIB: (u32, u32) = (1024, 1024 * 1024);
const PASSES: (u32, u32) = (1, 16);
const LANES: (u32, u32) = (1, 16);
