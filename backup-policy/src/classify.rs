use chrono::{DateTime, Utc};

use crate::{
    civil::{Civil, DAY, weekday},
    error::Result,
    kind::Kind,
    zone::{Zone, check_range},
};

/// The kinds of the nightly backup of a slot: on a Sunday it is the week's too, on the first Sunday of a month also the
/// month's.
///
/// What counts is the date of the slot in `zone` (the start of a window, [`Slot::start`](crate::Slot::start)), not when
/// the run happened: a retry after midnight, or on Monday, is still Sunday's. A month whose first Sunday had no run has
/// no monthly backup.
///
/// ```
/// use backup_policy::{Kind, Zone, nightly_kinds};
///
/// let first_sunday = "2026-11-01T03:00:00Z".parse()?;
/// assert_eq!(nightly_kinds(first_sunday, &Zone::utc())?, [Kind::Nightly, Kind::Weekly, Kind::Monthly]);
/// // In Los Angeles it is still Saturday.
/// assert_eq!(nightly_kinds(first_sunday, &"America/Los_Angeles".parse()?)?, [Kind::Nightly]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ErrorKind::OutOfRange`](crate::ErrorKind::OutOfRange) if the slot is outside the years 1 to 8000.
pub fn nightly_kinds(slot: DateTime<Utc>, zone: &Zone) -> Result<Vec<Kind>> {
    check_range(slot)?;
    let instant = slot.timestamp();
    let date = (instant + zone.span(instant).offset).div_euclid(DAY);
    let mut kinds = vec![Kind::Nightly];
    if weekday(date) == 0 {
        kinds.push(Kind::Weekly);
        if Civil::from_days(date).day <= 7 {
            kinds.push(Kind::Monthly);
        }
    }
    Ok(kinds)
}
