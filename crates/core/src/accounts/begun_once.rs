//! A form that gives a browser the key of a session and is sent twice, by a double click: the second is answered with the key that
//! the first has got, so that no session is left which nobody has the key of.
//!
//! Each of the two must prove for itself what the form asks. A process remembers what it gave. Another finds it: the key is derived
//! from what both clicks bring, the secret of the site, and the ten seconds that the first came in. Sessions that begin with a code
//! or a link have keys that are found again by them: `repeated_code`, `repeated_link`.

use chrono::{DateTime, TimeDelta, Utc};
use zeroize::Zeroizing;

use super::repeatable::Repeatable;
use super::request_verification::REPEAT_WITHIN;
use super::sealed::Seal;
use super::turns::Turn;
use super::{Accounts, Failure, LoggedIn};
use crate::challenge::ChallengeId;
use crate::password::EncodedPassword;
use crate::session::{ActiveSession, SessionKey};
use crate::sessions::FoundSession;
use crate::user::{User, UserId};

/// Two clicks that come to two processes at the same moment may come so long before and after the end of ten seconds.
const EDGE: TimeDelta = TimeDelta::seconds(1);

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
    gives: Gives,
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
        let turn = self.turn(&form).await;
        Some(BegunOnce {
            accounts: self,
            gives,
            form,
            brought: Zeroizing::new(brought),
            seal: self.seal(&parts),
            _turn: turn,
        })
    }
}

impl BegunOnce<'_> {
    /// The session that the first click has begun, if it is alive, and its user has the password that was checked for this one. A
    /// browser that came with one that goes on is no second click: the first has ended that, or given it another key. Where this
    /// process knows of no first click, another may have had it [around](Self::around) that time.
    pub(super) async fn before(
        once: Option<&Self>,
        previous: Option<&SessionKey>,
        checked: &EncodedPassword,
        elsewhere: Option<DateTime<Utc>>,
    ) -> Result<Option<FoundSession>, Failure> {
        let Some(once) = once else { return Ok(None) };
        let (sessions, now) = (once.accounts.session_port(), once.accounts.now());
        let mut keys: Vec<_> = once.remembered().into_iter().collect();
        if keys.is_empty() {
            let times = elsewhere.map(Self::around);
            let derived = times
                .iter()
                .flatten()
                .map(|at| once.key_source(*at, checked).key(sessions));
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

    /// The times at which another process may have had the first click, whose clock may be ahead of this one's.
    fn around(at: DateTime<Utc>) -> [DateTime<Utc>; 3] {
        [at, at - REPEAT_WITHIN, at + REPEAT_WITHIN]
    }

    /// A time of other ten seconds at which another process may have had a click of the same moment; none but near their ends.
    fn beside(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let moment = moment_of(at);
        let is_other = |it: &DateTime<Utc>| moment_of(*it) != moment;
        [at - EDGE, at + EDGE].into_iter().find(is_other)
    }

    /// The session of the first of two clicks, where another process has begun it at the same moment. Either its key was in use, so
    /// that this one has got another; or the two came before and after the end of ten seconds. The store records one log-in after
    /// the other: the later gives way, which is the one that the user is left with, and it sees the earlier.
    pub(super) async fn begun_elsewhere(
        &self,
        derived: &Repeatable,
        (begun, at): (&LoggedIn, DateTime<Utc>),
    ) -> Result<Option<FoundSession>, Failure> {
        let sessions = self.accounts.session_port();
        if derived.key(sessions)?.reveal() != begun.key.reveal() {
            return self.accounts.session_of(derived).await;
        }
        let Some(beside) = Self::beside(at) else {
            return Ok(None);
        };
        let other = self.key_source(beside, &begun.user.password);
        let found = self.accounts.session_of(&other).await?;
        Ok(found.filter(|it| {
            // Of a session that is shared with Django it is not known since when it is there.
            let since = it.session.created_at;
            it.session.user.last_login == Some(at) && since.is_none_or(|since| is_lately(at, since))
        }))
    }

    /// When the user has logged in, if that was a moment ago: by the first of two clicks, perhaps, or in another way.
    pub(super) fn logged_in_at(&self, user: &User) -> Option<DateTime<Utc>> {
        let now = self.accounts.now();
        user.last_login.filter(|at| is_lately(now, *at))
    }

    /// Where the key comes from that a click gets at this time, whichever process has it. After a change of the password it is that
    /// of the new one, so that no two changes have the same.
    pub(super) fn key_source(&self, at: DateTime<Utc>, password: &EncodedPassword) -> Repeatable {
        let new = match self.gives {
            Gives::Password => password.reveal(),
            Gives::Session | Gives::Proof => "",
        };
        let of = Zeroizing::new(format!("{} {new}", moment_of(at)));
        self.accounts
            .repeatable_by("session-of-form", &self.brought, &of)
    }

    /// The same for a session that goes on with a proof. One that was proven a moment ago may have had this key, and have another
    /// by now: that is not given again.
    pub(super) fn key_after(&self, session: &ActiveSession) -> Option<Repeatable> {
        let now = self.accounts.now();
        let is_lately = session.proven_at.is_some_and(|at| is_lately(now, at));
        (!is_lately).then(|| self.key_source(now, &session.user.password))
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

/// Which ten seconds of the clock a time is in.
fn moment_of(at: DateTime<Utc>) -> i64 {
    at.timestamp() / REPEAT_WITHIN.as_secs().cast_signed()
}

/// Whether it was a moment ago; or is to come, by a server whose clock is ahead of this one's.
fn is_lately(now: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    let age = (now - at).abs().to_std();
    age.is_ok_and(|age| age < REPEAT_WITHIN)
}
