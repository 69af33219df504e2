//! Sessions of our own: rows of the store, which knows no key but its digest.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::{ATTEMPTS, Failure, FailureKind};
use crate::randomness::{Randomness, RandomnessError};
use crate::session::{
    KeptSession, ListedSession, NewLogIn, NewProof, NewSession, NewUse, PasswordDigest,
    PasswordReplacement, SessionHandle, SessionKey,
};
use crate::sessions::{EndedSessions, FoundSession, LogIn, Rebound, Sessions};
use crate::store::{Store, StoreErrorKind};
use crate::user::{User, UserId};

/// The most sessions of a user that are listed: as many as a user can be allowed.
const MAX_LISTED: u32 = 1_000;

/// The sessions that a store keeps.
pub(super) struct OwnSessions(pub(super) Arc<dyn Store>);

#[async_trait]
impl Sessions for OwnSessions {
    fn new_key(&self, randomness: &dyn Randomness) -> Result<SessionKey, RandomnessError> {
        let mut bytes = Zeroizing::new([0; SessionKey::BYTES]);
        randomness.fill(bytes.as_mut())?;
        Ok(SessionKey::from_bytes(&bytes))
    }

    async fn find(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<FoundSession>, Failure> {
        let session = self.0.session(&key.digest(), now).await?;
        Ok(session.map(|session| FoundSession {
            session,
            key: key.clone(),
            is_stale: false,
        }))
    }

    async fn begin(
        &self,
        log_in: &LogIn<'_>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        for _ in 0..ATTEMPTS {
            let key = self.new_key(randomness)?;
            let mut handle = [0; SessionHandle::BYTES];
            randomness.fill(&mut handle)?;
            let new = NewLogIn {
                checked_password: log_in.user.password.clone(),
                upgraded_password: log_in.upgraded_password.cloned(),
                session: NewSession {
                    digest: key.digest(),
                    user: log_in.user.id,
                    created_at: log_in.at,
                    expires_at: log_in.expires_at,
                    handle: SessionHandle::from_bytes(handle),
                    client: log_in.client.clone(),
                },
                ends: log_in.previous.map(SessionKey::digest),
                max_sessions: log_in.max_sessions,
                unless_closing: log_in.unless_closing,
            };
            match self.0.log_in(&new).await {
                Ok(began) => return Ok(began.then_some(key)),
                // The key is another user's already: take another, never theirs.
                Err(error) if error.kind() == StoreErrorKind::SessionExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::new(FailureKind::Broken))
    }

    async fn rebind(
        &self,
        key: &SessionKey,
        mut replacement: PasswordReplacement,
        _now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Rebound, Failure> {
        let new = self.new_key(randomness)?;
        replacement.keeps = Some(KeptSession {
            digest: key.digest(),
            becomes: new.digest(),
        });
        match self.0.replace_password(&replacement).await {
            Ok(true) => Ok(Rebound::Done(new)),
            Ok(false) => Ok(Rebound::Changed),
            Err(error) if error.kind() == StoreErrorKind::SessionExists => Ok(Rebound::Changed),
            Err(error) => Err(error.into()),
        }
    }

    async fn renew(
        &self,
        _found: &FoundSession,
        _now: DateTime<Utc>,
        _randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        // None of ours is ever stale.
        Ok(None)
    }

    async fn prove(
        &self,
        found: &FoundSession,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        let new = self.new_key(randomness)?;
        let proof = NewProof {
            digest: found.session.digest,
            becomes: new.digest(),
            password: PasswordDigest::of(&found.session.user.password),
            at: now,
        };
        match self.0.prove_session(&proof).await {
            Ok(is_noted) => Ok(is_noted.then_some(new)),
            Err(error) if error.kind() == StoreErrorKind::SessionExists => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn end(&self, key: &SessionKey) -> Result<bool, Failure> {
        Ok(self.0.end_session(&key.digest()).await?)
    }

    async fn note_use(&self, noted: &NewUse) -> Result<(), Failure> {
        self.0.note_session_use(noted).await?;
        Ok(())
    }

    async fn of_user(
        &self,
        user: &User,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<ListedSession>>, Failure> {
        if !user.is_active {
            return Ok(Some(Vec::new()));
        }
        let password = PasswordDigest::of(&user.password);
        let listed = self.0.sessions_of(user.id, &password, now, MAX_LISTED);
        Ok(Some(listed.await?))
    }

    async fn end_listed(&self, listed: &ListedSession) -> Result<bool, Failure> {
        Ok(self.0.end_session(&listed.digest).await?)
    }

    async fn end_all(
        &self,
        user: UserId,
        keeps: Option<&SessionKey>,
    ) -> Result<EndedSessions, Failure> {
        let keeps = keeps.map(SessionKey::digest);
        let ended = self.0.end_sessions_of(user, keeps.as_ref()).await?;
        Ok(ended.map_or(EndedSessions::KeptIsOver, EndedSessions::Ended))
    }
}
