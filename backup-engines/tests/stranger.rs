//! An engine as a stranger would write it: one text in the memory of the application.
#![allow(clippy::unwrap_used, reason = "test helpers")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use backup_core::engine::conformance::{self, Subject};
use backup_core::engine::{
    Artifact, Context, Engine, Existing, Facts, Preflight, Prepared, RestorePlan, RestoreSummary, Selection,
    ServiceReader, Sink, Snapshot, Target, Verdict, VerdictLevel,
};
use backup_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures_util::TryStreamExt;

#[derive(Debug, Clone, Default)]
struct Note(Arc<Mutex<String>>);

struct Waiting(Note, Arc<dyn Sink>);

struct Frozen(String, Arc<dyn Sink>);

#[async_trait]
impl Engine for Note {
    fn kind(&self) -> &'static str {
        "note"
    }

    async fn preflight(&self, _: &Context) -> Result<Preflight> {
        Ok(Preflight::default())
    }

    async fn prepare(
        &self,
        _: &Context,
        _: Option<Arc<dyn ServiceReader>>,
        sink: Arc<dyn Sink>,
    ) -> Result<Box<dyn Prepared>> {
        Ok(Box::new(Waiting(self.clone(), sink)))
    }

    async fn plan_restore(
        &self,
        _: &Context,
        from: Arc<dyn ServiceReader>,
        target: &Target,
        selection: &Selection,
    ) -> Result<RestorePlan> {
        let then = read(&from).await?;
        let now = self.0.lock().unwrap().clone();
        let mut plan = RestorePlan::new(target.clone(), selection.clone());
        (plan.overwrite, plan.write_bytes) = (u64::from(now != then), then.len() as u64);
        if target.existing() == Existing::Refuse && !now.is_empty() {
            plan.verdicts.push(Verdict::new(
                VerdictLevel::Deny,
                "note",
                "it has a text",
                "allow to overwrite it",
            ));
        }
        Ok(plan)
    }

    async fn restore(
        &self,
        _: &Context,
        from: Arc<dyn ServiceReader>,
        plan: RestorePlan,
    ) -> Result<RestoreSummary> {
        if let Some(denied) = plan.denied() {
            return Err(Error::new(ErrorKind::Exists, denied.reason.clone()));
        }
        let text = read(&from).await?;
        let summary =
            RestoreSummary { written: 1, written_bytes: text.len() as u64, ..RestoreSummary::default() };
        *self.0.lock().unwrap() = text;
        Ok(summary)
    }
}

#[async_trait]
impl Prepared for Waiting {
    async fn freeze(self: Box<Self>, _: &Context) -> Result<Box<dyn Snapshot>> {
        let text = self.0.0.lock().unwrap().clone();
        Ok(Box::new(Frozen(text, self.1)))
    }
}

#[async_trait]
impl Snapshot for Frozen {
    fn point(&self) -> &str {
        "copied in memory"
    }

    async fn stream(self: Box<Self>, _: &Context) -> Result<Facts> {
        let mut writer = self.1.stream(Artifact::new("text")).await?;
        writer.write(Bytes::from(self.0)).await?;
        writer.commit().await?;
        Ok(Facts::new())
    }
}

async fn read(from: &Arc<dyn ServiceReader>) -> Result<String> {
    let pieces: Vec<Bytes> = from.stream("text").await?.try_collect().await?;
    String::from_utf8(pieces.concat())
        .map_err(|error| Error::new(ErrorKind::Damaged, "the note is no text").with_source(error))
}

#[derive(Debug)]
struct Application {
    note: Note,
    changes: AtomicUsize,
}

#[async_trait]
impl Subject for Application {
    fn engine(&self) -> Arc<dyn Engine> {
        Arc::new(self.note.clone())
    }

    async fn change(&self) {
        let change = self.changes.fetch_add(1, Ordering::SeqCst);
        *self.note.0.lock().unwrap() = format!("version {change}");
    }

    async fn content(&self) -> Vec<u8> {
        self.note.0.lock().unwrap().clone().into_bytes()
    }
}

#[tokio::test]
async fn an_engine_of_a_stranger_keeps_the_contract() {
    let application = || async {
        let note = Note(Arc::new(Mutex::new("first".into())));
        Arc::new(Application { note, changes: AtomicUsize::new(0) }) as Arc<dyn Subject>
    };
    conformance::run(application).await.unwrap();
}
