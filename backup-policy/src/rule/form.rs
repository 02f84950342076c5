//! The JSON form of a rule: one flat object, told apart by `type`.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Anchor, Bucket, Count, Keep, Pick, Rule, Ttl, Unit};
use crate::{error::Error, kind::Kind, period::Period};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum RuleForm {
    Last {
        n: Count,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<BTreeSet<Kind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Bucket {
        unit: Unit,
        n: Count,
        #[serde(default = "one")]
        every: u32,
        #[serde(default)]
        pick: Pick,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        within: Option<Period>,
        #[serde(default)]
        anchor: Anchor,
        #[serde(default)]
        keep_oldest: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<BTreeSet<Kind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Within {
        period: Period,
        #[serde(default)]
        anchor: Anchor,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<BTreeSet<Kind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Ttl {
        period: Ttl,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<BTreeSet<Kind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    Tags {
        any_of: Vec<BTreeSet<String>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<BTreeSet<Kind>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
}

fn one() -> u32 {
    1
}

impl TryFrom<RuleForm> for Rule {
    type Error = Error;

    fn try_from(form: RuleForm) -> Result<Self, Error> {
        let rule = match form {
            RuleForm::Last { n, kinds, name } => Self { keep: Keep::Last(n), kinds, name },
            RuleForm::Bucket { unit, n, every, pick, within, anchor, keep_oldest, kinds, name } => {
                let bucket = Bucket { unit, every, n, pick, within, anchor, keep_oldest };
                Self { keep: Keep::Bucket(bucket), kinds, name }
            }
            RuleForm::Within { period, anchor, kinds, name } => {
                Self { keep: Keep::Within { period, anchor }, kinds, name }
            }
            RuleForm::Ttl { period, kinds, name } => Self { keep: Keep::Ttl(period), kinds, name },
            RuleForm::Tags { any_of, kinds, name } => Self { keep: Keep::Tags(any_of), kinds, name },
        };
        rule.validate()?;
        Ok(rule)
    }
}

impl From<Rule> for RuleForm {
    fn from(Rule { keep, kinds, name }: Rule) -> Self {
        match keep {
            Keep::Last(n) => Self::Last { n, kinds, name },
            Keep::Bucket(Bucket { unit, every, n, pick, within, anchor, keep_oldest }) => {
                Self::Bucket { unit, n, every, pick, within, anchor, keep_oldest, kinds, name }
            }
            Keep::Within { period, anchor } => Self::Within { period, anchor, kinds, name },
            Keep::Ttl(period) => Self::Ttl { period, kinds, name },
            Keep::Tags(any_of) => Self::Tags { any_of, kinds, name },
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(match self {
            Self::AtMost(n) => i64::from(*n),
            Self::All => -1,
        })
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            -1 => Ok(Self::All),
            n => u32::try_from(n).map(Self::AtMost).map_err(|_| {
                de::Error::custom(format_args!("{n} is not a count: use 0 to {} or -1 for all", u32::MAX))
            }),
        }
    }
}

impl Serialize for Ttl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::For(period) => period.serialize(serializer),
            Self::Forever => serializer.serialize_str("forever"),
        }
    }
}

impl<'de> Deserialize<'de> for Ttl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "forever" => Ok(Self::Forever),
            period => period.parse().map(Self::For).map_err(de::Error::custom),
        }
    }
}
