//! How attempts are counted, refused, given back and told of: what every flow asks before it reads more than whose account
//! it is about, and before it hashes or enqueues. Log-ins and what users do with their own are counted here; by what the other
//! flows count stands beside them: messages in `sent_by_anyone`, passwords in `password_checks`, codes in `code_targets`.

use std::time::Duration;

use phone_auth_events::{AttemptLimited, Limit, Sender};

use super::{Accounts, Failure, FailureKind};
use crate::address::AddressKind;
use crate::limit_sweep;
use crate::limits::{Attempt, Counters, Decision, Hit, LimitRule, Rate, TextCount, TextRow};
use crate::password::Requester;
use crate::store::LimitRow;
use crate::user::{AccountName, User};

/// How often a number is told of changes in a day. Nothing in such a message is used, so it is in no budget of text messages.
const TOLD_A_DAY: Rate = Rate::of(20, Duration::from_hours(24));

/// What was counted of an attempt.
#[derive(Clone)]
pub(super) struct Counted {
    hits: Vec<Hit>,
    is_half_used: bool,
}

/// A counter that is over its limit.
struct Full {
    hit: Option<Hit>,
    wait: Duration,
}

/// Who asks, for what.
pub(super) struct Asking<'a> {
    /// The name of the flow.
    pub(super) flow: &'static str,
    /// The user whom it is about, if there is one.
    pub(super) user: Option<&'a User>,
    /// Whether nothing is known of the one who asks.
    pub(super) is_stranger: bool,
}

/// What a log-in or a reset is about: an account, or a name that nobody has.
pub(super) struct Subject {
    pub(super) kind: &'static [u8],
    pub(super) id: Vec<u8>,
}

impl Accounts {
    /// No counters yet.
    pub(super) fn counters(&self) -> Counters<'_> {
        Counters::new(&self.inner.limiter, &self.inner.settings.limits)
    }

    /// Refuses before anything is read where this process knows that the client's network is over its limits, also one that
    /// may be known: of what has no owner to be spared, such as a sign-up.
    pub(super) async fn refuse_network(
        &self,
        flow: &'static str,
        limits: &[Limit],
    ) -> Result<(), Failure> {
        let network = self.client.network();
        let counters = limits
            .iter()
            .fold(self.counters(), |all, limit| all.network(*limit, network));
        let asking = Asking {
            flow,
            user: None,
            is_stranger: true,
        };
        self.refuse_full(&asking, counters).await
    }

    /// Refuses where this process knows that one of these counters is over its limit. Nothing is counted, and nobody else is
    /// asked.
    pub(super) async fn refuse_full(
        &self,
        asking: &Asking<'_>,
        counters: Counters<'_>,
    ) -> Result<(), Failure> {
        let hits = counters.into_hits();
        match self.inner.limiter.recall(&hits, self.now()) {
            Some((place, wait)) => Err(self.limited(asking, hits.get(place), wait).await),
            None => Ok(()),
        }
    }

    /// Counts a log-in as one that fails, until it is [given back](Self::give_back). Strangers are counted by their network,
    /// by the account and by both. A browser that is known for this account is counted by itself: strangers do not use
    /// up what its owner has, nor it what they have.
    pub(super) async fn count_log_in(
        &self,
        name: &AccountName,
        user: Option<&User>,
        requester: &Requester,
    ) -> Result<Counted, Failure> {
        let asking = Asking {
            flow: "log_in",
            user,
            is_stranger: requester.is_stranger(),
        };
        let counters = self.counters();
        let subject = self.subject(name, user);
        let about = [subject.kind, &subject.id];
        if !asking.is_stranger {
            let device = requester.device().unwrap_or_default();
            let counters = counters.about(Limit::FailuresOfDevice, &about, &[&device]);
            return self.count(&asking, counters).await;
        }
        let network = self.client.network();
        let mut counters = counters
            .network(Limit::LogIns, network)
            .network(Limit::FailedLogIns, network);
        if let Some(network) = network {
            let detail = [network.bytes()];
            counters = counters.about(Limit::FailuresOfNetwork, &about, &detail);
        }
        let row = [subject.kind, &subject.id, password_of(user)];
        let counters = counters.about(Limit::FailuresInARow, &row, &[]);
        let counted = self.count(&asking, counters).await;
        if let Err(failure) = &counted
            && failure.is_limited_by(&[Limit::FailuresOfNetwork, Limit::FailuresInARow])
        {
            self.count_refused(&asking, Limit::LogIns).await;
        }
        if counted.is_err() {
            self.note_refused(&asking, &[Limit::LogIns, Limit::FailedLogIns]);
        }
        counted
    }

    /// Counts by the network alone what was refused because of something else: a client that goes on is stopped early, before
    /// anyone else is asked about it.
    pub(super) async fn count_refused(&self, asking: &Asking<'_>, limit: Limit) {
        let counters = self.counters().network(limit, self.client.network());
        if let Err(error) = self.try_count(asking, counters, None).await {
            tracing::warn!(%error, "what was refused was not counted");
        }
    }

    /// Counts something that a user who is signed in does.
    pub(super) async fn count_own(
        &self,
        flow: &'static str,
        limit: Limit,
        user: &User,
    ) -> Result<Counted, Failure> {
        let (asking, counters) = self.own_counters(flow, limit, user);
        self.count(&asking, counters).await
    }

    /// By what that is counted.
    pub(super) fn own_counters<'a>(
        &'a self,
        flow: &'static str,
        limit: Limit,
        user: &'a User,
    ) -> (Asking<'a>, Counters<'a>) {
        let asking = Asking {
            flow,
            user: Some(user),
            is_stranger: false,
        };
        let id = user.id.get().to_be_bytes();
        let counters = self.counters().about(limit, &[b"user", &id], &[]);
        (asking, counters)
    }

    /// Counts a change of a user's addresses that is no addition, each kind by itself: all of the user's verified addresses
    /// are told of it.
    pub(super) async fn count_change(
        &self,
        flow: &'static str,
        user: &User,
    ) -> Result<Counted, Failure> {
        let asking = Asking {
            flow,
            user: Some(user),
            is_stranger: false,
        };
        let id = user.id.get().to_be_bytes();
        let about = [flow.as_bytes(), &id];
        let counters = self.counters().about(Limit::AddedAddresses, &about, &[]);
        self.count(&asking, counters).await
    }

    /// Counts a message that its addressee has not asked for, by the limits of those that verify such an address; whether
    /// there may be another, what was counted. A phone is told less often than that only where many changes are made in an
    /// hour.
    pub(super) async fn may_tell(
        &self,
        about: [&[u8]; 3],
        kind: AddressKind,
    ) -> Result<Option<Counted>, Failure> {
        let asking = Asking {
            flow: "notices",
            user: None,
            is_stranger: false,
        };
        let limit = match kind {
            AddressKind::Email => Limit::EmailVerifications,
            AddressKind::Phone => Limit::PhoneVerifications,
        };
        let mut counters = self.counters().about(limit, &about, &[]);
        if kind == AddressKind::Phone {
            let a_day = |_| LimitRule::Rate(TOLD_A_DAY);
            counters = counters.by_rule(a_day, limit, &about, &[b"day"]);
        }
        match self.count(&asking, counters).await {
            Ok(counted) => Ok(Some(counted)),
            Err(failure) if failure.limited_for().is_some() => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Counts all of these, or fails when one is over its limit.
    pub(super) async fn count(
        &self,
        asking: &Asking<'_>,
        counters: Counters<'_>,
    ) -> Result<Counted, Failure> {
        match self.try_count(asking, counters, None).await? {
            Ok((counted, _)) => Ok(counted),
            Err(full) => Err(self.limited(asking, full.hit.as_ref(), full.wait).await),
        }
    }

    /// The same, and where one is over its limit all of the second instead. If one of those is too, the first tells how long
    /// to wait.
    pub(super) async fn count_either(
        &self,
        asking: &Asking<'_>,
        first: Counters<'_>,
        second: Counters<'_>,
    ) -> Result<Counted, Failure> {
        let full = match self.try_count(asking, first, None).await? {
            Ok((counted, _)) => return Ok(counted),
            Err(full) => full,
        };
        match self.try_count(asking, second, None).await? {
            Ok((counted, _)) => Ok(counted),
            Err(_) => Err(self.limited(asking, full.hit.as_ref(), full.wait).await),
        }
    }

    /// Counts what is one's own and what all share, or fails when what is one's own is over its limit; and a text message
    /// with it: what is counted of those. Where only what all share is used up, what is one's own is counted alone, and there
    /// is nothing of texts.
    pub(super) async fn count_shared(
        &self,
        asking: &Asking<'_>,
        own: Counters<'_>,
        all: Counters<'_>,
        text: Option<&TextCount>,
    ) -> Result<(Counted, Option<Vec<TextRow>>), Failure> {
        let both = own.clone().and(all);
        let full = match self.try_count(asking, both, text).await? {
            Ok((counted, rows)) => return Ok((counted, Some(rows))),
            Err(full) => full,
        };
        if full.hit.is_some_and(|hit| own.has(hit.key)) {
            return Err(self.limited(asking, full.hit.as_ref(), full.wait).await);
        }
        let counted = self.count(asking, own).await?;
        // An operator is told, nobody else.
        drop(self.limited(asking, full.hit.as_ref(), full.wait).await);
        Ok((counted, None))
    }

    /// Counts, and nobody is told of one that is over its limit.
    async fn try_count(
        &self,
        asking: &Asking<'_>,
        counters: Counters<'_>,
        text: Option<&TextCount>,
    ) -> Result<Result<(Counted, Vec<TextRow>), Full>, Failure> {
        let hits = counters.into_hits();
        let limiter = &self.inner.limiter;
        let now = self.now();
        let full = |hit: Option<&Hit>, wait| {
            Ok(Err(Full {
                hit: hit.copied(),
                wait,
            }))
        };
        if let Some((place, wait)) = limiter.recall(&hits, now) {
            return full(hits.get(place), wait);
        }
        let attempt = Attempt {
            hits,
            at: now,
            is_stranger: asking.is_stranger,
        };
        let none = Decision::Counted {
            is_half_used: false,
        };
        let (decision, rows) = match text {
            Some(text) => limiter.store.count_with_text(&attempt, text).await?,
            None if attempt.hits.is_empty() => (none, Vec::new()),
            None => (limiter.store.count(&attempt).await?, Vec::new()),
        };
        let hits = attempt.hits;
        match decision {
            Decision::Counted { is_half_used } => Ok(Ok((Counted { hits, is_half_used }, rows))),
            Decision::Refused { hit, wait } => {
                let hit = hits.get(hit);
                if let Some(hit) = hit {
                    limiter.remember(hit.key, now, wait);
                }
                full(hit, wait)
            }
        }
    }

    /// Takes back that a log-in was counted as one that fails, and ends the row of those that did, once half of what may
    /// fail is used up: until then nobody would notice. One from a browser that is known ends no row, for it is counted in
    /// none: those who guess meanwhile would begin anew each time that the owner comes.
    pub(super) async fn give_back(&self, counted: &Counted) {
        if !counted.is_half_used {
            return;
        }
        let (mut rates, mut rows) = (Vec::new(), Vec::new());
        for hit in &counted.hits {
            match hit.limit {
                Limit::LogIns => {}
                Limit::FailuresInARow => rows.push(hit.key.subject()),
                _ => rates.push(*hit),
            }
        }
        self.give_hits_back(rates).await;
        if !rows.is_empty()
            && let Err(error) = self.inner.limiter.store.clear_limits(&rows).await
        {
            tracing::warn!(%error, "failures in a row were not forgotten");
        }
    }

    /// Ends the row of wrong passwords: one was right.
    pub(super) async fn end_row(&self, counted: &Counted) {
        let rows = counted.hits.iter();
        let hits = rows.filter(|hit| hit.limit == Limit::FailuresInARow);
        let hits: Vec<_> = hits.copied().collect();
        self.forget_wrong_codes(&Counted {
            hits,
            is_half_used: false,
        })
        .await;
    }

    /// Ends the row of wrong codes of an address whose owner has typed the right one.
    pub(super) async fn forget_wrong_codes(&self, counted: &Counted) {
        let rows: Vec<_> = counted.hits.iter().map(|hit| hit.key.subject()).collect();
        self.inner.limiter.forget(&counted.hits);
        if !rows.is_empty()
            && let Err(error) = self.inner.limiter.store.clear_limits(&rows).await
        {
            tracing::warn!(%error, "failures in a row were not ended");
        }
    }

    /// Takes back all of what was counted: nothing was tried.
    pub(super) async fn give_all_back(&self, counted: &Counted) {
        self.give_hits_back(counted.hits.clone()).await;
    }

    /// The same, but for what is counted by this limit.
    pub(super) async fn give_back_but(&self, limit: Limit, counted: &Counted) {
        let hits = counted.hits.iter().filter(|hit| hit.limit != limit);
        self.give_hits_back(hits.copied().collect()).await;
    }

    async fn give_hits_back(&self, hits: Vec<Hit>) {
        let limiter = &self.inner.limiter;
        limiter.forget(&hits);
        if !hits.is_empty()
            && let Err(error) = limiter.store.give_back(&hits, self.now()).await
        {
            tracing::warn!(%error, "what a limit had counted was not given back");
        }
    }

    /// Tells that a limit was met, and makes the failure of it.
    pub(super) async fn limited(
        &self,
        asking: &Asking<'_>,
        hit: Option<&Hit>,
        wait: Duration,
    ) -> Failure {
        let Some(hit) = hit else {
            return Failure::new(FailureKind::Broken);
        };
        if self.inner.limiter.is_news(hit.key, self.now()) {
            let user = asking.user.map(User::to_event_user);
            let seconds = wait.as_secs();
            tracing::info!(flow = asking.flow, limit = %hit.limit, seconds, "limited");
            let sender = Sender::new(asking.flow);
            self.happened(AttemptLimited::new(sender, hit.limit, wait, user))
                .await;
        }
        let limit = hit.limit;
        Failure::new(FailureKind::Limited { limit, wait })
    }

    /// The account that was found, so that all of its names share a counter; else one of the places for names that nobody
    /// has. Both take the same work.
    pub(super) fn subject(&self, name: &AccountName, user: Option<&User>) -> Subject {
        let nobody = self.inner.limiter.place_of_nobody(&name.canonical());
        match user {
            Some(user) => Subject {
                kind: b"user",
                id: user.id.get().to_be_bytes().to_vec(),
            },
            None => Subject {
                kind: b"nobody",
                id: nobody.to_vec(),
            },
        }
    }

    /// At most `limit` counters that are full, with keys above `after`: who is slowed down at present.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn full_limits_after(
        &self,
        after: Option<&LimitRow>,
        limit: u32,
    ) -> Result<Vec<LimitRow>, Failure> {
        let after = after.map(|row| &row.key);
        let store = &self.inner.limiter.store;
        Ok(store.full_limits_after(after, limit, self.now()).await?)
    }

    /// Removes counters of limits that are empty, and challenges that are over; how many they were. A [worker](crate::outbox::OutboxWorker) does so every
    /// minute; this is for a site without one.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// Some are removed, the others are left for the next time.
    pub async fn remove_empty_limits(&self) -> Result<u64, Failure> {
        let now = self.now();
        let challenges = limit_sweep::remove_challenges(self.store(), now).await?;
        let counters = limit_sweep::remove_empty(&*self.inner.limiter.store, now).await?;
        Ok(challenges + counters)
    }
}

/// What failures in a row are counted under, beside the account: a new password begins anew.
pub(super) fn password_of(user: Option<&User>) -> &[u8] {
    user.map_or(&[], |user| user.password.reveal().as_bytes())
}
