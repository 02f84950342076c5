//! A machine on which somebody uses `backup`: a folder to back up, a repository, an environment without surprises.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use backup_core::{KdfParameters, Passphrase, Repository};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

pub(crate) struct Host {
    folder: TempDir,
}

impl Host {
    /// A machine with something to back up, and no repository yet.
    pub(crate) fn new() -> Self {
        let host = Self { folder: TempDir::new().expect("a temporary folder") };
        host.write("uploads/notes.txt", b"remember the milk\n");
        host.write("uploads/photos/2026/1.jpg", &noise(1, 600_000));
        host.write("uploads/photos/2026/2.jpg", &noise(2, 5_000));
        host.write("uploads/empty", b"");
        std::os::unix::fs::symlink("notes.txt", host.path("uploads/link")).expect("a link");
        fs::write(host.path("uploads").join(OsStr::from_bytes(b"caf\xe9")), b"latin")
            .expect("a name in Latin 1");
        host
    }

    /// The same with a repository. Its passphrase costs little to try, as a thousand commands do; those of `init` cost what they should.
    pub(crate) fn with_repository() -> Self {
        let host = Self::new();
        let repository = Repository::builder(host.path("repository"))
            .keys(Passphrase::from(PASSPHRASE))
            .kdf(KdfParameters::insecure_for_tests());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(repository.create()).expect("a repository");
        host
    }

    /// The same with one backup of `shop`, whose service `uploads` is the folder.
    pub(crate) fn with_backup() -> Self {
        let host = Self::with_repository();
        host.create();
        host
    }

    pub(crate) fn root(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// `backup`, in the folder, with the repository and passphrase of this machine and nothing else from outside.
    pub(crate) fn backup<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Command {
        let mut command = Command::new(binary());
        self.prepare(&mut command).args(arguments);
        command
    }

    /// Sets up any command as [`backup`](Self::backup) is.
    pub(crate) fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.root())
            .env_remove("BACKUP_OUTPUT")
            .env("BACKUP_REPOSITORY", self.path("repository"))
            .env("BACKUP_PASSPHRASE", PASSPHRASE)
            .env("TZ", "UTC")
            .stdin(std::process::Stdio::null())
    }

    /// Runs a command, which must end with this code, and never in a panic.
    #[track_caller]
    pub(crate) fn exits<S: AsRef<OsStr>>(&self, code: i32, arguments: &[S]) -> Output {
        let output = self.backup(arguments).output().expect("the binary runs");
        assert_exit(&output, code);
        output
    }

    #[track_caller]
    pub(crate) fn succeeds<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        text(&self.exits(0, arguments).stdout)
    }

    /// Runs a command with `--json`, which must end with this code and print exactly one document.
    #[track_caller]
    pub(crate) fn json<S: AsRef<OsStr>>(&self, code: i32, arguments: &[S]) -> Value {
        let mut command = self.backup(arguments);
        let output = command.arg("--json").output().expect("the binary runs");
        assert_exit(&output, code);
        document(&output.stdout)
    }

    /// Runs a command that must fail, in both forms; returns the `error` of its document.
    #[track_caller]
    pub(crate) fn fails<S: AsRef<OsStr>>(&self, code: i32, kind: &str, arguments: &[S]) -> Value {
        let people = self.exits(code, arguments);
        assert!(people.stdout.is_empty(), "nothing goes to stdout: {}", text(&people.stdout));
        assert!(text(&people.stderr).starts_with("error: "), "{}", text(&people.stderr));
        let error = self.json(code, arguments)["error"].take();
        assert_eq!(error["kind"], kind, "{error}");
        for member in ["message", "remedy"] {
            assert!(!error[member].as_str().expect("text").is_empty(), "{error}");
        }
        error
    }

    /// Backs up the folder and returns the id.
    #[track_caller]
    pub(crate) fn create(&self) -> String {
        self.create_with(&[])
    }

    /// The same with further flags.
    #[track_caller]
    pub(crate) fn create_with(&self, flags: &[&str]) -> String {
        let report = self.json(0, &[&["create", "shop", "--files", "uploads=uploads"], flags].concat());
        report["id"].as_str().expect("an id").to_owned()
    }

    /// The only backup that a command prints.
    #[track_caller]
    pub(crate) fn backup_of<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Value {
        self.json(0, arguments)["backup"].take()
    }

    /// The backups that `list` lists with these flags.
    #[track_caller]
    pub(crate) fn listed(&self, flags: &[&str]) -> Vec<Value> {
        let mut document = self.json(0, &[&["list"], flags].concat());
        serde_json::from_value(document["backups"].take()).expect("a list")
    }

    /// A SQLite database in WAL mode with 1,000 in one account and nothing in the other.
    pub(crate) fn database(&self, path: &str) -> Connection {
        let database = Connection::open(self.path(path)).expect("a database");
        database.pragma_update(None, "journal_mode", "wal").expect("WAL mode");
        database
            .execute_batch("CREATE TABLE account (name TEXT PRIMARY KEY, amount INTEGER); INSERT INTO account VALUES ('a', 1000), ('b', 0);")
            .expect("accounts");
        database
    }

    /// An object of the repository by its name, or the last one below a folder of it.
    #[track_caller]
    pub(crate) fn object(&self, folder: &str) -> PathBuf {
        let path = self.path("repository").join(folder);
        if path.is_file() {
            return path;
        }
        let mut objects = Vec::new();
        collect(&path, &mut objects);
        objects.retain(|path| fs::metadata(path).is_ok_and(|object| object.len() > 0));
        objects.pop().unwrap_or_else(|| panic!("no object in {folder}"))
    }
}

pub(crate) fn binary() -> PathBuf {
    assert_cmd::cargo::cargo_bin!("backup").to_owned()
}

/// The message of an error.
#[track_caller]
pub(crate) fn message(error: &Value) -> &str {
    error["message"].as_str().expect("a message")
}

/// The remedy of an error.
#[track_caller]
pub(crate) fn remedy(error: &Value) -> &str {
    error["remedy"].as_str().expect("a remedy")
}

#[track_caller]
pub(crate) fn assert_exit(output: &Output, code: i32) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "stdout: {}\nstderr: {}",
        text(&output.stdout),
        text(&output.stderr)
    );
}

/// Exactly one JSON document.
#[track_caller]
pub(crate) fn document(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {}", text(bytes)))
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Bytes that do not compress and differ by seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Says what could not be tested on this machine, past the test runner, which keeps the output of tests that pass.
pub(crate) fn not_run(what: &str) {
    let _ = writeln!(std::io::stderr(), "NOT RUN: {what}");
}

fn collect(folder: &Path, objects: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { collect(&path, objects) } else { objects.push(path) }
    }
}
