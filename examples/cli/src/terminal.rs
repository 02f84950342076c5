//! Asking a person who sits at a terminal.

use std::io::{self, IsTerminal, Write as _};

use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::interrupt::Interrupt;

/// No answer is longer: terminals deliver lines of at most 4,096 bytes.
const LONGEST: usize = 4096;

/// Whether somebody can answer.
pub(crate) fn is_attended() -> bool {
    io::stdin().is_terminal()
}

/// Asks for a line and shows what is typed. The end of the input is an empty answer.
pub(crate) async fn ask(question: &str, interrupt: &Interrupt) -> Result<String, Failure> {
    let line = read(question, interrupt).await?;
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}

/// Asks for a line without showing what is typed.
pub(crate) async fn ask_hidden(question: &str, interrupt: &Interrupt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let hidden = Hidden::begin().map_err(|error| Failure::io("cannot hide what is typed", error.into()))?;
    let line = read(question, interrupt).await;
    drop(hidden);
    let _ = writeln!(io::stderr().lock());
    line
}

async fn read(question: &str, interrupt: &Interrupt) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
    let line = interrupt.ends(tokio::task::spawn_blocking(read_line)).await?;
    line.map_err(io::Error::other)
        .and_then(|line| line.map_err(io::Error::from))
        .map_err(|error| Failure::io("cannot read from the terminal", error))
}

/// Reads byte by byte past the buffer of `std`, which would keep a copy of a passphrase and never wipe it.
fn read_line() -> Result<Zeroizing<Vec<u8>>, Errno> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut byte = Zeroizing::new([0]);
    while line.len() < LONGEST {
        match rustix::io::read(io::stdin(), &mut *byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) => line.push(byte[0]),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(line)
}

/// A terminal that does not show what is typed, until this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self, Errno> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
