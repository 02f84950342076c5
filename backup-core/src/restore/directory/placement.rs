//! Where each artifact of a service goes in a directory.

use super::lineage::check_path;
use crate::engine::{ArtifactInfo, ArtifactKind, Selection, ServiceReader, printable_path};
use crate::{Error, ErrorKind, Result};

/// One artifact and its place below the directory.
#[derive(Debug, Clone)]
pub(super) struct Placement {
    pub(super) artifact: ArtifactInfo,
    /// Path below the directory; empty if it lands directly in it.
    pub(super) path: Vec<u8>,
}

impl Placement {
    pub(super) fn is_tree(&self) -> bool {
        self.artifact.kind == ArtifactKind::Tree
    }
}

/// The placements of all artifacts that a selection holds: the only tree directly in the directory, further trees in folders of their names,
/// streams as files of their names.
///
/// # Errors
/// [`Damaged`](ErrorKind::Damaged) when a name cannot be a path or two cannot be next to each other.
pub(super) fn placements(from: &dyn ServiceReader, selection: &Selection) -> Result<Vec<Placement>> {
    check_selection(selection)?;
    let artifacts = from.artifacts();
    let trees = artifacts.iter().filter(|artifact| artifact.kind == ArtifactKind::Tree).count();
    let mut placements: Vec<Placement> = Vec::new();
    for artifact in artifacts {
        check_name(artifact)?;
        let direct = artifact.kind == ArtifactKind::Tree && trees == 1;
        let path = if direct { Vec::new() } else { artifact.name.as_bytes().to_vec() };
        let placement = Placement { artifact: artifact.clone(), path };
        if let Some(other) = placements.iter().find(|other| collide(other, &placement)) {
            return Err(Error::damaged(format!(
                "the artifacts \"{}\" and \"{}\" cannot be restored into one directory: one would lie in the other",
                printable_path(other.artifact.name.as_bytes()),
                printable_path(artifact.name.as_bytes())
            )));
        }
        placements.push(placement);
    }
    placements.retain(|placement| placement.is_tree() || selection.holds(&placement.path));
    Ok(placements)
}

/// The names directly in the directory that streams beside a tree occupy.
pub(super) fn beside(placements: &[Placement]) -> Vec<Vec<u8>> {
    let first = |path: &[u8]| path.split(|byte| *byte == b'/').next().unwrap_or_default().to_vec();
    placements
        .iter()
        .filter(|placement| !placement.is_tree())
        .map(|placement| first(&placement.path))
        .collect()
}

fn check_selection(selection: &Selection) -> Result<()> {
    for path in &selection.paths {
        check_path(path).map_err(|reason| {
            Error::new(
                ErrorKind::Invalid,
                format!("\"{}\" is not a path in a backup: {reason}", printable_path(path)),
            )
            .with_remedy("give a path as the backup lists it")
        })?;
    }
    Ok(())
}

fn check_name(artifact: &ArtifactInfo) -> Result<()> {
    let name = artifact.name.as_bytes();
    let checked = if name.is_empty() { Err("its name is empty") } else { check_path(name) };
    checked.map_err(|reason| {
        Error::damaged(format!("the artifact \"{}\" cannot be restored: {reason}", printable_path(name)))
    })
}

fn collide(left: &Placement, right: &Placement) -> bool {
    let inside = |outer: &[u8], inner: &[u8]| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    let direct = left.path.is_empty() || right.path.is_empty();
    !direct && (inside(&left.path, &right.path) || inside(&right.path, &left.path))
}
