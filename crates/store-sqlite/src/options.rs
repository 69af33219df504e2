//! What can be chosen about a store on SQLite.

use std::num::NonZeroUsize;
use std::thread;
use std::time::Duration;

use phone_auth_core::store::WallClock;

use crate::zone::Zone;

/// The longest time-out.
const LONGEST: Duration = Duration::from_hours(24 * 24);

/// How a [`SqliteStore`](crate::SqliteStore) works. The defaults suit a site on one machine.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use phone_auth_store_sqlite::SqliteOptions;
///
/// let options = SqliteOptions::default().with_busy_timeout(Duration::from_secs(1));
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    pub(crate) busy_timeout: Duration,
    pub(crate) readers: usize,
    pub(crate) waiting_writes: usize,
    pub(crate) max_pages: Option<u32>,
    pub(crate) zone: Zone,
}

impl SqliteOptions {
    /// How long a write waits while another process holds the database. Past it, the write and
    /// whatever waits behind it are answered as unavailable. 5 seconds unless said otherwise; at most 24
    /// days, for SQLite counts milliseconds in 32 bits.
    #[must_use]
    pub fn with_busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout.min(LONGEST);
        self
    }

    /// How many connections there are for reading. As many as the machine has cores, at least 2 and
    /// at most 16, unless said otherwise.
    #[must_use]
    pub fn with_readers(mut self, readers: NonZeroUsize) -> Self {
        self.readers = readers.get();
        self
    }

    /// How many writes may wait; a further one is answered as unavailable at once. 1,024 unless said
    /// otherwise.
    #[must_use]
    pub fn with_waiting_writes(mut self, writes: NonZeroUsize) -> Self {
        self.waiting_writes = writes.get();
        self
    }

    /// How many pages (of 4,096 bytes in a file made by this crate) the database may have. What would
    /// make it larger is answered as unavailable, as on a full disk. No limit unless said otherwise.
    #[must_use]
    pub fn with_max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// The zone of the times in Django's tables, which are texts without one. UTC unless said otherwise, as
    /// Django writes them; with its `USE_TZ = False` they are in its `TIME_ZONE`, with a `TIME_ZONE` of the
    /// database in that. In a wrong one, sessions that are shared end hours too early or too late.
    ///
    /// `TimeZone` of `phone-auth-django` has the zones that Django knows. Where clocks are set back an hour of texts comes
    /// twice a year; it is read as the first of the two.
    #[must_use]
    pub fn with_time_zone(mut self, zone: impl WallClock + 'static) -> Self {
        self.zone = Zone::of(zone);
        self
    }
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            busy_timeout: Duration::from_secs(5),
            readers: thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 16)),
            waiting_writes: 1024,
            max_pages: None,
            zone: Zone::UTC,
        }
    }
}
