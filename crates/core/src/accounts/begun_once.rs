//! A form that gives a browser the key of a session and is sent twice, by a double click: the second is answered with the key that
//! the first has got, so that no session is left which nobody has the key of.
//!
//! Each of the two must prove for itself what the form asks. A process remembers what it gave. Another finds it: the key is derived
//! from what both clicks bring, the secret of the site, and the ten seconds that the first came in. Sessions that begin with a code
//! or a link have keys that are found again by them: `repeated_code`, `repeated_link`.

use chrono::{DateTime, Utc};
use zeroize::Zeroizing;

use super::repeatable::Repeatable;
use super::request_verification::REPEAT_WITHIN;
use super::sealed::Seal;
use super::turns::Turn;
use super::{Accounts, Failure};
use crate::challenge::ChallengeId;
use crate::password::EncodedPassword;
use crate::session::SessionKey;
use crate::sessions::FoundSession;
use crate::user::{User, UserId};

/// What a form has given its browser the key of.
#[derive(Clone, Copy, Debug)]
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
    /// What both clicks bring.
    brought: Zeroizing<String>,
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
        let brought = format!(
            "{gives:?} {user} {is_short} {client:?} {browser}",
            user = user.get()
        );
        let _turn = self.turn(&form).await;
        Some(BegunOnce {
            accounts: self,
            form,
            brought: Zeroizing::new(brought),
            seal: self.seal(&parts),
            _turn,
        })
    }
}

impl BegunOnce<'_> {
    /// The session that the first click has begun, if it is alive, and its user has the password that was checked for this one. A
    /// browser that came with one that goes on is no second click: the first has ended that, or given it another key. Where this
    /// process knows of no first click, another may have had it at one of these times.
    pub(super) async fn before(
        once: Option<&Self>,
        previous: Option<&SessionKey>,
        checked: &EncodedPassword,
        elsewhere: &[DateTime<Utc>],
    ) -> Result<Option<FoundSession>, Failure> {
        let Some(once) = once else { return Ok(None) };
        let (sessions, now) = (once.accounts.session_port(), once.accounts.now());
        let mut keys: Vec<_> = once.remembered().into_iter().collect();
        if keys.is_empty() {
            let derived = elsewhere
                .iter()
                .map(|at| once.key_source(*at).key(sessions));
            keys = derived.collect::<Result<_, _>>()?;
        }
        if let (Some(previous), false) = (previous, keys.is_empty())
            && sessions.find(previous, now).await?.is_some()
        {
            return Ok(None);
        }
        for key in &keys {
            let found = sessions.find(key, now).await?;
            if let Some(found) = found.filter(|it| it.session.user.password == *checked) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The key that this process remembers.
    fn remembered(&self) -> Option<SessionKey> {
        let (lately, now) = (&self.accounts.inner.begun_lately, self.accounts.now());
        let opened = lately.of(&self.form, now, |sealed| self.seal.open(sealed));
        SessionKey::parse(&opened.flatten()?)
    }

    /// The times at which another process may have had the first click.
    pub(super) fn just_now(accounts: &Accounts) -> [DateTime<Utc>; 2] {
        let now = accounts.now();
        [now, now - REPEAT_WITHIN]
    }

    /// When the user has logged in, if that was a moment ago: by the first of two clicks, perhaps, or in another way.
    pub(super) fn logged_in_at(&self, user: &User) -> Option<DateTime<Utc>> {
        let now = self.accounts.now();
        let is_lately = |at: &DateTime<Utc>| {
            // A server whose clock is ahead of this one's may have had it.
            (now - at)
                .abs()
                .to_std()
                .is_ok_and(|age| age < REPEAT_WITHIN)
        };
        user.last_login.filter(is_lately)
    }

    /// Where the key comes from that a click gets at this time, whichever process has it.
    pub(super) fn key_source(&self, at: DateTime<Utc>) -> Repeatable {
        let moment = at.timestamp() / REPEAT_WITHIN.as_secs().cast_signed();
        self.accounts
            .repeatable_by("session-of-form", &self.brought, &moment.to_string())
    }

    /// The same for a session that goes on, if that has not this key already: it is given another each time.
    pub(super) fn key_after(
        once: Option<&Self>,
        before: &SessionKey,
    ) -> Result<Option<Repeatable>, Failure> {
        let Some(once) = once else { return Ok(None) };
        let source = once.key_source(once.accounts.now());
        let key = source.key(once.accounts.session_port())?;
        Ok((key.reveal() != before.reveal()).then_some(source))
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
