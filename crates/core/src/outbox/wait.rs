//! A time to wait that outlives a clock that is set back.

use chrono::{DateTime, Utc};

/// For how long a message waits: until a lease ends, or for the next attempt. The beginning is kept with the end, because a
/// clock can be set back: one that is before the beginning tells nothing of the end.
///
/// # Examples
/// ```
/// use chrono::{DateTime, TimeDelta, Utc};
/// use phone_auth_core::outbox::Wait;
///
/// let since = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::hours(9);
/// let wait = Wait { since, until: since + TimeDelta::seconds(15) };
/// assert_eq!(wait.anew(since), None);
/// // The clock was set back: the wait is as long, and begins then.
/// let earlier = since - TimeDelta::hours(1);
/// let until = earlier + TimeDelta::seconds(15);
/// assert_eq!(wait.anew(earlier), Some(Wait { since: earlier, until }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain pair with names; stores of other crates take it apart"
)]
pub struct Wait {
    /// When it began, by the clock of the store.
    pub since: DateTime<Utc>,
    /// When it ends, by the same clock.
    pub until: DateTime<Utc>,
}

impl Wait {
    /// The same wait from now on, when the clock is before its beginning; `None` when it is not.
    pub fn anew(self, now: DateTime<Utc>) -> Option<Self> {
        (now < self.since).then(|| Self {
            since: now,
            until: now
                .checked_add_signed(self.until - self.since)
                .unwrap_or(now),
        })
    }
}
