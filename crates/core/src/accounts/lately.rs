//! What happened a moment ago, in this process: what is sent twice is known by it, and what is answered the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use super::request_verification::REPEAT_WITHIN;
use crate::challenge::ChallengeId;

/// How much is remembered.
const MOST_REMEMBERED: usize = 1_000;

/// Things that happened in the last ten seconds, each by a keyed digest of what it was.
pub(super) struct Lately<T>(Mutex<HashMap<ChallengeId, (DateTime<Utc>, T)>>);

impl<T> Default for Lately<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Lately<T> {
    /// What is known of it, if it happened a moment ago.
    pub(super) fn of<R>(
        &self,
        what: &ChallengeId,
        now: DateTime<Utc>,
        look: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all
            .get_mut(what)
            .filter(|(since, _)| is_recent(*since, now));
        found.map(|(_, known)| look(known))
    }

    /// Remembers that it has happened. Where there is no room the oldest goes.
    pub(super) fn put(&self, what: ChallengeId, now: DateTime<Utc>, known: T) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (since, _)| is_recent(*since, now));
        if all.len() >= MOST_REMEMBERED
            && let Some(oldest) = all.iter().min_by_key(|(_, (since, _))| *since)
        {
            let oldest = *oldest.0;
            all.remove(&oldest);
        }
        all.insert(what, (now, known));
    }
}

fn is_recent(since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    since <= now && now < since + REPEAT_WITHIN
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn id(number: u32) -> ChallengeId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ChallengeId::from_bytes(bytes)
    }

    #[test]
    fn moment_is_ten_seconds() {
        let (lately, start) = (Lately::default(), Utc::now());
        lately.put(id(1), start, "done");
        for (seconds, expected) in [(0, true), (9, true), (10, false)] {
            let now = start + Duration::from_secs(seconds);
            let known = lately.of(&id(1), now, |it| *it);
            assert_eq!(known.is_some(), expected, "{seconds}");
        }
        assert!(lately.of(&id(2), start, |_| ()).is_none());
        assert!(
            lately
                .of(&id(1), start - Duration::from_secs(1), |_| ())
                .is_none()
        );
    }

    #[test]
    fn oldest_goes_where_there_is_no_room() {
        let (lately, start) = (Lately::default(), Utc::now());
        for number in 0..1_001 {
            let at = start + Duration::from_millis(u64::from(number));
            lately.put(id(number), at, ());
        }
        let now = start + Duration::from_secs(2);
        assert!(lately.of(&id(0), now, |()| ()).is_none());
        assert!(lately.of(&id(1), now, |()| ()).is_some());
        assert!(lately.of(&id(1_000), now, |()| ()).is_some());
    }
}
