//! Clients that are refused before anything is read and anyone is asked about them.

use phone_auth_events::Limit;

use super::limits::Asking;
use super::{Accounts, Failure, FailureKind};
use crate::limits::Counters;

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
        let Some(network) = self.client.network() else {
            return Ok(());
        };
        for &limit in limits {
            let marks = [network.bytes(), network.wide_bytes()].map(|at| self.marked(limit, at));
            let marks = marks.into_iter().fold(self.counters(), Counters::and);
            if let Some((_, wait)) = self.inner.limiter.recall(&marks.into_hits(), self.now()) {
                // It was told when it was met.
                return Err(Failure::new(FailureKind::Limited { limit, wait }));
            }
        }
        Ok(())
    }

    /// Remembers that a client which may be known was refused as a stranger, at a network that is over these limits, or in one
    /// that is: there it has as many networks as it likes. One who has many accounts is let past once for each: to count them
    /// by network would refuse owners there too, of whom nobody knows yet that they are that.
    pub(super) fn note_refused(&self, asking: &Asking<'_>, limits: &[Limit]) {
        let Some(network) = self.client.network() else {
            return;
        };
        if !asking.is_stranger || !self.may_be_known() {
            return;
        }
        let (limiter, now) = (&self.inner.limiter, self.now());
        for &limit in limits {
            let wide = self.counters().wide_network(limit, network).into_hits();
            let all = self.counters().network(limit, Some(network)).into_hits();
            let Some((_, wait)) = limiter.recall(&all, now) else {
                continue;
            };
            let mut marks = self.marked(limit, network.bytes());
            if limiter.recall(&wide, now).is_some() {
                marks = marks.and(self.marked(limit, network.wide_bytes()));
            }
            for hit in marks.into_hits() {
                limiter.remember(hit.key, now, wait);
            }
        }
    }

    /// What a client that may be known is remembered by, at a network: nothing is counted there.
    fn marked(&self, limit: Limit, at: &[u8]) -> Counters<'_> {
        let (account, user) = (self.marked_account(), self.client.user());
        let user = user.map(|it| it.get().to_be_bytes());
        let whose: Option<&[u8]> = match (&account, &user) {
            (Some(account), _) => Some(account),
            (None, user) => user.as_ref().map(|it| &it[..]),
        };
        match whose {
            Some(whose) => (self.counters()).about(limit, &[b"marked", whose], &[at]),
            None => self.counters(),
        }
    }
}
