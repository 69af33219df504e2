//! Sessions, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::session::{ActiveSession, NewLogIn, NewSession, SessionDigest};
use phone_auth_core::store::{SessionStore, StoreError, StoreErrorKind};

use super::MemoryStore;
use super::state::{State, to_micros};

#[async_trait]
impl SessionStore for MemoryStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        self.write(|state| {
            let session = &log_in.session;
            let is_taken = state.sessions.contains_key(&session.digest);
            let Some(person) = state.people.get_mut(&session.person) else {
                return Ok(false);
            };
            if !person.is_active || person.password != log_in.checked_password {
                return Ok(false);
            }
            if is_taken {
                return Err(StoreError::new(StoreErrorKind::SessionExists));
            }
            person.last_login = Some(to_micros(session.created_at));
            if let Some(upgraded) = &log_in.upgraded_password {
                person.password = upgraded.clone();
            }
            if let Some(ended) = &log_in.ends {
                state.sessions.remove(ended);
            }
            let stored = NewSession {
                created_at: to_micros(session.created_at),
                expires_at: to_micros(session.expires_at),
                ..session.clone()
            };
            state.sessions.insert(session.digest, stored);
            Ok(true)
        })
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        self.read(|state| state.alive(digest, now))
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        self.write(|state| Ok(state.sessions.remove(digest).is_some()))
    }

    async fn remove_expired_sessions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(|state| {
            let before = state.sessions.len();
            state.sessions.retain(|_, session| now < session.expires_at);
            let removed = before.saturating_sub(state.sessions.len());
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }
}

impl State {
    /// The session of this digest, if it is alive.
    fn alive(&self, digest: &SessionDigest, now: DateTime<Utc>) -> Option<ActiveSession> {
        let session = self.sessions.get(digest)?;
        let person = self.people.get(&session.person)?;
        if now >= session.expires_at || !person.is_active {
            return None;
        }
        Some(ActiveSession {
            digest: *digest,
            person: person.clone(),
            has_verified_email: self.has_verified(AddressKind::Email, person.id),
            has_verified_phone: self.has_verified(AddressKind::Phone, person.id),
            expires_at: session.expires_at,
        })
    }
}
