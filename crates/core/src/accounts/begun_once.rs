//! A form that gives a browser the key of a session and is sent twice, by a double click: the second is answered with the key that
//! the first has got, so that no session is left which nobody has the key of.
//!
//! Each of the two must prove for itself what the form asks. Sessions that begin with a code or a link have keys that are found
//! again by them: `repeated_code`, `repeated_link`.

use super::sealed::Seal;
use super::turns::Turn;
use super::{Accounts, Failure, LoggedIn};
use crate::challenge::ChallengeId;
use crate::password::EncodedPassword;
use crate::session::SessionKey;
use crate::sessions::FoundSession;
use crate::user::UserId;

/// What a form has given its browser the key of.
#[derive(Clone, Copy)]
pub(super) enum Gives {
    /// A session that begins.
    Session,
    /// The session that goes on with the proof of who its user is.
    Proof,
    /// The session that goes on with another password.
    Password,
}

impl Gives {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Session => b"session",
            Self::Proof => b"proof",
            Self::Password => b"password",
        }
    }
}

/// A form of one browser, while no other of the same is under way.
pub(super) struct BegunOnce<'a> {
    accounts: &'a Accounts,
    form: ChallengeId,
    seal: Seal,
    _turn: Turn<'a>,
}

impl Accounts {
    /// Waits for the first click, if this may be the second: of a [browser](Self::for_browser) that says which form it sends.
    pub(super) async fn begins_once(&self, gives: Gives, user: UserId) -> Option<BegunOnce<'_>> {
        let browser = self.browser.as_deref()?;
        let client = self.client.address().map(|it| it.to_string());
        // A session that goes on does so as long as before.
        let (_, ends_with_browser) = self.lifetime_of_new();
        let is_short = matches!(gives, Gives::Session) && ends_with_browser;
        let parts: [&[u8]; 6] = [
            b"begun",
            gives.as_bytes(),
            &user.get().to_be_bytes(),
            &[u8::from(is_short)],
            client.as_deref().unwrap_or_default().as_bytes(),
            browser.as_bytes(),
        ];
        let form = self.inner.limiter.question(&parts);
        let _turn = self.turn(&form).await;
        Some(BegunOnce {
            accounts: self,
            form,
            seal: self.seal(&parts),
            _turn,
        })
    }
}

impl BegunOnce<'_> {
    /// The session that the first click has begun, if it is alive, and its user has the password that was checked for this one. A
    /// browser that came with one that goes on is no second click: the first has ended that, or given it another key.
    pub(super) async fn before(
        once: Option<&Self>,
        previous: Option<&SessionKey>,
        checked: &EncodedPassword,
    ) -> Result<Option<FoundSession>, Failure> {
        let Some(once) = once else { return Ok(None) };
        let (accounts, now) = (once.accounts, once.accounts.now());
        let lately = &accounts.inner.begun_lately;
        let opened = lately.of(&once.form, now, |sealed| once.seal.open(sealed));
        let Some(key) = opened.flatten().and_then(|key| SessionKey::parse(&key)) else {
            return Ok(None);
        };
        let sessions = accounts.session_port();
        if let Some(previous) = previous
            && sessions.find(previous, now).await?.is_some()
        {
            return Ok(None);
        }
        let found = sessions.find(&key, now).await?;
        Ok(found.filter(|it| it.session.user.password == *checked))
    }

    /// The same, as a log-in that was there before.
    pub(super) async fn logged_in(
        once: Option<&Self>,
        previous: Option<&SessionKey>,
        checked: &EncodedPassword,
    ) -> Result<Option<LoggedIn>, Failure> {
        let found = Self::before(once, previous, checked).await?;
        Ok(found.and_then(|found| once.map(|it| it.accounts.begun_before(found))))
    }

    /// Remembers the key that this one gets.
    pub(super) fn remember(once: Option<&Self>, key: &SessionKey) {
        if let Some(once) = once {
            let (lately, now) = (&once.accounts.inner.begun_lately, once.accounts.now());
            let sealed = once.seal.close(key.reveal(), now);
            lately.put(once.form, now, sealed);
        }
    }
}
