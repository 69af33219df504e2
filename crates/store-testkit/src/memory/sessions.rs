//! Sessions, in memory.

use std::cmp::Reverse;
use std::mem::take;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::session::{
    ActiveSession, ListedSession, NewLogIn, NewProof, NewSession, NewUse, PasswordDigest,
    SessionDigest, SessionState, StoredSession,
};
use phone_auth_core::store::{SessionStore, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;

use super::MemoryStore;
use super::state::{BoundSession, State, to_micros};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        let begun = self.write(|state| {
            let session = &log_in.session;
            let is_taken = state.sessions.contains_key(&session.digest);
            let Some(user) = state.users.get_mut(&session.user) else {
                return Ok(false);
            };
            if !user.is_active || user.password != log_in.checked_password {
                return Ok(false);
            }
            let closing = state.closings.get(&session.user);
            if log_in.unless_closing && closing.is_some_and(|it| !it.is_of_nobody) {
                return Ok(false);
            }
            if is_taken {
                return Err(StoreError::new(StoreErrorKind::SessionExists));
            }
            user.last_login = Some(to_micros(session.created_at));
            if let Some(upgraded) = &log_in.upgraded_password {
                user.password = upgraded.clone();
                let old = PasswordDigest::of(&log_in.checked_password);
                let others = state.sessions.values_mut();
                for other in others.filter(|it| it.session.user == session.user) {
                    if other.bound_to == Some(old) {
                        other.bound_to = Some(PasswordDigest::of(upgraded));
                    }
                }
            }
            if let Some(ended) = &log_in.ends {
                state.sessions.remove(ended);
            }
            let stored = BoundSession {
                session: NewSession {
                    created_at: to_micros(session.created_at),
                    expires_at: to_micros(session.expires_at),
                    ..session.clone()
                },
                bound_to: Some(PasswordDigest::of(log_in.stored_password())),
                proven_at: None,
                seen_at: to_micros(session.created_at),
            };
            state.sessions.insert(session.digest, stored);
            state.end_oldest(&session.digest, session.user, log_in.max_sessions);
            Ok(true)
        });
        let begun = begun.await?;
        if begun && take(&mut self.lock().loses_log_in) {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        }
        Ok(begun)
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        self.write(|state| {
            let Some(stored) = state.stored_session(digest, now) else {
                return Ok(None);
            };
            match stored.state() {
                SessionState::Alive => {}
                SessionState::Unbound(password) => state.bind(digest, password),
                SessionState::Over => {
                    state.sessions.remove(digest);
                    return Ok(None);
                }
            }
            Ok(Some(stored.session))
        })
        .await
    }

    async fn prove_session(&self, proof: &NewProof) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_taken = state.sessions.contains_key(&proof.becomes);
            let found = state.sessions.get(&proof.digest);
            if found.is_none_or(|it| it.bound_to != Some(proof.password)) {
                return Ok(false);
            }
            if is_taken {
                return Err(StoreError::new(StoreErrorKind::SessionExists));
            }
            if let Some(mut it) = state.sessions.remove(&proof.digest) {
                it.session.digest = proof.becomes;
                it.proven_at = Some(to_micros(proof.at));
                state.sessions.insert(proof.becomes, it);
            }
            Ok(true)
        })
        .await
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        self.write(|state| Ok(state.sessions.remove(digest).is_some()))
            .await
    }

    async fn note_session_use(&self, noted: &NewUse) -> Result<bool, StoreError> {
        self.write(|state| {
            let found = state.sessions.get_mut(&noted.digest);
            let Some(it) = found.filter(|it| it.seen_at <= to_micros(noted.unless_since)) else {
                return Ok(false);
            };
            it.seen_at = to_micros(noted.at);
            let (had, now) = (&mut it.session.client, noted.client.clone());
            had.address = now.address.or(had.address);
            had.browser = now.browser.or(had.browser.take());
            Ok(true)
        })
        .await
    }

    async fn sessions_of(
        &self,
        user: UserId,
        password: &PasswordDigest,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListedSession>, StoreError> {
        self.read(|state| {
            let of_user = state.sessions.values().filter(|it| {
                let is_bound = it.bound_to.is_none_or(|bound_to| bound_to == *password);
                it.session.user == user && it.session.expires_at > now && is_bound
            });
            let mut listed: Vec<_> = of_user
                .map(|it| ListedSession {
                    digest: it.session.digest,
                    handle: it.session.handle,
                    created_at: it.session.created_at,
                    seen_at: it.seen_at,
                    expires_at: it.session.expires_at,
                    client: it.session.client.clone(),
                })
                .collect();
            listed.sort_by_key(|it| (Reverse(it.seen_at), *it.digest.as_bytes()));
            listed.truncate(up_to(limit));
            listed
        })
        .await
    }

    async fn end_sessions_of(
        &self,
        user: UserId,
        keeps: Option<&SessionDigest>,
    ) -> Result<Option<u64>, StoreError> {
        self.write(|state| {
            let is_of_user = |digest| {
                let found = state.sessions.get(digest);
                found.is_some_and(|it| it.session.user == user)
            };
            if !keeps.is_none_or(is_of_user) {
                return Ok(None);
            }
            let before = state.sessions.len();
            let sessions = &mut state.sessions;
            sessions.retain(|digest, it| it.session.user != user || Some(digest) == keeps);
            let ended = before - state.sessions.len();
            Ok(Some(ended.try_into().unwrap_or(u64::MAX)))
        })
        .await
    }

    async fn remove_expired_sessions(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(|state| {
            let expired = state.sessions.values().map(|it| &it.session);
            let expired = expired.filter(|session| session.expires_at <= now);
            let digests: Vec<_> = expired.map(|it| it.digest).take(up_to(limit)).collect();
            for digest in &digests {
                state.sessions.remove(digest);
            }
            Ok(digests.len().try_into().unwrap_or(u64::MAX))
        })
        .await
    }

    async fn remove_disabled_sessions(
        &self,
        after: Option<&SessionDigest>,
        limit: u32,
    ) -> Result<(u64, Option<SessionDigest>), StoreError> {
        self.write(|state| {
            let mut next: Vec<_> = state.sessions.keys().copied().collect();
            next.retain(|digest| after.is_none_or(|after| digest.as_bytes() > after.as_bytes()));
            next.sort_by_key(|digest| *digest.as_bytes());
            next.truncate(up_to(limit));
            let before = state.sessions.len();
            let users = &state.users;
            state.sessions.retain(|digest, stored| {
                let is_active = users
                    .get(&stored.session.user)
                    .is_some_and(|user| user.is_active);
                is_active || !next.contains(digest)
            });
            let removed = before - state.sessions.len();
            Ok((removed.try_into().unwrap_or(u64::MAX), next.last().copied()))
        })
        .await
    }

    async fn bind_sessions(&self, limit: u32) -> Result<u64, StoreError> {
        self.write(|state| {
            let mut bound = 0;
            let unbound = state.sessions.values_mut();
            for it in unbound
                .filter(|it| it.bound_to.is_none())
                .take(up_to(limit))
            {
                let user = state.users.get(&it.session.user);
                it.bound_to = user.map(|user| PasswordDigest::of(&user.password));
                bound += 1;
            }
            Ok(bound)
        })
        .await
    }
}

/// A limit as a number of elements.
fn up_to(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

impl State {
    /// The session of this digest that has time left.
    fn stored_session(&self, digest: &SessionDigest, now: DateTime<Utc>) -> Option<StoredSession> {
        let it = self.sessions.get(digest)?;
        let user = self.users.get(&it.session.user)?;
        if now >= it.session.expires_at {
            return None;
        }
        let session = ActiveSession {
            digest: *digest,
            user: user.clone(),
            has_verified_email: self.has_verified(AddressKind::Email, user.id),
            has_verified_phone: self.has_verified(AddressKind::Phone, user.id),
            expires_at: it.session.expires_at,
            proven_at: it.proven_at,
            seen_at: Some(it.seen_at),
            created_at: Some(it.session.created_at),
        };
        Some(StoredSession {
            session,
            bound_to: it.bound_to,
        })
    }

    /// Ends the oldest of the sessions that a user has beside the new one, above a number.
    fn end_oldest(&mut self, new: &SessionDigest, user: UserId, most: u32) {
        let sessions = self.sessions.values().map(|it| &it.session);
        let others = sessions.filter(|it| it.user == user && it.digest != *new);
        let mut others: Vec<_> = others.map(|it| (it.created_at, it.digest)).collect();
        others.sort_by_key(|(at, digest)| (Reverse(*at), *digest.as_bytes()));
        for (_, digest) in others.iter().skip(up_to(most.saturating_sub(1))) {
            self.sessions.remove(digest);
        }
    }

    /// Binds a session to a password.
    fn bind(&mut self, digest: &SessionDigest, password: PasswordDigest) {
        if let Some(it) = self.sessions.get_mut(digest) {
            it.bound_to = Some(password);
        }
    }
}
