//! Adding up what a restore of each artifact would do.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::found::Found;
use super::lend::lend;
use super::lineage::{join, split};
use super::place::Place;
use super::placement::{Placement, beside};
use super::reserved::Reserved;
use super::selected::Selected;
use super::survey::{Survey, create_all, judge};
use crate::engine::{Context, EntryKind, RestorePlan, Selection, ServiceReader, printable_path};
use crate::{Error, ErrorKind, Result};

/// What a plan is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ground<'a> {
    pub(super) context: &'a Context,
    /// None if there is nothing in the target yet.
    pub(super) place: Option<&'a Place>,
    pub(super) reserved: &'a Reserved,
}

impl Ground<'_> {
    /// Denies a plan that puts something of a kind where other services keep something to themselves.
    fn judge(&self, plan: &mut RestorePlan, path: &[u8], kind: EntryKind) {
        self.reserved.forbids(path, kind).into_iter().for_each(|verdict| judge(plan, verdict));
    }
}

/// Adds all artifacts to a plan.
///
/// # Errors
/// [`NotFound`](ErrorKind::NotFound) when no artifact has a selected path.
pub(super) async fn plan_all(
    ground: Ground<'_>,
    from: &Arc<dyn ServiceReader>,
    placements: &[Placement],
    mut plan: RestorePlan,
) -> Result<RestorePlan> {
    let mut missing = plan.selection.paths.clone();
    missing
        .retain(|path| !path.is_empty() && !placements.iter().any(|placement| is_stream_at(placement, path)));
    for placement in placements {
        let approach = match ground.place {
            Some(place) => approach(place, placement).await?,
            None => Approach::New,
        };
        if let Approach::Blocked(path) = &approach {
            ground.judge(&mut plan, path, EntryKind::File);
            plan.overwrite += 1;
            plan.examples.push(format!("overwrite {}", printable_path(path)));
        }
        let left;
        (plan, left) = match approach {
            Approach::Open(place) if placement.is_tree() => {
                let beside = if placement.path.is_empty() { beside(placements) } else { Vec::new() };
                survey_tree(from, &place, placement, plan, beside).await?
            }
            Approach::Open(place) => survey_stream(from, &place, placement, plan).await?,
            Approach::New | Approach::Blocked(_) => all_new(ground, from, placement, plan).await?,
        };
        if placement.is_tree() {
            missing.retain(|path| left.contains(path));
        }
    }
    if missing.is_empty() { Ok(plan) } else { Err(not_found(&missing)) }
}

/// What is at the folder that an artifact goes to.
enum Approach {
    /// The folder exists.
    Open(Place),
    /// It does not.
    New,
    /// This path has to be replaced by a folder.
    Blocked(Vec<u8>),
}

async fn approach(place: &Place, placement: &Placement) -> Result<Approach> {
    let folder = if placement.is_tree() { &placement.path[..] } else { split(&placement.path).0 };
    if folder.is_empty() {
        return Ok(Approach::Open(place.clone()));
    }
    let (place, folder) = (place.clone(), folder.to_vec());
    let walk = move |place: &mut Place| {
        let mut handles = place.handles();
        let ends = folder.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain(std::iter::once(folder.len())) {
            let path = &folder[..end];
            let found = handles.parent(path).and_then(|(parent, name)| Found::at(&parent, name));
            match found.map_err(|errno| place.failed("look at", path, errno))? {
                None => return Ok(Approach::New),
                Some(found) if !found.is_folder() => return Ok(Approach::Blocked(path.to_vec())),
                Some(_) => {}
            }
        }
        let opened: Result<Arc<OwnedFd>, _> = handles.folder(&folder);
        let opened = opened.map_err(|errno| place.failed("open", &folder, errno))?;
        Ok(Approach::Open(place.below(&folder, opened, false)))
    };
    Ok(lend(place, walk).await?.1)
}

async fn all_new(
    ground: Ground<'_>,
    from: &Arc<dyn ServiceReader>,
    placement: &Placement,
    mut plan: RestorePlan,
) -> Result<(RestorePlan, Vec<Vec<u8>>)> {
    if !placement.is_tree() {
        ground.judge(&mut plan, &placement.path, EntryKind::File);
    }
    if !placement.is_tree() || (plan.selection.paths.is_empty() && ground.reserved.is_empty()) {
        plan.create += if placement.is_tree() { placement.artifact.entries } else { 1 };
        plan.write_bytes = plan.write_bytes.saturating_add(placement.artifact.bytes);
        return Ok((plan, Vec::new()));
    }
    let mut selected = Selected::new(from, &placement.artifact.name, &plan.selection);
    while let Some(entries) = selected.next().await? {
        ground.context.check()?;
        create_all(&mut plan, &entries);
        for entry in entries.iter().filter(|_| !ground.reserved.is_empty()) {
            ground.judge(&mut plan, &join(&placement.path, entry.path), entry.metadata.kind);
        }
    }
    Ok((plan, selected.missing()))
}

async fn survey_tree(
    from: &Arc<dyn ServiceReader>,
    place: &Place,
    placement: &Placement,
    plan: RestorePlan,
    beside: Vec<Vec<u8>>,
) -> Result<(RestorePlan, Vec<Vec<u8>>)> {
    let mut selected = Selected::new(from, &placement.artifact.name, &plan.selection);
    let mut survey = Survey::new(place, from.content_hasher(), plan, beside);
    while let Some(entries) = selected.next().await? {
        (survey, ()) = lend(survey, move |survey| survey.take(&entries)).await?;
    }
    (survey, ()) = lend(survey, Survey::end).await?;
    Ok((survey.into_plan(), selected.missing()))
}

async fn survey_stream(
    from: &Arc<dyn ServiceReader>,
    place: &Place,
    placement: &Placement,
    plan: RestorePlan,
) -> Result<(RestorePlan, Vec<Vec<u8>>)> {
    let (name, size) = (split(&placement.path).1.to_vec(), placement.artifact.bytes);
    let survey = Survey::new(place, from.content_hasher(), plan, Vec::new());
    let role = from.role();
    let (survey, ()) = lend(survey, move |survey| survey.stream(&name, size, role)).await?;
    Ok((survey.into_plan(), Vec::new()))
}

fn is_stream_at(placement: &Placement, path: &[u8]) -> bool {
    let alone = Selection { paths: vec![path.to_vec()], devices: false };
    !placement.is_tree() && alone.holds(&placement.path)
}

fn not_found(missing: &[Vec<u8>]) -> Error {
    let mut names: Vec<String> =
        missing.iter().take(MAX_NAMED).map(|path| format!("\"{}\"", printable_path(path))).collect();
    if missing.len() > MAX_NAMED {
        names.push(format!("{} more", missing.len() - MAX_NAMED));
    }
    let error = Error::new(ErrorKind::NotFound, format!("the backup does not have {}", names.join(", ")));
    error.with_remedy("list the backup and choose paths from it")
}

const MAX_NAMED: usize = 10;
