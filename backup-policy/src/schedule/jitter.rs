use serde::{Deserialize, Serialize};

use crate::civil::Civil;

/// Where in a [`Window`](crate::Window) a run begins. The place is computed, never drawn: asked again after a restart
/// or for a retry, it is the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "JitterForm", into = "JitterForm")]
#[non_exhaustive]
pub enum Jitter {
    /// At its start.
    #[default]
    None,
    /// Always at the same place, which depends on the seed: many environments with seeds of their own (such as their
    /// ids) share one window evenly.
    Stable {
        /// What tells this environment from others.
        seed: String,
    },
    /// At another place on each date.
    Daily {
        /// What tells this environment from others.
        seed: String,
    },
}

impl Jitter {
    /// Seconds after the start of a window of so many seconds; the date is that on which it opens.
    pub(super) fn offset(&self, date: i64, seconds: u32) -> u32 {
        let hash = match self {
            Self::None => return 0,
            Self::Stable { seed } => hash(seed),
            Self::Daily { seed } => {
                let Civil { year, month, day } = Civil::from_days(date);
                hash(&format!("{seed}|{year:04}-{month:02}-{day:02}"))
            }
        };
        u32::try_from(hash % u64::from(seconds.max(1))).unwrap_or(0)
    }
}

/// FNV-1a with 64 bits, then the finalizer of SplitMix64: FNV alone spreads short texts badly over the low bits.
fn hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

/// The same, but that unknown fields are refused for each variant; a seed that is not used is none.
#[derive(Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
enum JitterForm {
    None {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seed: Option<String>,
    },
    Stable {
        seed: String,
    },
    Daily {
        seed: String,
    },
}

impl From<JitterForm> for Jitter {
    fn from(form: JitterForm) -> Self {
        match form {
            JitterForm::None { .. } => Self::None,
            JitterForm::Stable { seed } => Self::Stable { seed },
            JitterForm::Daily { seed } => Self::Daily { seed },
        }
    }
}

impl From<Jitter> for JitterForm {
    fn from(jitter: Jitter) -> Self {
        match jitter {
            Jitter::None => Self::None { seed: None },
            Jitter::Stable { seed } => Self::Stable { seed },
            Jitter::Daily { seed } => Self::Daily { seed },
        }
    }
}
