//! The identifiers that keys and content are named by.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::{Error, Random, RandomExt, Result};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $size:literal, $what:literal) => {
        $(#[$doc])*
        ///
        /// Shown and parsed as lower-case hexadecimal digits; ordered bytewise. With serde it is a byte string, or
        /// the digits in a human-readable format.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $size]);

        impl $name {
            /// Its size in bytes.
            pub const SIZE: usize = $size;

            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl From<[u8; $size]> for $name {
            fn from(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                digits(text).map(Self).ok_or_else(|| {
                    Error::invalid(format!(
                        concat!("{:?} is not ", $what, ": give {} lower-case hexadecimal digits"),
                        text,
                        2 * $size
                    ))
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    serializer.serialize_bytes(&self.0)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let bytes = if deserializer.is_human_readable() {
                    deserializer.deserialize_str(IdVisitor($what))
                } else {
                    deserializer.deserialize_bytes(IdVisitor($what))
                };
                bytes.map(Self)
            }
        }
    };
}

id!(
    /// The id of a repository: random, made once, bound into everything that is sealed in it.
    RepositoryId, 16, "a repository id"
);
id!(
    /// The author of stored objects: the key slot whose holder wrote them.
    AuthorId, 16, "an author id"
);
id!(
    /// The id of a chunk: a keyed hash of its kind and its plaintext, so equal content has equal ids within one
    /// repository, and ids of different repositories have nothing in common.
    ChunkId, 32, "a chunk id"
);
id!(
    /// The keyed hash of the whole content of a file or a stream.
    ContentHash, 32, "a content hash"
);

impl RepositoryId {
    /// Makes a new id.
    ///
    /// # Errors
    /// [`ErrorKind::Random`](crate::ErrorKind::Random) if the source fails.
    pub fn generate(random: &dyn Random) -> Result<Self> {
        random.array().map(Self)
    }
}

/// What a chunk holds. The number is part of the chunk's id and of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ChunkKind {
    /// Content of the environment.
    Data = 1,
    /// Records about the content: trees and content maps.
    Meta = 2,
}

impl ChunkKind {
    /// Its number in the format.
    pub const fn number(self) -> u8 {
        match self {
            Self::Data => 1,
            Self::Meta => 2,
        }
    }

    /// The kind with this number.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) for a number that this version does not know.
    pub fn from_number(number: u8) -> Result<Self> {
        match number {
            1 => Ok(Self::Data),
            2 => Ok(Self::Meta),
            _ => Err(Error::unsupported(format!(
                "chunk kind {number} is not known to this version; use a newer one"
            ))),
        }
    }
}

fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}

struct IdVisitor<const N: usize>(&'static str);

impl<const N: usize> Visitor<'_> for IdVisitor<N> {
    type Value = [u8; N];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({N} bytes)", self.0)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Self::Value, E> {
        digits(text).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> std::result::Result<Self::Value, E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}
