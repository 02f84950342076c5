//! What is backed up: three environments with a database and two folders each, whose contents come from one small stock, so
//! that backups share chunks in all ways.

use std::collections::BTreeMap;

use backup_core::engine::{EntryKind, Layout, ServiceReader};
use backup_core::{Environment, Error, ErrorKind, Result};

use crate::memory::{Memory, read_stream, read_tree};
use crate::tree::{Data, Tree, noise};

pub(super) const ENVIRONMENTS: [&str; 3] = ["shop", "blog", "shop/staging"];
pub(super) const SERVICES: [&str; 3] = ["database", "uploads", "media"];

/// What a service holds: bytes under names.
pub(super) type Content = BTreeMap<String, Vec<u8>>;

/// The services of one environment as they are now.
#[derive(Debug, Default)]
pub(super) struct Application {
    tables: BTreeMap<usize, u64>,
    uploads: Tree,
    media: Tree,
}

impl Application {
    /// Changes something in one of the services.
    pub(super) fn change(&mut self, place: usize, seed: u64) {
        let (path, data) = (format!("folder/{}", place % 4), Data::Noise(seed, length(seed)));
        match place / 4 {
            0 | 1 => drop(self.tables.insert(place % 4, seed)),
            2 => self.uploads.write(&path, data),
            _ => self.media.write(&path, data),
        }
    }

    /// The environment, in which one service may fail.
    pub(super) fn environment(&self, name: &str, fails: Option<&str>) -> Environment {
        let fail = || Err(Error::new(ErrorKind::Unavailable, "the disk does not answer"));
        let add = |environment: Environment, service: &str| match (service, fails == Some(service)) {
            ("database", false) => environment.service(service, self.database()),
            ("database", true) => environment.service(service, Tree::default().on_freeze(fail)),
            (_, false) => environment.service(service, self.tree(service)),
            (_, true) => environment.service(service, self.tree(service).on_freeze(fail)),
        };
        SERVICES.into_iter().fold(Environment::new(name), add)
    }

    /// What a backup of a service must hold now.
    pub(super) fn content(&self, service: &str) -> Content {
        match service {
            "database" => self.database().streams.into_iter().map(|(name, _, bytes)| (name, bytes)).collect(),
            _ => self.tree(service).files().into_iter().collect(),
        }
    }

    fn tree(&self, service: &str) -> Tree {
        if service == "uploads" { self.uploads.clone() } else { self.media.clone() }
    }

    fn database(&self) -> Memory {
        let table = |(number, seed): (&usize, &u64)| {
            let layout = if number % 2 == 0 { Layout::ContentDefined } else { Layout::Opaque };
            (format!("table-{number}"), layout, noise(*seed, 3000).to_vec())
        };
        Memory { items: Vec::new(), streams: self.tables.iter().map(table).collect() }
    }
}

/// Some files are empty, most are bundled, and one is large.
fn length(seed: u64) -> usize {
    [0, 100, 1000, 4000, 20_000, 300_000][usize::try_from(seed).unwrap() % 6]
}

/// What a stored service holds.
pub(super) async fn read(service: &str, reader: &dyn ServiceReader) -> Result<Content> {
    if service != "database" {
        let mut items = read_tree(reader).await?;
        items.retain(|item| item.metadata.kind == EntryKind::File);
        return Ok(items
            .iter()
            .map(|item| (String::from_utf8(item.path.clone()).unwrap(), item.bytes()))
            .collect());
    }
    let mut content = Content::new();
    for artifact in reader.artifacts() {
        content.insert(artifact.name.clone(), read_stream(reader, &artifact.name).await?);
    }
    Ok(content)
}
