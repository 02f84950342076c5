//! Notes: one later statement about one backup.

use std::collections::BTreeSet;

use backup_policy::Kind;
use chrono::{TimeZone as _, Utc};
use serde::{Deserialize, Serialize};

use super::limit;
use super::manifest::Bytes32;
use super::record::TAG;
use crate::{Error, Result};

/// One statement, who made it and when. A MessagePack map with names; unknown fields are ignored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// The hash of the manifest that it is about.
    pub(crate) manifest: Bytes32,
    /// One more than the highest number of the notes about this backup that the writer saw; 1 for the first.
    pub(crate) number: u64,
    /// Milliseconds since 1970, by the writer's clock.
    pub(crate) at_ms: i64,
    /// Who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// Name and version of the writing program.
    pub(crate) program: String,
    #[serde(flatten)]
    pub(crate) statement: Statement,
}

/// What is said about a backup.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "statement", rename_all = "snake_case")]
pub(crate) enum Statement {
    /// It must not be removed, until somebody releases this hold or until a time.
    Hold {
        id: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until_ms: Option<i64>,
    },
    /// Ends holds of a name: those notes (by the hashes of their objects) that the writer saw, and no other.
    Release { id: String, ends: Vec<Bytes32> },
    /// Adds and removes tags.
    Tag { add: BTreeSet<String>, remove: BTreeSet<String> },
    /// Replaces the comment; the empty one removes it.
    Comment { text: String },
    /// Replaces the kinds.
    Kinds { kinds: BTreeSet<Kind> },
    /// All its data was read, and found sound or not.
    Verified { sound: bool },
    /// Somebody uses it until a time; a later one of the same name replaces it.
    Pinned { id: String, until_ms: i64 },
    /// It is to be removed.
    Deleted {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// A prune says so, about a manifest that nobody confirmed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unconfirmed: bool,
    },
    /// It is not to be removed after all.
    Undeleted,
    /// A statement of a later version, which means nothing to this one.
    #[serde(other)]
    Unknown,
}

impl Note {
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for what a note cannot hold.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        self.expect().map_err(Error::invalid)?;
        let out = rmp_serde::to_vec_named(self)
            .map_err(|error| Error::invalid("the note cannot be written").with_source(error))?;
        if out.len() as u64 + super::header::HEADER as u64 + TAG > limit::NOTE {
            return Err(Error::invalid(format!("the note would have {} bytes, too many", out.len()))
                .with_remedy("say less at once"));
        }
        Ok(out)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let mut rest = bytes;
        let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
        deserializer.set_max_depth(limit::DEPTH);
        let note = Self::deserialize(&mut deserializer)
            .map_err(|error| Error::damaged("the note cannot be read").with_source(error))?;
        if !rest.is_empty() {
            return Err(Error::damaged("there are bytes after the end of the note"));
        }
        note.expect().map_err(|reason| Error::damaged(format!("the note says what it cannot: {reason}")))?;
        Ok(note)
    }

    /// Fails with the reason why this cannot be a note.
    fn expect(&self) -> Result<(), String> {
        expect_time(self.at_ms)?;
        self.by.as_deref().map_or(Ok(()), |by| expect_word("who says it", by))?;
        match &self.statement {
            Statement::Hold { id, until_ms } => {
                expect_word("the name of the hold", id)?;
                until_ms.map_or(Ok(()), expect_time)
            }
            Statement::Release { id, .. } => expect_word("the name of the hold", id),
            Statement::Tag { add, remove } => {
                add.iter().chain(remove).try_for_each(|tag| expect_word("the tag", tag))
            }
            Statement::Comment { text } => expect_text("the comment", text),
            Statement::Kinds { kinds } if kinds.is_empty() => Err("there is no kind".into()),
            Statement::Kinds { kinds } => {
                kinds.iter().try_for_each(|kind| expect_word("the kind", kind.as_str()))
            }
            Statement::Pinned { id, until_ms } => {
                expect_word("the name of the pin", id)?;
                expect_time(*until_ms)
            }
            Statement::Deleted { reason, .. } => {
                reason.as_deref().map_or(Ok(()), |reason| expect_text("the reason", reason))
            }
            Statement::Verified { .. } | Statement::Undeleted | Statement::Unknown => Ok(()),
        }
    }
}

/// Names, tags and people: a few bytes of one line, since they are shown in lists and typed on command lines.
fn expect_word(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("{what} is empty"));
    }
    if text.len() > limit::NOTE_WORD {
        return Err(format!(
            "{what} has {} bytes, more than the {} that it may have",
            text.len(),
            limit::NOTE_WORD
        ));
    }
    match text.chars().any(char::is_control) {
        true => Err(format!("{what} {text:?} contains a control character")),
        false => Ok(()),
    }
}

fn expect_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > limit::COMMENT {
        return Err(format!(
            "{what} has {} bytes, more than the {} that it may have",
            text.len(),
            limit::COMMENT
        ));
    }
    match text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\t')) {
        true => Err(format!("{what} contains a control character that is neither a line break nor a tab")),
        false => Ok(()),
    }
}

fn expect_time(milliseconds: i64) -> Result<(), String> {
    match Utc.timestamp_millis_opt(milliseconds).single() {
        Some(_) => Ok(()),
        None => Err(format!("{milliseconds} milliseconds since 1970 is not a time")),
    }
}
