//! Being logged in at a Django site on the same database, and here, by one session.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::accounts::Failure;
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::randomness::{Randomness, RandomnessError};
use phone_auth_core::session::{ActiveSession, PasswordReplacement, SessionKey};
use phone_auth_core::sessions::{FoundSession, LogIn, Rebound, Sessions};
use phone_auth_core::store::{DjangoSessionStore, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use zeroize::Zeroizing;

use crate::{DjangoKeys, SessionAuthHash, SessionData};

/// What Django calls the class of its own that lets users in.
const DJANGOS_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// What Django calls the class of django-phone-auth that lets users in.
const BACKEND: &str = "phone_auth.backend.CustomAuthBackend";

/// How many keys are tried before one that is another user's already is an error.
const ATTEMPTS: usize = 3;

/// Sessions that are shared with a Django site on the same database: anyone who is logged in there is
/// logged in here, and the other way round. For
/// [`AccountsBuilder::sessions`](phone_auth_core::accounts::AccountsBuilder::sessions).
///
/// # Security
/// - The table holds the keys of sessions in the clear, as Django wants it: a copy of the database lets its
///   reader in. Sessions of our own are kept as digests.
/// - Anyone who has a `SECRET_KEY` can log in as anyone.
#[derive(Clone)]
pub struct DjangoSessions {
    store: Arc<dyn DjangoSessionStore>,
    keys: DjangoKeys,
    backend: String,
    /// The classes whose sessions count, beside `backend`.
    others: Vec<String>,
}

impl DjangoSessions {
    /// The sessions of a site with these keys.
    pub fn new(store: Arc<dyn DjangoSessionStore>, keys: DjangoKeys) -> Self {
        Self {
            store,
            keys,
            backend: BACKEND.to_owned(),
            others: vec![DJANGOS_BACKEND.to_owned()],
        }
    }

    /// With another class in the sessions that are begun here: one of the site's
    /// `AUTHENTICATION_BACKENDS`, or else Django takes anyone who logs in here for nobody.
    #[must_use]
    pub fn with_backend(mut self, path: impl Into<String>) -> Self {
        self.backend = path.into();
        self
    }

    /// Counts sessions of these classes, beside the one in the sessions that are begun here: all of the site's
    /// `AUTHENTICATION_BACKENDS`, for of another class's it takes anyone who has one for nobody. Unless said
    /// otherwise Django's own `ModelBackend`.
    #[must_use]
    pub fn accepting_backends<'b>(mut self, paths: impl IntoIterator<Item = &'b str>) -> Self {
        self.others = paths.into_iter().map(str::to_owned).collect();
        self
    }

    /// Whether a session of this class counts.
    fn accepts(&self, backend: &str) -> bool {
        self.backend == backend || self.others.iter().any(|other| other == backend)
    }

    /// A row that holds this.
    fn row(
        &self,
        key: SessionKey,
        data: &SessionData,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> DjangoRow {
        DjangoRow {
            key,
            data: self.keys.write_session(data, now),
            expires_at,
        }
    }

    /// The hash that binds a session to a password.
    fn hash(&self, password: &EncodedPassword) -> String {
        self.keys.session_auth_hash(password.reveal())
    }

    /// Whether a session is bound to this password, and by the key in use.
    fn check(&self, data: &SessionData, password: &EncodedPassword) -> SessionAuthHash {
        data.auth_hash().map_or(SessionAuthHash::Refused, |hash| {
            self.keys.check_session_auth(password.reveal(), &hash)
        })
    }

    /// The row of a key that Django may have made, and what it holds.
    async fn read(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<(DjangoRow, SessionData)>, StoreError> {
        if !key.is_djangos() {
            return Ok(None);
        }
        let row = self.store.django_session(key, now).await?;
        Ok(row.and_then(|row| {
            let data = self.keys.read_session(&row.data)?;
            Some((row, data))
        }))
    }

    /// Puts a session under another key, with something else in it. `None` when it is over, someone else was faster, or the
    /// change does not fit.
    async fn rewrite(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
        change: impl FnOnce(&mut SessionData) -> bool,
    ) -> Result<Option<SessionKey>, Failure> {
        let Some((old, mut data)) = self.read(key, now).await? else {
            return Ok(None);
        };
        if !change(&mut data) {
            return Ok(None);
        }
        let key = self.new_key(randomness)?;
        let new = self.row(key.clone(), &data, now, old.expires_at);
        let rewrite = DjangoRewrite { old, new };
        let is_rewritten = self.store.rewrite_django_session(&rewrite).await?;
        Ok(is_rewritten.then_some(key))
    }

    /// What the session of a log-in holds: what others keep in the one that the browser came with moves along, unless
    /// that was another user's.
    async fn data_of(&self, log_in: &LogIn<'_>) -> Result<SessionData, StoreError> {
        let before = match log_in.previous {
            Some(key) => self.read(key, log_in.at).await?,
            None => None,
        };
        let user = log_in.user;
        let mut data = before
            .map(|(_, data)| data)
            .filter(|data| match data.user() {
                None => data.auth_hash().is_none(),
                Some(id) => {
                    id == user.id.get()
                        && data.backend().is_some_and(|backend| self.accepts(&backend))
                        && self.check(data, &user.password) != SessionAuthHash::Refused
                }
            })
            .unwrap_or_default();
        let password = log_in.upgraded_password.unwrap_or(&user.password);
        data.log_in(user.id.get(), &self.backend, &self.hash(password));
        // Whatever was proven before it counts no more.
        data.set_proven_at(None);
        Ok(data)
    }
}

impl fmt::Debug for DjangoSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoSessions")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Sessions for DjangoSessions {
    fn are_shared(&self) -> bool {
        true
    }

    /// As Django makes them.
    fn new_key(&self, randomness: &dyn Randomness) -> Result<SessionKey, RandomnessError> {
        let mut text = Zeroizing::new(String::with_capacity(SessionKey::DJANGO_CHARS));
        let mut bytes = Zeroizing::new([0_u8; 64]);
        loop {
            randomness.fill(bytes.as_mut())?;
            // 252 is the largest multiple of 36 in a byte: each character is as likely as any other.
            let digits = bytes.iter().filter(|byte| **byte < 252);
            let characters = digits.filter_map(|byte| char::from_digit(u32::from(byte % 36), 36));
            let missing = SessionKey::DJANGO_CHARS - text.len();
            text.extend(characters.take(missing));
            // A key is one as soon as it has its length.
            if let Some(key) = SessionKey::parse(&text) {
                return Ok(key);
            }
        }
    }

    async fn find(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<FoundSession>, Failure> {
        let Some((row, data)) = self.read(key, now).await? else {
            return Ok(None);
        };
        let backend = data.backend().filter(|backend| self.accepts(backend));
        let (Some(user), Some(_)) = (data.user(), backend) else {
            return Ok(None);
        };
        let Some(found) = self.store.proven_user(UserId::new(user)).await? else {
            return Ok(None);
        };
        let is_stale = match self.check(&data, &found.user.password) {
            SessionAuthHash::Current if found.user.is_active => false,
            SessionAuthHash::Fallback if found.user.is_active => true,
            _ => {
                // As Django does: a session of an older password would come to life with that password. And as our
                // own: one of a user who is disabled would come to life with the user.
                self.store.remove_django_session(&row).await?;
                return Ok(None);
            }
        };
        let session = ActiveSession {
            digest: key.digest(),
            user: found.user,
            has_verified_email: found.has_verified_email,
            has_verified_phone: found.has_verified_phone,
            expires_at: row.expires_at,
            proven_at: data.proven_at(),
            seen_at: None,
            created_at: None,
        };
        Ok(Some(FoundSession {
            session,
            key: key.clone(),
            is_stale,
        }))
    }

    async fn begin(
        &self,
        log_in: &LogIn<'_>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        let data = self.data_of(log_in).await?;
        let mut in_use = StoreError::new(StoreErrorKind::SessionExists);
        for _ in 0..ATTEMPTS {
            let key = self.new_key(randomness)?;
            let new = DjangoLogIn {
                user: log_in.user.id,
                checked_password: log_in.user.password.clone(),
                upgraded_password: log_in.upgraded_password.cloned(),
                at: log_in.at,
                ends: log_in.previous.filter(|key| key.is_djangos()).cloned(),
                begins: self.row(key.clone(), &data, log_in.at, log_in.expires_at),
                unless_closing: log_in.unless_closing,
            };
            match self.store.django_log_in(&new).await {
                Ok(began) => return Ok(began.then_some(key)),
                // The key is another user's already: take another, never theirs.
                Err(error) if error.kind() == StoreErrorKind::SessionExists => in_use = error,
                Err(error) => return Err(error.into()),
            }
        }
        Err(in_use.into())
    }

    async fn rebind(
        &self,
        key: &SessionKey,
        replacement: PasswordReplacement,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Rebound, Failure> {
        let Some((old, mut data)) = self.read(key, now).await? else {
            return Ok(Rebound::Over);
        };
        if data.user() != Some(replacement.user.get()) {
            return Ok(Rebound::Over);
        }
        data.set_auth_hash(&self.hash(&replacement.new));
        let key = self.new_key(randomness)?;
        let new = self.row(key.clone(), &data, now, old.expires_at);
        let rewrite = DjangoRewrite { old, new };
        let replaced = self
            .store
            .replace_password_of_django(&replacement, &rewrite);
        match replaced.await {
            Ok(true) => Ok(Rebound::Done(key)),
            Ok(false) => Ok(Rebound::Changed),
            Err(error) if error.kind() == StoreErrorKind::SessionExists => Ok(Rebound::Changed),
            Err(error) => Err(error.into()),
        }
    }

    async fn renew(
        &self,
        found: &FoundSession,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        let bind = |data: &mut SessionData| {
            data.set_auth_hash(&self.hash(&found.session.user.password));
            true
        };
        self.rewrite(&found.key, now, randomness, bind).await
    }

    async fn prove(
        &self,
        found: &FoundSession,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure> {
        let user = &found.session.user;
        let prove = |data: &mut SessionData| {
            data.set_proven_at(Some(now));
            data.user() == Some(user.id.get())
                && self.check(data, &user.password) != SessionAuthHash::Refused
        };
        self.rewrite(&found.key, now, randomness, prove).await
    }

    async fn end(&self, key: &SessionKey) -> Result<bool, Failure> {
        // With all that others keep in it, as a log-out there does.
        Ok(key.is_djangos() && self.store.end_django_session(key).await?)
    }
}
