//! The course of a backup: connect, begin a read transaction, store the pages that it sees.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use backup_core::Result;
use backup_core::engine::{Artifact, Context, Facts, Layout, Prepared, Sink, Snapshot, StreamWriter};
use bytes::Bytes;
use rusqlite::Connection;
use tokio::join;

use super::check::{Checked, quick_check};
use super::copy::{Copy, Reader};
use super::database::Database;
use super::header::Header;
use super::properties::Properties;
use super::session::{Access, Session};
use super::{failure, pages};
use crate::blocking;

/// What is captured, and how.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) database: Database,
    pub(super) scratch_folder: Option<PathBuf>,
    pub(super) check: bool,
    /// Whether pages may be read from `sqlite_dbpage`, if SQLite has it.
    pub(super) dbpage: bool,
}

impl Source {
    pub(super) fn scratch_folder(&self) -> PathBuf {
        self.scratch_folder.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// Connects, and undoes first what a crash left behind.
pub(super) async fn prepare(
    source: Source,
    context: &Context,
    sink: Arc<dyn Sink>,
) -> Result<Box<dyn Prepared>> {
    let database = source.database.clone();
    let name = blocking::run(move || {
        database.look()?;
        database.name().map(str::to_owned)
    })
    .await?;
    let mut session = Session::open(&source.database, Access::Read, context).await?;
    let by_page = match session.patiently(context, learn_schema).await? {
        Err(error) if failure::needs_recovery(&error) => {
            session = Session::open(&source.database, Access::Recover, context).await?;
            session.run_patiently(context, learn_schema).await?
        }
        Err(error) => return Err(session.explain(error)),
        Ok(by_page) => by_page,
    };
    let by_page = by_page && source.dbpage;
    Ok(Box::new(Ready { source, name, session, by_page, sink }))
}

/// Reads the schema, so that the pause need not wait for it; whether pages are readable.
fn learn_schema(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM main.sqlite_schema", [], |_| Ok(()))?;
    pages::are_readable(connection)
}

/// Begins a read transaction, and reads: only then does it see one state of the database until it ends.
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<()> {
    if connection.is_autocommit() {
        connection.execute_batch("BEGIN")?;
    }
    connection.query_row("SELECT EXISTS (SELECT 1 FROM main.sqlite_schema)", [], |_| Ok(()))
}

struct Ready {
    source: Source,
    name: String,
    session: Session,
    by_page: bool,
    sink: Arc<dyn Sink>,
}

#[async_trait]
impl Prepared for Ready {
    async fn freeze(mut self: Box<Self>, context: &Context) -> Result<Box<dyn Snapshot>> {
        self.session.run_patiently(context, begin).await?;
        let point = context.clock().now().to_rfc3339().replace("+00:00", "Z");
        Ok(Box::new(Frozen { point, ready: *self }))
    }
}

struct Frozen {
    point: String,
    ready: Ready,
}

#[async_trait]
impl Snapshot for Frozen {
    fn point(&self) -> &str {
        &self.point
    }

    async fn stream(self: Box<Self>, context: &Context) -> Result<Facts> {
        let mut ready = self.ready;
        context.check()?;
        let properties = ready.session.run(Properties::read).await?;
        let artifact = Artifact::new(&ready.name).layout(Layout::Paged { page_size: properties.page_size });
        let copied = if ready.by_page { None } else { Some(ready.copy(&properties).await?) };
        let mut writer = ready.sink.stream(artifact).await?;
        let (header, checked) = match copied {
            None => ready.store_pages(&properties, &mut *writer).await?,
            Some((reader, checked)) => (store_copy(reader, &mut *writer).await?, checked),
        };
        // Whoever waits for the snapshot goes on now.
        ready.session.close().await?;
        context.check()?;
        writer.commit().await?;
        Ok(facts(properties, header, checked, ready.by_page, context))
    }
}

impl Ready {
    /// Stores the pages that the transaction sees, and checks them in the same transaction.
    async fn store_pages(
        &mut self,
        properties: &Properties,
        writer: &mut dyn StreamWriter,
    ) -> Result<(Option<Header>, Option<Checked>)> {
        let page_size = properties.page_size;
        let mut pieces = pages::pieces(properties.page_count, page_size);
        let mut header = None;
        let mut piece = Bytes::new();
        loop {
            let next = pieces.next();
            let read = async {
                match next {
                    None => Ok(Bytes::new()),
                    Some(range) => {
                        self.session.run(move |connection| pages::read(connection, range, page_size)).await
                    }
                }
            };
            let (written, read) = join!(write(writer, piece), read);
            written?;
            piece = read?;
            header = header.or_else(|| Header::parse(&piece));
            if piece.is_empty() {
                break;
            }
        }
        if !self.source.check {
            return Ok((header, None));
        }
        let label = self.source.database.label();
        let checked = self.session.lend(move |connection| quick_check(connection, &label)).await?;
        Ok((header, Some(checked)))
    }

    /// Copies what the transaction sees, and ends it.
    async fn copy(&mut self, properties: &Properties) -> Result<(Option<Reader>, Option<Checked>)> {
        if properties.page_count == 0 {
            // SQLite would give the copy a page.
            return Ok((None, self.source.check.then_some(Checked::Sound)));
        }
        let (folder, stop) = (self.source.scratch_folder(), self.session.stop());
        let copy = self.session.lend(move |connection| Copy::make(connection, &folder, &stop)).await?;
        self.session.run(|connection| connection.execute_batch("END")).await?;
        let (check, label, stop) = (self.source.check, self.source.database.label(), self.session.stop());
        let bytes = properties.bytes();
        blocking::run(move || {
            let checked = if check { Some(copy.check(&label, stop)?) } else { None };
            Ok((Some(copy.into_reader(bytes)?), checked))
        })
        .await
    }
}

/// Stores a copy.
async fn store_copy(reader: Option<Reader>, writer: &mut dyn StreamWriter) -> Result<Option<Header>> {
    let Some(mut reader) = reader else { return Ok(None) };
    let mut header = None;
    let mut piece = Bytes::new();
    loop {
        let read = blocking::run(move || {
            let piece = reader.next()?;
            Ok((reader, piece))
        });
        let (written, read) = join!(write(writer, piece), read);
        written?;
        (reader, piece) = read?;
        header = header.or_else(|| Header::parse(&piece));
        if piece.is_empty() {
            return Ok(header);
        }
    }
}

async fn write(writer: &mut dyn StreamWriter, piece: Bytes) -> Result<()> {
    if piece.is_empty() { Ok(()) } else { writer.write(piece).await }
}

fn facts(
    properties: Properties,
    header: Option<Header>,
    checked: Option<Checked>,
    by_page: bool,
    context: &Context,
) -> Facts {
    let mut facts = properties.facts;
    if let Some(header) = header {
        header.record(&mut facts);
    }
    if checked == Some(Checked::Unable) {
        context.inform(b"", "it could not be checked: its schema uses what only its application has");
    }
    facts.insert("sqlite.checked".to_owned(), checked.map_or("no", Checked::word).to_owned());
    facts.insert("sqlite.read_by".to_owned(), if by_page { "pages" } else { "copy" }.to_owned());
    facts
}
