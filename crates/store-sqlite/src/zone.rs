//! The zone of the times in Django's tables, which are texts without one.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};
use phone_auth_core::store::WallClock;

/// A zone: UTC, unless there is a clock that says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Zone(Option<Arc<dyn WallClock>>);

impl Zone {
    /// What Django writes unless told otherwise.
    pub(crate) const UTC: Self = Self(None);

    /// The zone of a clock.
    pub(crate) fn of(clock: impl WallClock + 'static) -> Self {
        if clock.is_utc() {
            Self::UTC
        } else {
            Self(Some(Arc::new(clock)))
        }
    }

    /// The clock, unless the zone is UTC.
    pub(crate) fn clock(&self) -> Option<&dyn WallClock> {
        self.0.as_deref()
    }

    /// When a clock in the zone shows this.
    pub(crate) fn time(&self, shown: NaiveDateTime) -> DateTime<Utc> {
        self.clock()
            .map_or_else(|| shown.and_utc(), |clock| clock.time(shown))
    }
}
