//! Environments: their backups put in order of time and added up.

use std::collections::BTreeMap;

use super::report::{BackupStats, EnvironmentStats, GrowthMonth, GrowthPoint};
use super::size::Size;

impl EnvironmentStats {
    /// Of the backups of one environment, oldest first, which refer to so much together.
    pub(super) fn new<'a>(
        environment: &str,
        size: Size,
        backups: impl Iterator<Item = &'a BackupStats>,
    ) -> Self {
        let growth = points(backups.filter(|backup| !backup.deleted));
        Self {
            environment: environment.to_owned(),
            backups: growth.len() as u64,
            logical_bytes: growth.iter().map(|point| point.logical_bytes).fold(0, u64::saturating_add),
            unique_bytes: size.unique,
            stored_bytes: size.stored,
            months: months(&growth),
            growth,
        }
    }
}

fn points<'a>(backups: impl Iterator<Item = &'a BackupStats>) -> Vec<GrowthPoint> {
    let mut total_added_bytes = 0_u64;
    let point = |backup: &BackupStats| {
        total_added_bytes = total_added_bytes.saturating_add(backup.added_bytes);
        GrowthPoint {
            id: backup.id,
            created_at: backup.created_at,
            logical_bytes: backup.logical_bytes,
            added_bytes: backup.added_bytes,
            total_added_bytes,
        }
    };
    backups.map(point).collect()
}

fn months(points: &[GrowthPoint]) -> Vec<GrowthMonth> {
    let mut months: BTreeMap<String, GrowthMonth> = BTreeMap::new();
    for point in points {
        let month = point.created_at.format("%Y-%m").to_string();
        let of_month = months.entry(month.clone()).or_insert_with(|| GrowthMonth {
            month,
            backups: 0,
            logical_bytes: 0,
            added_bytes: 0,
            total_added_bytes: 0,
        });
        of_month.backups += 1;
        of_month.logical_bytes = point.logical_bytes;
        of_month.added_bytes = of_month.added_bytes.saturating_add(point.added_bytes);
        of_month.total_added_bytes = point.total_added_bytes;
    }
    months.into_values().collect()
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Utc};

    use super::*;
    use crate::BackupId;

    fn backup(year: i32, month: u32, logical_bytes: u64, added_bytes: u64) -> BackupStats {
        BackupStats {
            id: BackupId::from_bytes([1; 16]),
            environment: "shop".into(),
            created_at: Utc.with_ymd_and_hms(year, month, 28, 23, 59, 59).unwrap(),
            deleted: false,
            logical_bytes,
            unique_bytes: 0,
            stored_bytes: 0,
            freed_bytes: 0,
            added_bytes,
        }
    }

    #[test]
    fn growth_adds_up_by_backup_and_by_month_without_deleted_ones() {
        let deleted = BackupStats { deleted: true, ..backup(2026, 2, 1000, 1000) };
        let backups = [
            backup(2025, 12, 10, 5),
            backup(2026, 2, 20, 7),
            deleted,
            backup(2026, 2, 15, 1),
            backup(2026, 10, 16, u64::MAX),
        ];
        let stats = EnvironmentStats::new("shop", Size { unique: 3, stored: 2 }, backups.iter());
        let points: Vec<_> =
            stats.growth.iter().map(|point| (point.added_bytes, point.total_added_bytes)).collect();
        assert_eq!(points, [(5, 5), (7, 12), (1, 13), (u64::MAX, u64::MAX)]);
        let month = |of: &GrowthMonth| {
            (of.month.clone(), of.backups, of.logical_bytes, of.added_bytes, of.total_added_bytes)
        };
        let months: Vec<_> = stats.months.iter().map(month).collect();
        assert_eq!(
            months,
            [
                ("2025-12".to_owned(), 1, 10, 5, 5),
                ("2026-02".to_owned(), 2, 15, 8, 13),
                ("2026-10".to_owned(), 1, 16, u64::MAX, u64::MAX),
            ]
        );
        assert_eq!((stats.backups, stats.logical_bytes), (4, 61));
        assert_eq!((stats.unique_bytes, stats.stored_bytes), (3, 2));
    }
}
