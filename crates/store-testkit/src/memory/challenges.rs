//! Challenges, in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::challenge::{
    Challenge, ChallengeId, KeptChallenge, NewChallenge, Renewal, TakenPlace, TypedNames,
};
use phone_auth_core::link::RightCode;
use phone_auth_core::outbox::{NewMessage, Purpose, Superseded};
use phone_auth_core::store::{ChallengeStore, StoreError};

use super::MemoryStore;
use super::state::State;

#[async_trait]
impl ChallengeStore for MemoryStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        self.write(|state| {
            state.begin_challenge(*new);
            Ok(())
        })
        .await
    }

    async fn open_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        self.write(|state| {
            state.challenges.entry(new.id).or_insert((*new, None));
            Ok(())
        })
        .await
    }

    async fn challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
    ) -> Result<Option<KeptChallenge>, StoreError> {
        self.write(|state| {
            let found = find(&mut state.challenges, id);
            let found = found.filter(|(it, _)| it.purpose == purpose);
            Ok(found.map(|(it, proven_at)| KeptChallenge {
                email: it.email,
                phone: it.phone,
                subject: Some(it.subject),
                attempts_left: it.attempts,
                expires_at: it.expires_at,
                sends: it.sends,
                resend_at: Some(it.resend_at),
                proven_at: *proven_at,
            }))
        })
        .await
    }

    async fn renew_challenge(&self, renewal: &Renewal) -> Result<bool, StoreError> {
        self.write(|state| {
            let found = find(&mut state.challenges, &renewal.id);
            let Some((found, _)) = found.filter(|(it, _)| it.sends == renewal.sends) else {
                return Ok(false);
            };
            if found.expires_at <= renewal.now {
                found.attempts = renewal.attempts;
            }
            found.sends = renewal.sends_then;
            found.subject = renewal.subject;
            found.resend_at = renewal.resend_at;
            found.expires_at = renewal.expires_at;
            Ok(true)
        })
        .await
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        self.write(|state| {
            let Some((found, _)) = find(&mut state.challenges, id) else {
                return Ok(None);
            };
            if found.purpose != purpose || found.attempts == 0 || found.expires_at <= now {
                return Ok(None);
            }
            found.attempts -= 1;
            Ok(Some(Challenge {
                email: found.email,
                phone: found.phone,
                subject: Some(found.subject),
                attempts_left: found.attempts,
                expires_at: found.expires_at,
            }))
        })
        .await
    }

    async fn return_attempt(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        expires_at: DateTime<Utc>,
        most: u32,
    ) -> Result<(), StoreError> {
        self.write(|state| {
            let Some((found, proven_at)) = find(&mut state.challenges, id) else {
                return Ok(());
            };
            let is_same = found.purpose == purpose && found.expires_at == expires_at;
            if is_same && proven_at.is_none() && found.attempts < most {
                found.attempts += 1;
            }
            Ok(())
        })
        .await
    }

    async fn end_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let row = (code.kind, code.purpose.as_str(), code.address.get());
            let link = state.requests.get_mut(&row);
            let link = link.filter(|it| it.code_at == Some(code.code_at));
            let challenge = state.challenges.get_mut(id);
            let challenge = challenge.filter(|(_, proven_at)| proven_at.is_none());
            let (Some(link), Some((found, proven_at))) = (link, challenge) else {
                return Ok(false);
            };
            link.code_at = Some(code.next_code_at());
            (found.attempts, *proven_at) = (0, Some(now));
            Ok(true)
        })
        .await
    }

    async fn reopen_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        proven_at: DateTime<Utc>,
        attempts: u32,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let ended = state.challenges.get_mut(id);
            let Some((found, proven)) = ended.filter(|(_, at)| *at == Some(proven_at)) else {
                return Ok(false);
            };
            (found.attempts, *proven) = (attempts, None);
            let row = (code.kind, code.purpose.as_str(), code.address.get());
            let link = state.requests.get_mut(&row);
            if let Some(link) = link.filter(|it| it.code_at == Some(code.next_code_at())) {
                link.code_at = Some(code.code_at);
            }
            Ok(true)
        })
        .await
    }

    async fn keep_typed_names(
        &self,
        id: &ChallengeId,
        names: &TypedNames,
    ) -> Result<(), StoreError> {
        self.write(|state| {
            if find(&mut state.challenges, id).is_some() {
                let place = place_of(&state.challenges, id);
                state.typed_names.insert(place, names.clone());
            }
            Ok(())
        })
        .await
    }

    async fn typed_names(&self, id: &ChallengeId) -> Result<Option<TypedNames>, StoreError> {
        self.write(|state| {
            let is_there = find(&mut state.challenges, id).is_some();
            let place = place_of(&state.challenges, id);
            let names = state.typed_names.get(&place).filter(|_| is_there);
            Ok(names.cloned())
        })
        .await
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(|state| {
            let over = state
                .challenges
                .iter()
                .filter(|(_, (it, _))| it.expires_at <= now);
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let ids: Vec<_> = over.map(|(id, _)| *id).take(most).collect();
            for id in &ids {
                state.challenges.remove(id);
                state.typed_names.remove(id);
            }
            Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

impl MemoryStore {
    /// Enqueues messages, and begins the challenges that come with them; what each has superseded.
    pub(super) async fn enqueue_all<const N: usize>(
        &self,
        messages: [&NewMessage; N],
    ) -> Result<[Option<Superseded>; N], StoreError> {
        self.write(|state| {
            Ok(messages.map(|message| {
                let superseded = state.enqueue(message);
                if let Some(challenge) = message.challenge {
                    state.begin_challenge(challenge);
                }
                superseded
            }))
        })
        .await
    }
}

impl State {
    pub(super) fn begin_challenge(&mut self, new: NewChallenge) {
        if let Some(previous) = new.previous
            && new.purpose != Purpose::Verify
            && find(&mut self.challenges, &previous)
                .is_some_and(|(before, _)| before.purpose == new.purpose)
        {
            let place = place_of(&self.challenges, &previous);
            self.challenges.remove(&place);
            self.typed_names.remove(&place);
        }
        let taken = of_group(&self.challenges, &new.id);
        let taken: Vec<_> = taken
            .map(|(place, (it, _))| TakenPlace {
                place: *place,
                key_digest: it.key_digest(),
                created_at: it.created_at,
                expires_at: it.expires_at,
            })
            .collect();
        let place = new.place(&taken);
        self.typed_names.remove(&place);
        self.challenges.insert(place, (new, None));
    }
}

/// A challenge, and when its right code came.
type Proven = (NewChallenge, Option<DateTime<Utc>>);

/// The one with this id, which may be at a place of nobody.
fn find<'a>(
    challenges: &'a mut BTreeMap<ChallengeId, Proven>,
    id: &ChallengeId,
) -> Option<&'a mut Proven> {
    let place = place_of(challenges, id);
    let found = challenges.get_mut(&place);
    found.filter(|(it, _)| it.id == *id)
}

/// Where a challenge is: under its id, or at a place of nobody.
fn place_of(challenges: &BTreeMap<ChallengeId, Proven>, id: &ChallengeId) -> ChallengeId {
    let mut group = of_group(challenges, id);
    let place = group.find(|(_, (it, _))| it.id == *id);
    place.map_or(*id, |(place, _)| *place)
}

/// What stands at the places at which the challenge with this id may be, if it is nobody's.
fn of_group<'a>(
    challenges: &'a BTreeMap<ChallengeId, Proven>,
    id: &ChallengeId,
) -> impl Iterator<Item = (&'a ChallengeId, &'a Proven)> + use<'a> {
    let first = id.group_of_nobody();
    challenges.range(first..=first.end_of_group())
}
