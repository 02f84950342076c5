//! Operations that only ask, and the answers that must come.

use std::path::{Path, PathBuf};

use backup_core::{BackupStatus, ErrorKind, ListRequest, Result};
use proptest::sample::Index;

use super::application::{Content, read};
use super::naive::Refusal;
use super::operation::{Filter, Sought};
use super::view::View;
use super::world::{World, expect_equal};

impl World {
    pub(super) async fn expect_list(&mut self, handle: usize, filter: &Filter) {
        let now = self.now(handle);
        let ago = |hours: u32| now - chrono::TimeDelta::hours(hours.into());
        let mut request = self.repository(handle).backups();
        request = filter.environment.into_iter().fold(request, ListRequest::of);
        request = filter.service.into_iter().fold(request, ListRequest::service);
        request = filter.kind.clone().into_iter().fold(request, ListRequest::kind);
        request = filter.tags.iter().copied().fold(request, ListRequest::tag);
        request = filter.since.map(ago).into_iter().fold(request, ListRequest::since);
        request = filter.until.map(ago).into_iter().fold(request, ListRequest::until);
        request = filter.statuses.iter().copied().fold(request, ListRequest::status);
        request = filter.contents.into_iter().fold(request, ListRequest::contents);
        request = filter.existing.clone().into_iter().fold(request, ListRequest::orphans);
        request = filter.take.into_iter().fold(request, ListRequest::take);
        request = if filter.restorable { request.restorable() } else { request };
        request = if filter.newest_first { request.newest_first() } else { request };
        let told: Vec<View> = request.await.unwrap().into_iter().map(View::from).collect();

        let mut expected = self.views(handle);
        expected.retain(|view| view.fits(filter, now));
        if filter.newest_first {
            expected.reverse();
        }
        expected.truncate(filter.take.unwrap_or(usize::MAX));
        self.count_if("a filtered list with something in it", !expected.is_empty());
        expect_equal(&told, &expected, &format!("handle {handle}, {filter:?}"));
    }

    pub(super) async fn expect_found(&mut self, handle: usize, within: Option<&str>, what: &Sought) {
        let place = match what {
            Sought::Id(index) | Sought::Piece(index) => self.choose(index),
            _ => None,
        };
        let id = self.id(place).to_string();
        let reference = match what {
            Sought::Latest => "latest",
            Sought::LatestRestorable => "latest-restorable",
            Sought::LatestVerified => "latest-verified",
            Sought::Id(_) => &id,
            Sought::Piece(_) => &id[20..],
        };
        let found = match within {
            None => self.repository(handle).find(reference).await,
            Some(name) => self.repository(handle).find_in(name, reference).await,
        };
        let fits = |view: &View| {
            let completed = view.status == BackupStatus::Completed;
            within.is_none_or(|name| view.environment == name)
                && match what {
                    Sought::Latest => completed,
                    Sought::LatestRestorable => completed && view.restorable,
                    Sought::LatestVerified => completed && view.verified_at.is_some(),
                    Sought::Id(_) | Sought::Piece(_) => view.id.to_string() == id,
                }
        };
        let expected = self.views(handle).into_iter().rev().find(fits);
        let refusal = expected.as_ref().map(drop).ok_or(ErrorKind::NotFound);
        let found = self.expect("a find", found, refusal);
        assert_eq!(found.map(View::from), expected);
    }

    pub(super) async fn expect_environments(&mut self, handle: usize) {
        let mut completed = self.views(handle);
        completed.retain(|view| view.status == BackupStatus::Completed);
        let mut names: Vec<&str> = completed.iter().map(|view| view.environment.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let told = self.repository(handle).environments().await.unwrap();
        assert_eq!(told.iter().map(|environment| environment.name.as_str()).collect::<Vec<_>>(), names);
        for environment in told {
            let of: Vec<&View> =
                completed.iter().filter(|view| view.environment == environment.name).collect();
            let newest =
                |fits: fn(&View) -> bool| of.iter().rev().find(|view| fits(view)).map(|view| (*view).clone());
            assert_eq!(environment.backups, of.len() as u64);
            assert_eq!(environment.logical_bytes, of[of.len() - 1].logical_bytes);
            assert_eq!(Some(View::from(environment.newest)), newest(|_| true));
            assert_eq!(environment.newest_restorable.map(View::from), newest(|view| view.restorable));
            assert_eq!(
                environment.newest_verified.map(View::from),
                newest(|view| view.verified_at.is_some())
            );
        }
    }

    pub(super) async fn expect_content(&mut self, handle: usize, backup: &Index) {
        if let Some(place) = self.choose(backup) {
            self.expect_content_of(handle, place).await;
        }
    }

    /// Fails unless a backup holds what was backed up, or is refused if it is not there to be read.
    pub(super) async fn expect_content_of(&mut self, handle: usize, place: usize) {
        let backup = self.backups[place].clone();
        let expected: Refusal = backup.expect_completed(self.now(handle));
        for (service, content) in &backup.services {
            let stored = self.stored(handle, place, service).await;
            if let Some(stored) = self.expect("a restore", stored, expected) {
                assert!(stored == *content, "{service} of {} is not as it was", backup.id);
            }
        }
    }

    /// Fails unless the newest backup, restored to a directory, is what was backed up.
    pub(super) async fn expect_restored(&mut self, handle: usize) {
        let now = self.now(handle);
        let mut completed = self.ordered();
        completed.retain(|backup| backup.status(now) == BackupStatus::Completed);
        let Some(newest) = completed.pop().cloned() else { return };
        let home = tempfile::tempdir().unwrap();
        self.repository(handle).restore(newest.id).to_directory(home.path()).await.unwrap();
        for (service, content) in &newest.services {
            assert_eq!(found(&home.path().join(service)).len(), content.len());
            for (name, bytes) in content {
                let restored = std::fs::read(home.path().join(service).join(name)).unwrap();
                assert!(restored == *bytes, "{name} of {service} of {} is not as it was", newest.id);
            }
        }
        self.count("a restore to a directory");
    }

    async fn stored(&self, handle: usize, place: usize, service: &str) -> Result<Content> {
        let reader = self.repository(handle).service(&self.backups[place].id, service).await?;
        read(service, &*reader).await
    }
}

/// All files below a folder.
fn found(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { found(&path) } else { vec![path] }).collect()
}
