use std::fmt;

/// Seconds as people say them: `6 h`, `1 h 30 min`, `45 s`.
pub(super) struct Words(pub(super) u64);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, seconds) = (self.0 / 60, self.0 % 60);
        let (mut hours, minutes) = (minutes / 60, minutes % 60);
        let mut days = 0;
        // A day and a half is 36 hours.
        if hours >= 48 {
            (days, hours) = (hours / 24, hours % 24);
        }
        let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s")];
        let mut parts = parts.iter().filter(|(number, _)| *number > 0).peekable();
        if parts.peek().is_none() {
            return f.write_str("0 s");
        }
        while let Some((number, unit)) = parts.next() {
            write!(f, "{number} {unit}{}", if parts.peek().is_some() { " " } else { "" })?;
        }
        Ok(())
    }
}

/// How often something happens: `four backups a day`.
pub(super) struct Often {
    pub(super) count: u64,
    pub(super) per: &'static str,
}

impl fmt::Display for Often {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [&str; 13] = [
            "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
            "twelve",
        ];
        let plural = if self.count == 1 { "" } else { "s" };
        match usize::try_from(self.count).ok().and_then(|count| NAMES.get(count)) {
            Some(name) => write!(f, "{name} backup{plural} a {}", self.per),
            None => write!(f, "{} backups a {}", self.count, self.per),
        }
    }
}
