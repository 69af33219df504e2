//! What the key of a code shows, to the site alone: what it was made for, and when.

use super::Accounts;
use super::resend::CodeRequest;
use crate::challenge::{ChallengeKey, REMEMBERED};

impl Accounts {
    /// What a key shows that is made for this request, in this period.
    pub(super) fn shown_by_key(
        &self,
        request: CodeRequest<'_>,
        random: &[u8],
        period: i64,
    ) -> [u8; 32] {
        let subject = request.subject.digest().to_be_bytes();
        let period = period.to_be_bytes();
        let about = [
            request.purpose.as_str().as_bytes(),
            &subject,
            &period,
            random,
        ];
        self.inner.limiter.shown_by_key(&about)
    }

    /// Which period of those that keys show this is. It is as long as a challenge is remembered.
    ///
    /// Were a key good for ever, someone could keep those of many names until they have enough for each group of places, and
    /// then put out any challenge of nobody that they like.
    pub(super) fn period_of_keys(&self) -> i64 {
        let now = self.now();
        let length = (self.challenge_expiry(now) + REMEMBERED - now).num_seconds();
        now.timestamp().div_euclid(length.max(1))
    }

    /// Whether a key was made for this request, in this period or the one before.
    pub(super) fn was_made_lately(&self, key: &ChallengeKey, request: CodeRequest<'_>) -> bool {
        let now = self.period_of_keys();
        [now, now - 1]
            .into_iter()
            .any(|period| key.was_made_for(|random| self.shown_by_key(request, random, period)))
    }
}
