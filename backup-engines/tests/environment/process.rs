//! The application as a process of its own, and the gate through which its host holds it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use backup_core::engine::Quiesce;
use backup_core::{Error, ErrorKind, Result};

use crate::bank::{Bank, Habit};

/// The word after which this program is the application.
pub(crate) const APPLICATION: &str = "application";

/// A running application.
#[derive(Debug)]
pub(crate) struct Process(Child);

/// Holds a running application between two of its steps.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Mutex<Pipes>>);

#[derive(Debug)]
struct Pipes {
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    held: bool,
}

impl Process {
    pub(crate) fn start(bank: &Bank) -> (Self, Gate) {
        let Bank { home, habit, ballast, documents, rest } = bank;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg(APPLICATION)
            .arg(home)
            .args([ballast.to_string(), documents.to_string(), rest.as_micros().to_string()])
            .arg(if *habit == Habit::Careless { "careless" } else { "orderly" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = child.stdin.take().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        (Self(child), Gate(Arc::new(Mutex::new(Pipes { orders, answers, held: false }))))
    }

    /// Becomes the application if the arguments say so.
    pub(crate) fn become_application(arguments: &[String]) -> bool {
        let [word, home, ballast, documents, rest, habit] = arguments else { return false };
        if word != APPLICATION {
            return false;
        }
        let habit = if habit == "careless" { Habit::Careless } else { Habit::Orderly };
        let (ballast, documents) = (ballast.parse().unwrap(), documents.parse().unwrap());
        let rest = Duration::from_micros(rest.parse().unwrap());
        Bank { home: home.into(), habit, ballast, documents, rest }.run();
        true
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Pipes {
    fn order(&mut self, order: &str) -> std::io::Result<()> {
        writeln!(self.orders, "{order}")?;
        self.orders.flush()
    }
}

#[async_trait]
impl Quiesce for Gate {
    async fn hold(&self, _: Duration) -> Result<()> {
        let pipes = self.0.clone();
        let held = tokio::task::spawn_blocking(move || {
            let mut pipes = pipes.lock().unwrap();
            pipes.order("hold")?;
            let mut answer = String::new();
            pipes.answers.read_line(&mut answer)?;
            pipes.held = answer == "held\n";
            Ok::<_, std::io::Error>(pipes.held)
        });
        match held.await.unwrap() {
            Ok(true) => Ok(()),
            _ => Err(Error::new(ErrorKind::Unavailable, "the application has ended")),
        }
    }

    async fn release(&self) -> Result<()> {
        let mut pipes = self.0.lock().unwrap();
        if std::mem::take(&mut pipes.held) {
            pipes.order("release").map_err(|error| Error::io("release the application", error))?;
        }
        Ok(())
    }
}
