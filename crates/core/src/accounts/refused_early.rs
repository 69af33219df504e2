//! Clients that are refused before anything is read and anyone is asked about them.

use phone_auth_events::Limit;

use super::limits::Asking;
use super::{Accounts, Failure, FailureKind};
use crate::limits::Hit;

impl Accounts {
    /// Refuses before anything is read where this process knows that the client's network is over its limits. One that may
    /// be known for the account is looked at more closely, unless it was refused as a stranger a moment ago: anyone has a
    /// session of an account of their own, and would have the gate asked about them without end. An owner who has tried
    /// another name at a network that is over its limits waits for five seconds with their own.
    pub(super) async fn refuse_early(
        &self,
        flow: &'static str,
        limits: &[Limit],
    ) -> Result<(), Failure> {
        if !self.may_be_known() {
            return self.refuse_network(flow, limits).await;
        }
        for &limit in limits {
            let marked = self.marked(limit);
            if let Some((_, wait)) = self.inner.limiter.recall(&marked, self.now()) {
                // It was told when it was met.
                return Err(Failure::new(FailureKind::Limited { limit, wait }));
            }
        }
        Ok(())
    }

    /// Remembers that a client which may be known was refused as a stranger, at a network that is over these limits.
    pub(super) fn note_refused(&self, asking: &Asking<'_>, limits: &[Limit]) {
        if !asking.is_stranger || !self.may_be_known() {
            return;
        }
        let (limiter, now) = (&self.inner.limiter, self.now());
        for &limit in limits {
            let of_network = self.counters().network(limit, self.client.network());
            if let Some((_, wait)) = limiter.recall(&of_network.into_hits(), now) {
                for hit in self.marked(limit) {
                    limiter.remember(hit.key, now, wait);
                }
            }
        }
    }

    /// What a client that may be known is remembered by, at its network: nothing is counted there.
    fn marked(&self, limit: Limit) -> Vec<Hit> {
        let (account, user) = (self.marked_account(), self.client.user());
        let user = user.map(|it| it.get().to_be_bytes());
        let whose: Option<&[u8]> = match (&account, &user) {
            (Some(account), _) => Some(account),
            (None, user) => user.as_ref().map(|it| &it[..]),
        };
        let (Some(network), Some(whose)) = (self.client.network(), whose) else {
            return Vec::new();
        };
        let counters = self.counters();
        let counters = counters.about(limit, &[b"marked", whose], &[network.bytes()]);
        counters.into_hits()
    }
}
