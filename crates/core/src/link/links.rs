//! The tokens of links: what each is bound to, and checking them.

mod codes;
mod log_in;

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use phone_auth_events::{RelativeUrl, Sender, Signals};
use phone_auth_tokens::{Keyring, OneTimeCodes, OneTimeTokens, Purpose, Token, TokenErrorKind};
use phone_auth_urls::{AccountPage, AccountRoutes};
use zeroize::Zeroizing;

use super::LinkTarget;
use crate::address::{AddressId, AddressKind, AddressRecord};
use crate::foreign_tokens::ForeignTokens;
use crate::outbox;
use crate::settings::Settings;
use crate::user::User;

/// One purpose for each channel: a link lives as long as its channel allows, and a link for one thing
/// is worthless for another.
const RESET_EMAIL: Purpose = Purpose::new("reset-email");
const RESET_PHONE: Purpose = Purpose::new("reset-phone");
const VERIFY_EMAIL: Purpose = Purpose::new("verify-email");
const VERIFY_PHONE: Purpose = Purpose::new("verify-phone");

/// For how long it is tried to deliver a security notice: a mail server may be away over a weekend.
const NOTICE_LIFETIME: Duration = Duration::from_hours(72);

/// For how long durable receivers are tried with an event before it is a dead letter: what they call may be down over a
/// holiday, and nobody waits for it.
const EVENT_LIFETIME: Duration = Duration::from_hours(14 * 24);

/// Who is named as the sender of the signals of tokens.
const SENDER: Sender = Sender::new("tokens");

/// Issues and checks the tokens of links.
pub(crate) struct Links {
    tokens: OneTimeTokens,
    codes: OneTimeCodes,
    routes: AccountRoutes,
    /// Hear of a refusal once it is final: one address after another may be tried first.
    signals: Signals,
    /// Accepts what another site has sent. What is not its own is looked at as ours.
    foreign: Option<Box<dyn ForeignTokens>>,
    reset_email_lifetime: Duration,
    reset_phone_lifetime: Duration,
    verify_email_lifetime: Duration,
    verify_phone_lifetime: Duration,
    code_lifetime: TimeDelta,
    notices: log_in::NoticePages,
}

impl Links {
    pub(crate) fn new(
        keyring: Keyring,
        routes: AccountRoutes,
        foreign: Option<Box<dyn ForeignTokens>>,
        signals: Signals,
        (settings, allow_unreceived): (&Settings, &[&'static str]),
    ) -> Self {
        Self {
            codes: OneTimeCodes::new(keyring.clone()),
            tokens: OneTimeTokens::new(keyring),
            routes,
            signals,
            foreign,
            reset_email_lifetime: settings.reset_email_lifetime,
            reset_phone_lifetime: settings.reset_phone_lifetime,
            verify_email_lifetime: settings.verify_email_lifetime,
            verify_phone_lifetime: settings.verify_phone_lifetime,
            code_lifetime: TimeDelta::from_std(settings.code_lifetime).unwrap_or_default(),
            notices: log_in::NoticePages::of(settings, allow_unreceived),
        }
    }

    /// What issues and checks tokens, for other uses than links.
    pub(crate) const fn tokens(&self) -> &OneTimeTokens {
        &self.tokens
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        self.tokens.keyring()
    }

    /// A token that resets the password of a user. The link to one of their addresses says which: [`Addressed`].
    fn issue_reset(&self, target: &LinkTarget, now: DateTime<Utc>) -> Token {
        let (purpose, _) = self.reset(target.address.kind);
        let log_ins = LogIns::after(target.address.is_verified);
        with_reset_state(target, log_ins, |state| {
            self.tokens.issue(&purpose, now, state)
        })
    }

    /// The work of issuing a reset token, for nobody.
    pub(crate) fn issue_nothing(&self, now: DateTime<Utc>) {
        let state: [&[u8]; 8] = [b""; 8];
        drop(self.tokens.issue(&RESET_EMAIL, now, &state));
    }

    /// Whether a token resets the password of the user whose address this is, and if so, whether a log-in ends it.
    pub(crate) fn check_reset(
        &self,
        target: &LinkTarget,
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<LogIns> {
        let (purpose, lifetime) = self.reset(target.address.kind);
        // A link that was sent before the address was verified is still bound to the last log-in.
        let ways: &[LogIns] = if target.address.is_verified {
            &[LogIns::AreIgnored, LogIns::EndIt]
        } else {
            &[LogIns::EndIt]
        };
        for log_ins in ways {
            let checked = with_reset_state(target, *log_ins, |state| {
                self.check_one_way(&purpose, token, now, lifetime, state)
            });
            match checked {
                Checked::Genuine => return Some(*log_ins),
                Checked::OutOfTime => return None,
                Checked::Forged => {}
            }
        }
        self.refuse_reset(token, now);
        None
    }

    /// Whether a token that does not say to which address it was sent resets the password of this user: one of
    /// another site's, or one of the version before. The second answer is the address it was sent to, if that can be
    /// told. A log-in ends either.
    pub(crate) fn check_older_reset<'a>(
        &self,
        user: &User,
        targets: &'a [LinkTarget],
        token: &str,
        now: DateTime<Utc>,
    ) -> Option<SentTo<'a>> {
        let newest = targets.iter().filter_map(|it| it.newest).max();
        let resets = |foreign: &dyn ForeignTokens| foreign.resets(user, token, now);
        if !targets.is_empty() && self.is_foreign(token, newest, resets) {
            return Some(SentTo::Unknown);
        }
        for target in targets {
            let (purpose, lifetime) = self.reset(target.address.kind);
            let checked = with_older_reset_state(user, &target.address, |state| {
                self.check_one_way(&purpose, token, now, lifetime, state)
            });
            match checked {
                Checked::Genuine if !is_outlived(token, target.newest) => {
                    return Some(SentTo::Address(target));
                }
                Checked::OutOfTime => return None,
                Checked::Genuine | Checked::Forged => {}
            }
        }
        self.refuse_reset(token, now);
        None
    }

    /// Checks a token that may be genuine in another way: tells the signals only what is final.
    fn check_one_way(
        &self,
        purpose: &Purpose,
        token: &str,
        now: DateTime<Utc>,
        lifetime: Duration,
        state: &[&[u8]],
    ) -> Checked {
        let Err(error) = self.tokens.check(purpose, token, now, lifetime, state) else {
            return Checked::Genuine;
        };
        match error.kind() {
            TokenErrorKind::Expired | TokenErrorKind::FromTheFuture => {
                error.announce(&self.signals, SENDER);
                Checked::OutOfTime
            }
            _ => Checked::Forged,
        }
    }

    /// Refuses a reset token that is for nobody, and tells the signals.
    pub(crate) fn refuse_reset(&self, token: &str, now: DateTime<Utc>) {
        let (purpose, lifetime) = self.reset(AddressKind::Email);
        self.refuse(&purpose, token, now, lifetime);
    }

    /// A token that verifies an address.
    fn issue_verification(&self, target: &LinkTarget, now: DateTime<Utc>) -> Token {
        let (purpose, _) = self.verification(target.address.kind);
        with_verification_state(target, |state| self.tokens.issue(&purpose, now, state))
    }

    /// For how long the link of a message works.
    fn lifetime(&self, purpose: outbox::Purpose, kind: AddressKind) -> Duration {
        match purpose {
            outbox::Purpose::ResetPassword => self.reset(kind).1,
            outbox::Purpose::Verify => self.verification(kind).1,
            outbox::Purpose::LogIn | outbox::Purpose::Confirm => self.log_in(kind).1,
            outbox::Purpose::SecurityNotice => NOTICE_LIFETIME,
            outbox::Purpose::Event => EVENT_LIFETIME,
        }
    }

    /// The link of a message that was enqueued at this time, and its token: none where it leads to where a code is typed. None at
    /// all for a purpose without a link, and when the token does not fit the route, which it always does.
    pub(crate) fn mint(
        &self,
        purpose: outbox::Purpose,
        target: &LinkTarget,
        issued_at: DateTime<Utc>,
    ) -> Option<(RelativeUrl, Option<Token>)> {
        let (routes, address) = (&self.routes, &target.address);
        match purpose {
            outbox::Purpose::ResetPassword => {
                let token = self.issue_reset(target, issued_at);
                let text = Addressed::of(address, token.as_str()).text();
                let url = routes
                    .password_reset_confirm(target.user.id.get(), &text)
                    .ok()?;
                Some((url, Some(token)))
            }
            outbox::Purpose::Verify => {
                let token = self.issue_verification(target, issued_at);
                let (id, text) = (address.id.get(), token.as_str());
                let url = routes
                    .email_verification_confirm(address.kind, id, text)
                    .ok()?;
                Some((url, Some(token)))
            }
            outbox::Purpose::LogIn => self.mint_log_in(target, issued_at),
            outbox::Purpose::Confirm => {
                let page = routes.page(AccountPage::ConfirmIdentity);
                Some((RelativeUrl::new(page).ok()?, None))
            }
            outbox::Purpose::SecurityNotice | outbox::Purpose::Event => None,
        }
    }

    /// When the link of a message that is enqueued now stops working.
    pub(crate) fn expiry(
        &self,
        purpose: outbox::Purpose,
        kind: AddressKind,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        TimeDelta::from_std(self.lifetime(purpose, kind))
            .ok()
            .and_then(|lifetime| now.checked_add_signed(lifetime))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Tells the signals that a token was issued, if one was.
    pub(crate) fn announce(&self, token: Option<&Token>) {
        if let Some(token) = token {
            token.announce(&self.signals, SENDER);
        }
    }

    /// Whether a token verifies this address.
    pub(crate) fn check_verification(
        &self,
        target: &LinkTarget,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let (address, newest) = (&target.address, target.newest);
        let verifies = |foreign: &dyn ForeignTokens| foreign.verifies(address, token, now);
        if self.is_foreign(token, newest, verifies) {
            return true;
        }
        let (purpose, lifetime) = self.verification(address.kind);
        let check = |state: &[&[u8]]| self.check_one_way(&purpose, token, now, lifetime, state);
        let mut checked = with_verification_state(target, check);
        // A link of the version before does not say which request it was for, so its time must.
        if checked == Checked::Forged && !is_outlived(token, newest) {
            checked = with_older_verification_state(address, check);
        }
        if checked == Checked::Forged {
            self.refuse_verification(address.kind, token, now);
        }
        checked == Checked::Genuine
    }

    /// Whether another site has issued this token for what is asked, and no link was asked for here since.
    fn is_foreign(
        &self,
        token: &str,
        newest: Option<DateTime<Utc>>,
        is_genuine: impl Fn(&dyn ForeignTokens) -> bool,
    ) -> bool {
        self.foreign.as_deref().is_some_and(|foreign| {
            is_genuine(foreign) && !newest.is_some_and(|newest| foreign.is_older(token, newest))
        })
    }

    /// Refuses a verification token that is for no address, and tells the signals.
    pub(crate) fn refuse_verification(&self, kind: AddressKind, token: &str, now: DateTime<Utc>) {
        let (purpose, lifetime) = self.verification(kind);
        self.refuse(&purpose, token, now, lifetime);
    }

    fn refuse(&self, purpose: &Purpose, token: &str, now: DateTime<Utc>, lifetime: Duration) {
        // No token is ever issued for an empty state, so this is refused.
        if let Err(error) = self.tokens.check(purpose, token, now, lifetime, &[]) {
            error.announce(&self.signals, SENDER);
        }
    }

    const fn reset(&self, kind: AddressKind) -> (Purpose, Duration) {
        match kind {
            AddressKind::Email => (RESET_EMAIL, self.reset_email_lifetime),
            AddressKind::Phone => (RESET_PHONE, self.reset_phone_lifetime),
        }
    }

    const fn verification(&self, kind: AddressKind) -> (Purpose, Duration) {
        match kind {
            AddressKind::Email => (VERIFY_EMAIL, self.verify_email_lifetime),
            AddressKind::Phone => (VERIFY_PHONE, self.verify_phone_lifetime),
        }
    }
}

/// Whether a log-in ends a reset link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogIns {
    /// It goes on working. The address is proven, so the link is with the owner; anyone who logs in may be a thief who
    /// has the password, and must not be able to keep the owner from a new one.
    AreIgnored,
    /// It is over. The address may be another user's; anyone who logs in needs no new password.
    EndIt,
}

impl LogIns {
    const fn after(is_verified: bool) -> Self {
        if is_verified {
            Self::AreIgnored
        } else {
            Self::EndIt
        }
    }
}

/// Where a link was sent that does not say so.
pub(crate) enum SentTo<'a> {
    /// To this address.
    Address(&'a LinkTarget),
    /// To one of the user's, and nobody can tell to which: by another site.
    Unknown,
}

/// What a token is, of those that are tried in several ways.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Checked {
    Genuine,
    /// Genuine, but too old or from the future; the signals have been told.
    OutOfTime,
    Forged,
}

/// The token of a reset link, taken apart: which address it was sent to, and the token itself, which is bound to that
/// address. So checking it takes the same work however many addresses the user has.
///
/// Its text is that of the token, a dash, and `e` or `p` with the number of the row.
#[derive(Clone, Copy)]
pub(crate) struct Addressed<'a> {
    pub(crate) kind: AddressKind,
    pub(crate) id: AddressId,
    pub(crate) token: &'a str,
}

impl<'a> Addressed<'a> {
    pub(crate) const fn of(address: &AddressRecord, token: &'a str) -> Self {
        Self {
            kind: address.kind,
            id: address.id,
            token,
        }
    }

    pub(crate) fn text(self) -> Zeroizing<String> {
        let kind = match self.kind {
            AddressKind::Email => 'e',
            AddressKind::Phone => 'p',
        };
        Zeroizing::new(format!("{}-{kind}{}", self.token, self.id.get()))
    }

    /// Reads what [`text`](Self::text) writes. Other tokens, which say no address, are none.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (token, address) = text.rsplit_once('-')?;
        let (kind, number) = match address.as_bytes().split_first()? {
            (b'e', _) => (AddressKind::Email, address.strip_prefix('e')?),
            (b'p', _) => (AddressKind::Phone, address.strip_prefix('p')?),
            _ => return None,
        };
        let id: i64 = number.parse().ok()?;
        let addressed = Self {
            kind,
            id: AddressId::new(id),
            token,
        };
        // One spelling only: no sign, no leading zeros. And the time and the tag of a token have a dash between them.
        (id > 0 && *addressed.text() == text && token.contains('-')).then_some(addressed)
    }
}

/// Whether a link was asked for after this token was issued, as far as its seconds tell.
fn is_outlived(token: &str, newest: Option<DateTime<Utc>>) -> bool {
    let issued_at = OneTimeTokens::issued_at(token).unwrap_or_default();
    newest.is_some_and(|newest| issued_at < newest.trunc_subsecs(0))
}

/// What a reset link is bound to: it dies when the password or the user's own email address is changed, when the
/// address it was sent to is gone or another text, when another was asked for, and unless that address is proven, when
/// they log in.
fn with_reset_state<T>(target: &LinkTarget, log_ins: LogIns, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    let (user, address) = (&target.user, &target.address);
    let person_id = user.id.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let newest = target.newest.map(micros);
    let last_login = match log_ins {
        LogIns::AreIgnored => vec![b'i'],
        LogIns::EndIt => std::iter::once(b'e')
            .chain(user.last_login.map(micros).into_iter().flatten())
            .collect(),
    };
    act(&[
        STATE,
        &person_id,
        user.password.reveal().as_bytes(),
        &last_login,
        user.email.as_bytes(),
        &address_id,
        address.value.as_bytes(),
        optional(newest.as_ref()),
    ])
}

/// What a verification link is bound to: whose address it is, which row, its text, and that no other was asked for.
fn with_verification_state<T>(target: &LinkTarget, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    let address = &target.address;
    let person_id = address.user.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let newest = target.newest.map(micros);
    act(&[
        STATE,
        &person_id,
        address.kind.as_str().as_bytes(),
        &address_id,
        address.value.as_bytes(),
        optional(newest.as_ref()),
    ])
}

/// The first field of what links are bound to. The version before had none; its first field is longer.
const STATE: &[u8] = b"2";

/// What a reset link of the version before is bound to. Such links are accepted as long as they live, and not made any
/// more; messages that wait are still bound to this.
fn with_older_reset_state<T>(
    user: &User,
    address: &AddressRecord,
    act: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    let person_id = user.id.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let last_login = user.last_login.map(micros);
    act(&[
        &person_id,
        user.password.reveal().as_bytes(),
        optional(last_login.as_ref()),
        user.email.as_bytes(),
        &address_id,
        address.value.as_bytes(),
    ])
}

/// As [`with_older_reset_state`], for verification.
fn with_older_verification_state<T>(address: &AddressRecord, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    let person_id = address.user.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    act(&[
        &person_id,
        address.kind.as_str().as_bytes(),
        &address_id,
        address.value.as_bytes(),
    ])
}

fn micros(time: DateTime<Utc>) -> [u8; 8] {
    time.timestamp_micros().to_be_bytes()
}

fn optional(bytes: Option<&[u8; 8]>) -> &[u8] {
    bytes.map_or(&[], <[u8; 8]>::as_slice)
}
