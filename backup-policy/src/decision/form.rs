//! The JSON form of decisions, for hosts that show them.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{Decision, Decisions, Expiry, Reason, Verdict};

/// A list of decisions, oldest backup first.
impl Serialize for Decisions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// `id`, `time`, `kept`, `reasons`, for kept backups `expiry`, and `text`, the explanation in one line.
impl Serialize for Decision<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_map(None)?;
        form.serialize_entry("id", self.id())?;
        form.serialize_entry("time", &self.backup().time)?;
        form.serialize_entry("kept", &self.is_kept())?;
        match self.verdict() {
            Verdict::Kept { reasons, expiry } => {
                form.serialize_entry("reasons", &reasons)?;
                form.serialize_entry("expiry", &expiry)?;
            }
            Verdict::Removed { reasons } => {
                let names: Vec<&str> = reasons.iter().map(|reason| reason.as_str()).collect();
                form.serialize_entry("reasons", &names)?;
            }
        }
        form.serialize_entry("text", &self.to_string())?;
        form.end()
    }
}

/// `name`, `text`, `expiry`, and what applies of `rank`, `of` (-1 = all), `bucket`, `hold` and `child`.
impl Serialize for Reason<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut form = serializer.serialize_map(None)?;
        form.serialize_entry("name", &self.name())?;
        form.serialize_entry("text", &self.to_string())?;
        form.serialize_entry("expiry", &self.expiry())?;
        match self {
            Self::Last { rank, of, .. } => {
                form.serialize_entry("rank", rank)?;
                form.serialize_entry("of", of)?;
            }
            Self::Bucket { bucket, rank, label, .. } => {
                form.serialize_entry("rank", rank)?;
                form.serialize_entry("of", &bucket.n)?;
                form.serialize_entry("bucket", label)?;
            }
            Self::MinKeep { rank, of } | Self::MinKeepVerified { rank, of } => {
                form.serialize_entry("rank", rank)?;
                form.serialize_entry("of", of)?;
            }
            Self::Hold { hold } => form.serialize_entry("hold", &hold.id)?,
            Self::Dependency { child } => form.serialize_entry("child", child)?,
            _ => {}
        }
        form.end()
    }
}

/// As in `{"kind": "at", "at": "2026-03-03T03:18:00Z"}`; the other kinds are `conditional` and `never`.
impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, at) = match self {
            Self::Never => ("never", None),
            Self::Conditional => ("conditional", None),
            Self::At(at) => ("at", Some(at)),
        };
        let mut form = serializer.serialize_map(None)?;
        form.serialize_entry("kind", kind)?;
        if let Some(at) = at {
            form.serialize_entry("at", at)?;
        }
        form.end()
    }
}
