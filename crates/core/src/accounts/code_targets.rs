//! Whom a code may prove, and what a wrong one is counted by. It costs the same for everybody, also if it was sent to nobody: for each
//! kind of address one target is read, one code compared and one counter counted.

use chrono::{DateTime, Utc};
use phone_auth_events::Limit;

use super::limits::{Asking, Counted};
use super::{Accounts, Failure, wrong_codes};
use crate::address::{AddressId, AddressKind};
use crate::challenge::{ChallengeId, ChallengeSubject};
use crate::limits::{Counters, Limiter};
use crate::link::{LinkTarget, Links, RightCode};
use crate::outbox::Purpose;
use crate::user::{AccountName, UserId};

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

/// Whom the code of a challenge may prove.
pub(super) struct CodeTargets {
    purpose: Purpose,
    subject: ChallengeSubject,
    /// One for each kind of address; none where no code was sent to one, or its user is disabled.
    targets: [Option<LinkTarget>; 2],
}

impl CodeTargets {
    pub(super) fn iter(&self) -> impl Iterator<Item = &LinkTarget> {
        self.targets.iter().flatten()
    }

    /// Has the wrong code of each target counted, with what it is counted by and its user; where there is no target, as many
    /// counters that are never full, but for the first of nobody's.
    fn count<'a>(
        &self,
        counters: Counters<'a>,
        each: usize,
        count: impl Fn(Counters<'a>, &[&[u8]], Option<UserId>) -> Counters<'a>,
    ) -> Counters<'a> {
        let purpose = self.purpose.as_str().as_bytes();
        let subject = self.subject.as_bytes();
        let place = Limiter::place_of(subject);
        let nobodys = [b"nobody".as_slice(), purpose, &place];
        let mut nobodys = self.iter().next().is_none().then_some(nobodys);
        let mut counters = counters;
        for (target, kind) in self.targets.iter().zip(KINDS) {
            counters = match (target, nobodys.take()) {
                (Some(target), _) => {
                    let about = wrong_codes_of(self.purpose, kind, &target.address.value);
                    count(counters, &about, Some(target.user.id))
                }
                (None, Some(about)) => count(counters, &about, None),
                (None, None) => (0..each).fold(counters, |counters, number| {
                    let number = [u8::try_from(number).unwrap_or_default()];
                    let about = [
                        b"none".as_slice(),
                        kind.as_str().as_bytes(),
                        subject,
                        &number,
                    ];
                    counters.never_full(Limit::WrongCodes, &about)
                }),
            };
        }
        counters
    }

    /// The one whose code this is.
    pub(super) fn into_proven(
        self,
        links: &Links,
        code: &str,
        now: DateTime<Utc>,
    ) -> Option<LinkTarget> {
        let mut proven = None;
        for target in self.targets {
            match target {
                Some(target) if links.is_code(self.purpose, &target, code, now) => {
                    proven = Some(target);
                }
                Some(_) => {}
                None => links.check_nothing(code),
            }
        }
        proven
    }

    /// The one whose code this was, at a challenge that it has ended: another may have taken its place since.
    pub(super) fn into_used(
        mut self,
        links: &Links,
        code: &str,
        now: DateTime<Utc>,
    ) -> Option<LinkTarget> {
        let purpose = self.purpose;
        let before = |code_at| RightCode::code_at_before(purpose, code_at);
        for target in self.targets.iter_mut().flatten() {
            target.code_at = target.code_at.map(before);
        }
        self.into_proven(links, code, now)
    }
}

/// What wrong codes of an address are counted by. Those of each purpose by themselves: an address that is sent codes with one
/// purpose only would be told from one that nobody has.
pub(super) const fn wrong_codes_of(purpose: Purpose, kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [
        purpose.as_str().as_bytes(),
        kind.as_str().as_bytes(),
        value.as_bytes(),
    ]
}

/// What tells the rows of wrong codes at one address from each other: the user, and of one who confirms who they are also the place
/// of the session.
pub(super) fn whose_codes(user: UserId, place: Option<u8>) -> Vec<u8> {
    let id = user.get().to_be_bytes();
    id.into_iter().chain(place).collect()
}

impl Accounts {
    /// Whose row a wrong code of a signed-in user is counted in. Who confirms who they are may be a thief in a session of the user,
    /// who keeps them from nothing in another: so sessions have rows of their own, as they have for passwords, and share them as there.
    pub(super) fn whose_codes(
        &self,
        purpose: Purpose,
        user: UserId,
        challenge: &ChallengeId,
    ) -> Vec<u8> {
        // Its challenges are of one session, and so are their ids.
        let place = (purpose == Purpose::Confirm)
            .then(|| self.inner.limiter.place_of_session(challenge.as_bytes()));
        whose_codes(user, place)
    }

    /// The targets of a challenge, with the addresses that a code was sent to.
    pub(super) async fn code_targets(
        &self,
        purpose: Purpose,
        addresses: impl Iterator<Item = (AddressKind, AddressId)>,
        subject: Option<ChallengeSubject>,
    ) -> Result<CodeTargets, Failure> {
        /// No row of an address has this number.
        const NOBODYS: AddressId = AddressId::new(0);

        let addresses: Vec<_> = addresses.collect();
        let mut targets = [None, None];
        for (target, kind) in targets.iter_mut().zip(KINDS) {
            let sent = addresses.iter().find(|(sent, _)| *sent == kind);
            let id = sent.map_or(NOBODYS, |(_, id)| *id);
            let found = self.store().link_target(purpose, kind, id).await?;
            // An address that is not verified any more is no way to know its user by.
            let is_known = |it: &LinkTarget| purpose != Purpose::Confirm || it.address.is_verified;
            *target = found.filter(|it| it.user.is_active && is_known(it));
        }
        Ok(CodeTargets {
            purpose,
            subject: subject.unwrap_or(ChallengeSubject::from_bytes([0; 8])),
            targets,
        })
    }

    /// Counts an attempt as a wrong code: of its address, and of nobody's by what was typed. Of a browser that is known for the
    /// account, and of a user who verifies an address, by themselves, so that strangers do not use up what the owner has, nor
    /// one claimant what another has. However many browsers a user has, there is an end to what they try, and to what all who want
    /// to prove one address do.
    ///
    /// Of a user who confirms who they are the sessions are [counted by themselves](Self::whose_codes).
    ///
    /// An owner whose browser is not known is a stranger as others are. While those who guess make everyone wait, the first
    /// attempts of a network that has not made any lately need not; so it is the network of the one who guesses that waits.
    pub(super) async fn count_code(
        &self,
        targets: &CodeTargets,
        challenge: &ChallengeId,
        owner: Option<UserId>,
    ) -> Result<Counted, Failure> {
        let user = targets.iter().next().map(|target| &target.user);
        let requester = self.requester(&AccountName::default(), user);
        let asking = Asking {
            flow: "prove_code",
            user,
            is_stranger: owner.is_none() && requester.is_stranger(),
        };
        if !asking.is_stranger {
            let device = requester.device().unwrap_or_default();
            let count = |counters, about: &[&[u8]], user: Option<UserId>| {
                let user = user.unwrap_or(UserId::new(0));
                let whose = self.whose_codes(targets.purpose, user, challenge);
                let own = [about, &[whose.as_slice()]].concat();
                Counters::about(counters, Limit::WrongCodes, &own, &[]).about(
                    Limit::WrongCodesOfDevice,
                    &own,
                    &[&device],
                )
            };
            let own = targets.count(self.counters(), 2, count);
            if owner.is_none() {
                return self.count(&asking, own).await;
            }
            let all = targets.count(own.clone(), 1, |counters, about, _| {
                wrong_codes::of_claimants(counters, about)
            });
            let network = self.client.network();
            let new_here = targets.count(own, 3, |counters, about, _| {
                wrong_codes::of_new_claimants(counters, about, network, challenge)
            });
            return self.count_either(&asking, all, new_here).await;
        }
        let slowed = targets.count(self.counters(), 2, |counters, about, _| {
            wrong_codes::slowed(counters, about)
        });
        let network = self.client.network();
        let new_here = targets.count(self.counters(), 4, |counters, about, _| {
            wrong_codes::new_here(counters, about, network, challenge)
        });
        self.count_either(&asking, slowed, new_here).await
    }
}
