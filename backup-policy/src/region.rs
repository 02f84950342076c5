use crate::{
    error::Result,
    schedule::{Schedule, TimeOfDay, Window},
    zone::Zone,
};

/// One region of Mendix Cloud with its nightly window, as published (requirement M12).
///
/// The start is defined in UTC, so local times shift with summer time; the zone is there to show them. What is called the
/// local time in the publication is the winter's for some regions and the summer's for others, so it is not stored.
///
/// ```
/// use backup_policy::Region;
///
/// let region = Region::find("frankfurt").expect("a known region");
/// let slot = region.schedule()?.next("2026-11-20T12:00:00Z".parse()?)?;
/// assert_eq!(slot.start().to_rfc3339(), "2026-11-21T00:00:00+00:00");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Region {
    /// The id to look it up by, such as `n-virginia`.
    pub id: &'static str,
    /// What it is called.
    pub name: &'static str,
    /// The id or, where it is no region of its own, the name of the place that backups are copied to.
    pub replication: &'static str,
    /// Its IANA zone.
    pub tz: &'static str,
    /// When the window opens, in minutes after midnight UTC.
    pub start_min: u16,
    /// How long it is open, in hours.
    pub duration_hours: u16,
}

impl Region {
    /// All regions, by their names.
    pub const ALL: [Self; 17] = [
        Self::new("bahrain", "Bahrain", "mumbai", "Asia/Bahrain", 3 * 60, 1),
        Self::new("canada", "Canada", "Canada West", "America/Toronto", 5 * 60, 1),
        Self::new("cape-town", "Cape Town", "frankfurt", "Africa/Johannesburg", 2 * 60, 1),
        Self::new("dublin", "Dublin", "frankfurt", "Europe/Dublin", 23 * 60, 3),
        Self::new("frankfurt", "Frankfurt", "dublin", "Europe/Berlin", 0, 3),
        Self::new("jakarta", "Jakarta", "singapore", "Asia/Jakarta", 0, 1),
        Self::new("london", "London", "frankfurt", "Europe/London", 23 * 60, 2),
        Self::new("mumbai", "Mumbai", "Hyderabad", "Asia/Kolkata", 19 * 60 + 30, 1),
        Self::new("n-virginia", "N. Virginia", "N. California", "America/New_York", 5 * 60, 4),
        Self::new("oregon", "Oregon", "Ohio", "America/Los_Angeles", 7 * 60, 1),
        Self::new("osaka", "Osaka", "tokyo", "Asia/Tokyo", 0, 1),
        Self::new("sao-paulo", "S\u{e3}o Paulo", "n-virginia", "America/Sao_Paulo", 0, 1),
        Self::new("seoul", "Seoul", "singapore", "Asia/Seoul", 0, 1),
        Self::new("singapore", "Singapore", "sydney", "Asia/Singapore", 17 * 60, 1),
        Self::new("sydney", "Sydney", "Melbourne", "Australia/Sydney", 7 * 60, 1),
        Self::new("tokyo", "Tokyo", "osaka", "Asia/Tokyo", 16 * 60, 1),
        Self::new("uae", "UAE", "mumbai", "Asia/Dubai", 0, 1),
    ];

    const fn new(
        id: &'static str,
        name: &'static str,
        replication: &'static str,
        tz: &'static str,
        start_min: u16,
        duration_hours: u16,
    ) -> Self {
        Self { id, name, replication, tz, start_min, duration_hours }
    }

    /// The region with this id.
    pub fn find(id: &str) -> Option<&'static Self> {
        const { &Self::ALL }.iter().find(|region| region.id == id)
    }

    /// Its zone, to show local times in.
    ///
    /// # Errors
    /// [`ErrorKind::UnknownZone`](crate::ErrorKind::UnknownZone) if the bundled database dropped it.
    pub fn zone(&self) -> Result<Zone> {
        self.tz.parse()
    }

    /// A run in each night's window, at its start.
    ///
    /// [`Window::in_zone`] and [`Window::jitter`] can be applied to [`Region::window`] instead.
    ///
    /// # Errors
    /// None with the published windows.
    pub fn schedule(&self) -> Result<Schedule> {
        self.window().map(Schedule::from)
    }

    /// Each night's window, in UTC.
    ///
    /// # Errors
    /// None with the published windows.
    pub fn window(&self) -> Result<Window> {
        let start = TimeOfDay::from_minutes(self.start_min).unwrap_or_default();
        Window::new(start, u32::from(self.duration_hours) * 60)
    }
}
