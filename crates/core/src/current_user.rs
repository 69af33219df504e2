//! Someone who is logged in. How they are found is the flow's, in `accounts`.

use chrono::{DateTime, Utc};

use crate::client::Client;
use crate::session::{ActiveSession, SessionKey};
use crate::sessions::FoundSession;
use crate::settings::Settings;
use crate::user::User;

/// Someone who is logged in, with all that a guard asks. Only
/// [`Accounts::current_user`](crate::accounts::Accounts::current_user) makes one, from a session that is alive.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    found: FoundSession,
    /// What who has no other name is called by.
    phone: Option<String>,
}

/// They are the same when their sessions are.
impl PartialEq for CurrentUser {
    fn eq(&self, other: &Self) -> bool {
        self.session() == other.session()
    }
}

impl Eq for CurrentUser {}

impl CurrentUser {
    pub(crate) const fn new(found: FoundSession) -> Self {
        Self { found, phone: None }
    }

    /// The same, who has this number.
    pub(crate) fn with_phone(self, phone: Option<String>) -> Self {
        Self { phone, ..self }
    }

    /// What the user is called: as [`User::display_name`], and who has no other name, by their phone number.
    pub fn display_name(&self, settings: &Settings) -> Option<&str> {
        let name = self.user().display_name(settings);
        name.or(self.phone.as_deref())
    }

    /// What tells the account from others, and can be typed to log in where the settings allow it: the username that [is
    /// shown](User::shown_username), else the email address or the phone number.
    pub fn account_name(&self, settings: &Settings) -> Option<&str> {
        let name = self.user().account_name(settings);
        name.or(self.phone.as_deref())
    }

    pub(crate) const fn found(&self) -> &FoundSession {
        &self.found
    }

    /// The user, as it was when the session was read.
    pub const fn user(&self) -> &User {
        &self.session().user
    }

    /// Whether the user has a verified email address.
    pub const fn has_verified_email(&self) -> bool {
        self.session().has_verified_email
    }

    /// Whether the user has a verified phone number.
    pub const fn has_verified_phone(&self) -> bool {
        self.session().has_verified_phone
    }

    /// When the session ends by itself.
    pub const fn expires_at(&self) -> DateTime<Utc> {
        self.session().expires_at
    }

    /// When the user last proved in this session who they are; a log-in is no proof. Ask
    /// [`require_recent_proof`](crate::accounts::Accounts::require_recent_proof) whether that is long ago.
    pub const fn proven_at(&self) -> Option<DateTime<Utc>> {
        self.session().proven_at
    }

    /// The session.
    pub const fn session(&self) -> &ActiveSession {
        &self.found.session
    }

    /// The key of the session; another than the browser sent after [`Accounts::renew_session`](crate::accounts::Accounts::renew_session).
    pub const fn key(&self) -> &SessionKey {
        &self.found.key
    }

    /// The same after their session got this key.
    pub(crate) fn with_key(&self, key: &SessionKey) -> Self {
        let mut found = self.found.clone();
        found.session.digest = key.digest();
        found.key = key.clone();
        found.is_stale = false;
        Self {
            found,
            phone: self.phone.clone(),
        }
    }
}

impl Client {
    /// The same with the session of this user.
    #[must_use]
    pub fn signed_in(self, current_user: &CurrentUser) -> Self {
        self.of_user(current_user.user().id)
    }
}
