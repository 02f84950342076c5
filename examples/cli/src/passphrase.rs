//! Where the passphrase comes from: a file, a command, the environment, a person.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use backup_core::{Error, ErrorKind as Kind, Passphrase};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::plain_path;
use crate::terminal;

/// A longer one is a mistake: somebody named a disk image.
const LONGEST: usize = 64 * 1024;

const THREE_WAYS: &str = "give it with --passphrase-file, --passphrase-command or BACKUP_PASSPHRASE";

/// Where to take it from.
#[derive(Debug)]
pub(crate) struct Source {
    file: Option<PathBuf>,
    command: Option<OsString>,
}

/// What it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Opening: what is typed wrong is noticed.
    Open,
    /// Creating: what is typed wrong would lock the person out, so it is typed twice.
    Create,
}

impl Source {
    /// What the flags name. Flags before and after the command are parsed apart, so that only here both can be seen.
    pub(crate) fn named(file: Option<PathBuf>, command: Option<OsString>) -> Result<Self, Failure> {
        if file.is_some() && command.is_some() {
            return Err(Failure::usage(
                "--passphrase-file and --passphrase-command exclude each other",
                "give one of them",
            ));
        }
        Ok(Self { file, command })
    }

    /// The passphrase from the first place that has one.
    pub(crate) async fn passphrase(
        &self,
        purpose: Purpose,
        interrupt: &Interrupt,
    ) -> Result<Passphrase, Failure> {
        let bytes = match (&self.file, &self.command) {
            (Some(file), _) => from_file(file, interrupt).await?,
            (None, Some(command)) => from_command(command, interrupt).await?,
            (None, None) => match std::env::var_os("BACKUP_PASSPHRASE") {
                Some(value) => Zeroizing::new(value.into_vec()),
                None => from_person(purpose, interrupt).await?,
            },
        };
        if bytes.is_empty() {
            return Err(Failure::usage("the passphrase is empty", "give one of at least one character"));
        }
        Ok(into_passphrase(bytes))
    }
}

fn into_passphrase(mut bytes: Zeroizing<Vec<u8>>) -> Passphrase {
    Passphrase::from(std::mem::take(&mut *bytes))
}

/// The file may be a pipe (`<(pass show backup)`) that waits for somebody.
async fn from_file(path: &Path, interrupt: &Interrupt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let owned = path.to_owned();
    let bytes = read(move || read_bounded(File::open(owned)?), interrupt).await?;
    let what = || format!("cannot read the passphrase file {}", plain_path(path));
    within_bounds(bytes.map_err(|error| Failure::unreadable(what(), error))?, &plain_path(path))
}

async fn from_command(command: &OsStr, interrupt: &Interrupt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let failure = |error| Failure::io("cannot run the command of --passphrase-command", error);
    let child =
        Command::new("/bin/sh").arg("-c").arg(command).stdout(Stdio::piped()).spawn().map_err(failure)?;
    let mut running = Running(child);
    let stdout = running.0.stdout.take().ok_or_else(|| failure(io::Error::other("it has no stdout")))?;
    let bytes = read(move || read_bounded(stdout), interrupt).await?.map_err(failure)?;
    let bytes = within_bounds(bytes, "the output of the command of --passphrase-command")?;
    let status = running.0.wait().map_err(failure)?;
    if status.success() {
        return Ok(bytes);
    }
    let message = format!("the command of --passphrase-command failed with {status}");
    Err(Error::new(Kind::Unavailable, message)
        .with_remedy("run the command by itself and see what it says")
        .into())
}

/// A command that ends when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads on a thread of its own, so that an interrupt need not wait for it.
async fn read(
    work: impl FnOnce() -> io::Result<Zeroizing<Vec<u8>>> + Send + 'static,
    interrupt: &Interrupt,
) -> Result<io::Result<Zeroizing<Vec<u8>>>, Failure> {
    Ok(interrupt
        .ends(tokio::task::spawn_blocking(work))
        .await?
        .unwrap_or_else(|error| Err(io::Error::other(error))))
}

/// Reads what may be a passphrase and its newline, and at most one byte more, without leaving copies in memory.
fn read_bounded(mut source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; LONGEST + 1]);
    let mut length = 0;
    while length < bytes.len() {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn within_bounds(mut bytes: Zeroizing<Vec<u8>>, what: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if bytes.len() > LONGEST {
        return Err(Failure::usage(
            format!("{what} is longer than {LONGEST} bytes and cannot be a passphrase"),
            "name the file or command that holds the passphrase and nothing else",
        ));
    }
    drop_newline(&mut bytes);
    Ok(bytes)
}

/// Editors and `echo` end a file with a newline that nobody means: exactly one is dropped.
fn drop_newline(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

async fn from_person(purpose: Purpose, interrupt: &Interrupt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !terminal::is_attended() {
        return Err(Failure::usage("there is no passphrase, and stdin is no terminal to ask at", THREE_WAYS));
    }
    let passphrase = terminal::ask_hidden("Passphrase: ", interrupt).await?;
    if purpose == Purpose::Create && !passphrase.is_empty() {
        let again = terminal::ask_hidden("The same passphrase again: ", interrupt).await?;
        if *again != *passphrase {
            return Err(Failure::usage(
                "the two passphrases differ",
                "run it again and type the same one twice",
            ));
        }
    }
    Ok(passphrase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_newline_is_dropped() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"secret", b"secret"),
            (b"secret\n", b"secret"),
            (b"secret\r\n", b"secret"),
            (b"secret\n\n", b"secret\n"),
            (b"secret\r", b"secret\r"),
            (b" secret ", b" secret "),
            (b"\n", b""),
        ];
        for (stored, meant) in cases {
            let mut bytes = stored.to_vec();
            drop_newline(&mut bytes);
            assert_eq!(bytes, meant, "{stored:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let read = |length| within_bounds(read_bounded(&*vec![b'x'; length]).expect("memory"), "it");
        assert_eq!(read(LONGEST).expect("the longest").len(), LONGEST);
        assert!(read(LONGEST + 1).is_err());
    }
}
