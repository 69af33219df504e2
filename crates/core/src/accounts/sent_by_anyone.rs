//! What is counted of messages that anyone can have sent to an address of someone else: resets, codes to log in, links that
//! prove an address.
//!
//! What all together can have sent to an address is little, and strangers can use it up. It stops messages, and nobody: who
//! asks then is answered as ever, and the address is sent nothing more. Who has it finds the message of a moment ago, and what
//! is in that is good for them too, no matter who asked for it.

use std::time::Duration;

use phone_auth_events::{Channel, Limit};

use super::limits::{Asking, Counted, Subject};
use super::{Accounts, Failure};
use crate::address::AddressKind;
use crate::limits::{Counters, LimitRule, Rate, TextCount, TextRow};
use crate::outbox::{Purpose, flow_of};
use crate::user::{AccountName, User};

/// One client network has one of so many shares of what all have: its own requests do not use up those of others.
const OF_NETWORK: u32 = 2;

/// The same of links that a user asks for once more, and one network there.
const ONCE_MORE: u32 = 2;
const ONCE_MORE_OF_NETWORK: u32 = 5;

/// While strangers use up those, what a client network gets at an address that it has asked for none of, the network around it,
/// and all such networks together.
const NEW_HERE: Rate = Rate::of(1, Duration::from_hours(24));
const NEW_HERE_OF_WIDE: Rate = Rate::of(10, Duration::from_hours(24));
const NEW_HERE_OF_ALL: Rate = Rate::of(20, Duration::from_hours(4));

/// Text messages that have a reset or a code to log in.
pub(super) const TEXTS: &[u8] = b"sent";

/// What became of a request for a message.
pub(super) struct CountedRequest {
    /// What was counted.
    pub(super) counted: Counted,
    /// What is counted of text messages, where it was counted with it.
    pub(super) rows: Vec<TextRow>,
    /// Whether the address was sent as many as it may be: then nobody is sent anything.
    pub(super) is_enough: bool,
}

impl Accounts {
    /// Counts a request for a password reset, or for a log-in by code: by network, and at the address, where one network has
    /// half. Either is a message that anyone can have sent to someone else, so they share what there is, and each has a part
    /// of it that the other does not use up: what was sent is of use to who asks only if it is the same. And, if it is not
    /// refused, a text message: what is counted of those.
    pub(super) async fn count_reset(
        &self,
        purpose: Purpose,
        name: &AccountName,
        user: Option<&User>,
        address: Option<(AddressKind, &str)>,
        text: Option<&TextCount>,
    ) -> Result<CountedRequest, Failure> {
        let requester = self.requester(name, user);
        let asking = Asking {
            flow: flow_of(purpose),
            user,
            is_stranger: requester.is_stranger(),
        };
        let subject = match address {
            Some((kind, value)) => Subject {
                kind: kind.as_str().as_bytes(),
                id: value.as_bytes().to_vec(),
            },
            None => self.subject(name, user),
        };
        let about = [subject.kind, &subject.id];
        let limit = Limit::ResetsOfAddress;
        let (channel, ways) = self.ways(purpose, name);
        let is_text = channel != Channel::Email;
        let texts = [TEXTS, subject.kind, &subject.id];
        if !asking.is_stranger {
            let device = requester.device().unwrap_or_default();
            let own = self.counters().about(limit, &about, &[b"device", &device]);
            let mut all = self.counters();
            if is_text {
                all = all.about(Limit::PhoneVerifications, &texts, &[b"known"]);
            }
            return self.count_request_with(&asking, [own, all], text).await;
        }
        let network = self.client.network();
        let mut own = self.counters().network(Limit::ResetRequests, network);
        if let Some(network) = network {
            own = own.share_about(OF_NETWORK, limit, &about, &[network.bytes()]);
        }
        let by = [purpose.as_str().as_bytes(), channel.as_str().as_bytes()];
        // Rounded up: who asks by mistake, or once more, gets one.
        let share = |rule| match rule {
            LimitRule::Rate(rate) => {
                LimitRule::Rate(Rate::of(rate.count().div_ceil(ways), rate.per()))
            }
            other => other,
        };
        let mut all = self.counters().by_rule(share, limit, &about, &by);
        if is_text {
            all = all.about(Limit::PhoneVerifications, &texts, &[]);
        }
        self.count_request_with(&asking, [own, all], text).await
    }

    /// By which channel a request has a message sent, and among how many ways of asking what an address can be sent is
    /// shared: by what was typed, no matter who has it.
    fn ways(&self, purpose: Purpose, name: &AccountName) -> (Channel, u32) {
        let settings = self.settings();
        let purposes = [Purpose::ResetPassword, Purpose::LogIn];
        let purposes = purposes.iter().filter(|it| settings.has_flow(**it)).count();
        let is_text = if name.phone.is_some() {
            !self.goes_by_email(purpose, name)
        } else {
            // A message for a username goes to both kinds of addresses.
            name.email.is_none() && self.offers(purpose, AddressKind::Phone)
        };
        let (channel, channels) = if is_text {
            let channels = settings.phone_channels.len();
            (self.channel_to(AddressKind::Phone), channels)
        } else {
            (Channel::Email, 1)
        };
        let ways = u32::try_from(purposes.max(1) * channels.max(1));
        (channel, ways.unwrap_or(u32::MAX))
    }

    async fn count_request_with(
        &self,
        asking: &Asking<'_>,
        [own, all]: [Counters<'_>; 2],
        text: Option<&TextCount>,
    ) -> Result<CountedRequest, Failure> {
        let counted = self.count_shared(asking, own, all, text).await;
        if let (Err(failure), true) = (&counted, asking.is_stranger)
            && failure.is_limited_by(&[Limit::ResetsOfAddress])
        {
            self.count_refused(asking, Limit::ResetRequests).await;
        }
        if counted.is_err() {
            self.note_refused(asking, &[Limit::ResetRequests]);
        }
        let (counted, rows) = counted?;
        Ok(CountedRequest {
            counted,
            is_enough: rows.is_none(),
            rows: rows.unwrap_or_default(),
        })
    }

    /// Gives back what was counted at the address of a request whose message could not be sent: its user asks again. What the
    /// client's network may ask for is used up.
    pub(super) async fn was_not_sent(&self, counted: &Counted) {
        self.give_back_but(Limit::ResetRequests, counted).await;
    }

    /// Counts a link to an address that may be anyone's, as resets are counted, of which one client network has half; what
    /// was counted, and whether the address was sent enough. With counters of their own: those of resets are about the
    /// account, so either would tell by the other whether there is one.
    pub(super) async fn count_proof(
        &self,
        asking: &Asking<'_>,
        (kind, value): (AddressKind, &str),
    ) -> Result<(Counted, bool), Failure> {
        let limit = Limit::ResetsOfAddress;
        let about = proofs_of(kind, value);
        let mut own = self.counters();
        if let Some(network) = self.client.network() {
            own = own.share_about(OF_NETWORK, limit, &about, &[network.bytes()]);
        }
        let mut all = self.counters().about(limit, &about, &[]);
        if kind == AddressKind::Phone {
            all = all.about(Limit::PhoneVerifications, &texts_that_prove(value), &[]);
        }
        let (counted, rows) = self.count_shared(asking, own, all, None).await?;
        Ok((counted, rows.is_none()))
    }

    /// The same of a link that a user asks for who has signed up with the address or added it. What others were sent is of no
    /// use to them, so where those who sign up have used up what there is, users have some of their own; and where other users
    /// have used up that, one at a network that has asked for none there is sent one all the same.
    pub(super) async fn count_proof_again(
        &self,
        asking: &Asking<'_>,
        (kind, value): (AddressKind, &str),
    ) -> Result<Vec<Counted>, Failure> {
        let (own, is_enough) = self.count_proof(asking, (kind, value)).await?;
        if !is_enough {
            return Ok(vec![own]);
        }
        let limit = Limit::ResetsOfAddress;
        let about = proofs_again_of(kind, value);
        let mut slowed = self.counters().share_about(ONCE_MORE, limit, &about, &[]);
        if kind == AddressKind::Phone {
            let texts = texts_that_prove_again(value);
            slowed = slowed.about(Limit::PhoneVerifications, &texts, &[]);
        }
        let again = match self.client.network() {
            Some(network) => {
                let (narrow, wide) = (network.bytes(), network.wide_bytes());
                slowed = slowed.share_about(ONCE_MORE_OF_NETWORK, limit, &about, &[narrow]);
                let at = |rate| move |_| LimitRule::Rate(rate);
                let new_here = self
                    .counters()
                    .by_rule(at(NEW_HERE), limit, &about, &[b"day", narrow])
                    .by_rule(at(NEW_HERE_OF_WIDE), limit, &about, &[b"day", wide])
                    .by_rule(at(NEW_HERE_OF_ALL), limit, &about, &[b"new"]);
                self.count_either(asking, slowed, new_here).await
            }
            None => self.count(asking, slowed).await,
        };
        match again {
            Ok(again) => Ok(vec![own, again]),
            Err(failure) => {
                self.give_all_back(&own).await;
                Err(failure)
            }
        }
    }
}

/// What links to an address that may be anyone's are counted by.
pub(super) const fn proofs_of(kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [b"proof", kind.as_str().as_bytes(), value.as_bytes()]
}

/// What links are counted by that users ask for where those who sign up have used up what there is.
pub(super) const fn proofs_again_of(kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [b"again", kind.as_str().as_bytes(), value.as_bytes()]
}

/// What links are counted by that are sent to a number, no matter who signs up with it.
pub(super) const fn texts_that_prove(value: &str) -> [&[u8]; 3] {
    [TEXTS, b"proof", value.as_bytes()]
}

/// The same of those that users ask for once more.
pub(super) const fn texts_that_prove_again(value: &str) -> [&[u8]; 3] {
    [TEXTS, b"again", value.as_bytes()]
}

/// What resets and codes to log in are counted by that are sent to a number as texts.
pub(super) const fn texts_to(kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [TEXTS, kind.as_str().as_bytes(), value.as_bytes()]
}
