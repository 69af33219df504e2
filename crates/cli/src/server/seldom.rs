//! Warnings that are counted instead of repeated.

use std::time::Duration;

use tokio::time::Instant;

/// How often a warning of one kind is given.
const INTERVAL: Duration = Duration::from_mins(1);

/// A warning of one kind.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: Option<Instant>,
    times: u64,
}

impl Seldom {
    /// Counts one more; how many there were since the last warning, if it is time for one.
    pub(super) fn count(&mut self) -> Option<u64> {
        let now = Instant::now();
        self.times += 1;
        if self.last.is_some_and(|last| now < last + INTERVAL) {
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn warnings_are_counted_between() {
        let mut warning = Seldom::default();
        assert_eq!(warning.count(), Some(1));
        for _ in 0..600 {
            assert_eq!(warning.count(), None);
            tokio::time::advance(Duration::from_millis(99)).await;
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(warning.count(), Some(601));
        assert_eq!(warning.count(), None);
    }
}
