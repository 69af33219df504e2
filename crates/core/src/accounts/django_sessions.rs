//! Being logged in at a Django site on the same database, and here, by one session.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use phone_auth_tokens::django::{DjangoKeys, SessionAuthHash, SessionData};
use zeroize::Zeroizing;

use super::change_password::{ChangePasswordRefusal, unless_in_use};
use super::{ATTEMPTS, Accounts, Failure, FailureKind, FlowError, LoggedIn, Visitor};
use crate::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow};
use crate::password::EncodedPassword;
use crate::person::{Person, PersonId};
use crate::randomness::RandomnessError;
use crate::session::{ActiveSession, PasswordReplacement, SessionKey};
use crate::store::{DjangoSessionStore, StoreError, StoreErrorKind};

/// What Django calls the class of its own that lets people in.
const DJANGOS_BACKEND: &str = "django.contrib.auth.backends.ModelBackend";

/// What Django calls the class of the model that lets people in.
const BACKEND: &str = "phone_auth.backend.CustomAuthBackend";

/// Sessions that are shared with a Django site on the same database: whoever is logged in there is
/// logged in here, and the other way round. For
/// [`AccountsBuilder::django_sessions`](super::AccountsBuilder::django_sessions).
///
/// # Security
/// - The table holds the keys of sessions in the clear, as Django wants it: a copy of the database lets its
///   reader in. Sessions of our own are kept as digests.
/// - Whoever has a `SECRET_KEY` can log in as anybody.
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
    /// `AUTHENTICATION_BACKENDS`, or else Django takes whoever logs in here for nobody.
    #[must_use]
    pub fn with_backend(mut self, path: impl Into<String>) -> Self {
        self.backend = path.into();
        self
    }

    /// Counts sessions of these classes, beside the one in the sessions that are begun here: all of the site's
    /// `AUTHENTICATION_BACKENDS`, for of another class's it takes whoever has one for nobody. Unless said
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
}

impl fmt::Debug for DjangoSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoSessions")
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Whether sessions are shared with a Django site.
    pub fn shares_django_sessions(&self) -> bool {
        self.inner.django.is_some()
    }

    /// Gives a session another key, when what it holds is bound to a key of Django's that is being
    /// replaced. The key for the cookie; `None` when nothing is to be done, and when somebody else was
    /// faster.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store, or the source of
    /// randomness. The session goes on as it is.
    ///
    /// # Cancel safety
    /// The session has the old key or the new one, which then nobody knows.
    pub async fn renew_session(
        &self,
        visitor: &Visitor,
    ) -> Result<Option<(SessionKey, Visitor)>, Failure> {
        let (Some(django), Some(key)) = (&self.inner.django, visitor.stale_key()) else {
            return Ok(None);
        };
        let now = self.now();
        let Some((old, mut data)) = read(django, key, now).await? else {
            return Ok(None);
        };
        data.set_auth_hash(&django.hash(&visitor.person().password));
        let key = self.new_django_key()?;
        let new = django.row(key.clone(), &data, now, old.expires_at);
        let rewrite = DjangoRewrite { old, new };
        match django.store.rewrite_django_session(&rewrite).await {
            Ok(true) => Ok(Some((key.clone(), visitor.with_key(&key)))),
            Ok(false) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Who the holder of a key of Django's is.
    pub(super) async fn django_visitor(
        &self,
        django: &DjangoSessions,
        key: &SessionKey,
    ) -> Result<Option<Visitor>, StoreError> {
        let Some((row, data)) = read(django, key, self.now()).await? else {
            return Ok(None);
        };
        let backend = data.backend().filter(|backend| django.accepts(backend));
        let (Some(user), Some(_)) = (data.user(), backend) else {
            return Ok(None);
        };
        let found = django.store.proven_person(PersonId::new(user)).await?;
        let Some(found) = found else {
            return Ok(None);
        };
        let is_stale = match django.check(&data, &found.person.password) {
            SessionAuthHash::Current if found.person.is_active => false,
            SessionAuthHash::Fallback if found.person.is_active => true,
            _ => {
                // As Django does: a session of an older password would come to life with that password. And as our
                // own: one of a user who is disabled would come to life with the user.
                django.store.remove_django_session(&row).await?;
                return Ok(None);
            }
        };
        let session = ActiveSession {
            digest: key.digest(),
            person: found.person,
            has_verified_email: found.has_verified_email,
            has_verified_phone: found.has_verified_phone,
            expires_at: row.expires_at,
        };
        Ok(Some(Visitor::of_django(session, key.clone(), is_stale)))
    }

    /// Begins a session of Django's; `None` when the person is not any more as it was when the password
    /// was checked. What others keep in the session that the browser came with moves along, unless it was
    /// somebody else's.
    pub(super) async fn begin_django_session(
        &self,
        django: &DjangoSessions,
        person: Person,
        upgrade: Option<EncodedPassword>,
        previous: Option<&SessionKey>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let now = self.now();
        let expires_at = now + self.settings().session_lifetime;
        let before = match previous {
            Some(key) => read(django, key, now).await?,
            None => None,
        };
        let mut data = before
            .map(|(_, data)| data)
            .filter(|data| match data.user() {
                None => data.auth_hash().is_none(),
                Some(user) => {
                    user == person.id.get()
                        && data
                            .backend()
                            .is_some_and(|backend| django.accepts(&backend))
                        && django.check(data, &person.password) != SessionAuthHash::Refused
                }
            })
            .unwrap_or_default();
        let password = upgrade.as_ref().unwrap_or(&person.password);
        data.log_in(person.id.get(), &django.backend, &django.hash(password));
        for _ in 0..ATTEMPTS {
            let key = self.new_django_key()?;
            let log_in = DjangoLogIn {
                person: person.id,
                checked_password: person.password.clone(),
                upgraded_password: upgrade.clone(),
                at: now,
                ends: previous.filter(|key| key.is_djangos()).cloned(),
                begins: django.row(key.clone(), &data, now, expires_at),
            };
            match django.store.django_log_in(&log_in).await {
                Ok(true) => {
                    return Ok(Some(LoggedIn {
                        person,
                        key,
                        expires_at,
                    }));
                }
                Ok(false) => return Ok(None),
                // The key is somebody's already: take another, never theirs.
                Err(error) if error.kind() == StoreErrorKind::SessionExists => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Failure::new(FailureKind::Broken))
    }

    /// Replaces a password, binds the visitor's session to the new one, by which all others end, and gives
    /// it another key, as Django does. `None` when the person or the session is not any more as it was read,
    /// and when the key is somebody's already.
    pub(super) async fn replace_password_beside_django(
        &self,
        django: &DjangoSessions,
        visitor: &Visitor,
        replacement: &PasswordReplacement,
    ) -> Result<Option<SessionKey>, FlowError<ChangePasswordRefusal>> {
        let is_over = || FlowError::Refused(ChangePasswordRefusal::NotLoggedIn);
        let now = self.now();
        let key = visitor.django_key().ok_or_else(is_over)?;
        let (old, mut data) = read(django, key, now).await?.ok_or_else(is_over)?;
        if data.user() != Some(replacement.person.get()) {
            return Err(is_over());
        }
        data.set_auth_hash(&django.hash(&replacement.new));
        let key = self.new_django_key()?;
        let new = django.row(key.clone(), &data, now, old.expires_at);
        let rewrite = DjangoRewrite { old, new };
        let replaced = django
            .store
            .replace_password_of_django(replacement, &rewrite)
            .await;
        Ok(unless_in_use(replaced)?.then_some(key))
    }

    /// Ends a session of Django's, with all that others keep in it, as a log-out there does.
    pub(super) async fn end_django_session(
        &self,
        django: &DjangoSessions,
        key: &SessionKey,
    ) -> Result<bool, StoreError> {
        if key.is_djangos() {
            django.store.end_django_session(key).await
        } else {
            Ok(false)
        }
    }

    /// A key as Django makes them.
    fn new_django_key(&self) -> Result<SessionKey, RandomnessError> {
        let mut text = Zeroizing::new(String::with_capacity(SessionKey::DJANGO_CHARS));
        let mut bytes = Zeroizing::new([0_u8; 64]);
        while text.len() < SessionKey::DJANGO_CHARS {
            self.inner.randomness.fill(bytes.as_mut())?;
            // 252 is the largest multiple of 36 in a byte: each character is as likely as any other.
            let digits = bytes.iter().filter(|byte| **byte < 252);
            let characters = digits.filter_map(|byte| char::from_digit(u32::from(byte % 36), 36));
            let missing = SessionKey::DJANGO_CHARS - text.len();
            text.extend(characters.take(missing));
        }
        Ok(SessionKey::of_django(text))
    }
}

/// The row of a key that Django may have made, and what it holds.
async fn read(
    django: &DjangoSessions,
    key: &SessionKey,
    now: DateTime<Utc>,
) -> Result<Option<(DjangoRow, SessionData)>, StoreError> {
    if !key.is_djangos() {
        return Ok(None);
    }
    let row = django.store.django_session(key, now).await?;
    Ok(row.and_then(|row| {
        let data = django.keys.read_session(&row.data)?;
        Some((row, data))
    }))
}
