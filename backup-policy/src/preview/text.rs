use std::fmt;

use super::Preview;
use crate::decision::format_time;

/// What would be lost, in one line.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loses_nothing() {
            return write!(f, "loses nothing, keeps {}", Backups(self.still_kept.len()));
        }
        let mut parts = Vec::new();
        if !self.lost.is_empty() {
            let before = self.lost.len() + self.still_kept.len();
            parts.push(format!("{} of {}, {} bytes", self.lost.len(), Backups(before), self.bytes_lost));
        }
        for (ids, which) in [(&self.verified_lost, "verified"), (&self.finals_lost, "final")] {
            if !ids.is_empty() {
                parts.push(format!("{} of them {which}", ids.len()));
            }
        }
        for (location, ids) in &self.replicas_lost {
            parts.push(format!("{} copies in {location:?}", ids.len()));
        }
        if let Some(log) = &self.log_lost {
            parts.push(format!("the log from {} to {}", format_time(log.from), format_time(log.until)));
        }
        write!(f, "loses {}", parts.join(", "))?;
        match (self.oldest_before, self.oldest_after) {
            (Some(_), None) => f.write_str("; none is left")?,
            (Some(before), Some(after)) if after > before => {
                write!(
                    f,
                    "; the oldest is then of {} instead of {}",
                    format_time(after),
                    format_time(before)
                )?;
            }
            _ => {}
        }
        match self.held.len() {
            0 => Ok(()),
            held => write!(f, "; held, and lost with the hold: {}", Backups(held)),
        }
    }
}

/// `1 backup`, `2 backups`.
struct Backups(usize);

impl fmt::Display for Backups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} backup{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}
