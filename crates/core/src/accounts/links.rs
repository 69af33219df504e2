//! The tokens of links: what each is bound to, and checking them.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_signals::Signals;
use phone_auth_tokens::django::{DjangoAddress, DjangoTokens, ResetState, VerificationState};
use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, Token, TokenErrorKind};
use phone_auth_urls::id::AddressMethod;

use crate::address::{AddressKind, AddressRecord};
use crate::outbox::{Binding, MessagePurpose};
use crate::person::Person;
use crate::settings::Settings;

/// One purpose for each channel: a link lives as long as its channel allows, and a link for one thing
/// is worthless for another.
const RESET_EMAIL: Purpose = Purpose::new("reset-email");
const RESET_PHONE: Purpose = Purpose::new("reset-phone");
const VERIFY_EMAIL: Purpose = Purpose::new("verify-email");
const VERIFY_PHONE: Purpose = Purpose::new("verify-phone");

/// Issues and checks the tokens of links.
pub(super) struct Links {
    /// Tells the signals of tokens issued and refused.
    tokens: OneTimeTokens,
    /// Tells nobody: for trying one address after another, and for work that only takes time.
    quiet: OneTimeTokens,
    /// Accepts what the site that was here before has sent. It tells nobody: what is not its own is looked
    /// at as ours, and told then.
    django: Option<DjangoTokens>,
    reset_email_lifetime: Duration,
    reset_phone_lifetime: Duration,
    verify_email_lifetime: Duration,
    verify_phone_lifetime: Duration,
}

impl Links {
    pub(super) fn new(
        keyring: Keyring,
        django: Option<DjangoTokens>,
        signals: Signals,
        settings: &Settings,
    ) -> Self {
        let quiet = OneTimeTokens::new(keyring);
        Self {
            tokens: quiet.clone().with_signals(signals),
            quiet,
            django,
            reset_email_lifetime: settings.reset_email_lifetime,
            reset_phone_lifetime: settings.reset_phone_lifetime,
            verify_email_lifetime: settings.verify_email_lifetime,
            verify_phone_lifetime: settings.verify_phone_lifetime,
        }
    }

    pub(super) fn keyring(&self) -> &Keyring {
        self.quiet.keyring()
    }

    /// A token that resets the password of a person, for a link sent to one of their addresses. The signals hear of it
    /// only if they are to: not when it is made once more for another attempt to deliver it.
    pub(super) fn issue_reset(
        &self,
        person: &Person,
        address: &AddressRecord,
        now: DateTime<Utc>,
        is_told: bool,
    ) -> Token {
        let (purpose, _) = self.reset(address.kind);
        with_reset_state(person, address, |state| {
            self.issuer(is_told).issue(&purpose, now, state)
        })
    }

    /// The work of issuing a reset token, for nobody.
    pub(super) fn issue_nothing(&self, now: DateTime<Utc>) {
        let state: [&[u8]; 6] = [b""; 6];
        drop(self.quiet.issue(&RESET_EMAIL, now, &state));
    }

    /// Whether a token resets the password of this person. The link does not say to which of the
    /// addresses it was sent, so each is tried; only what is final is told to the signals.
    pub(super) fn check_reset<'a>(
        &self,
        person: &Person,
        addresses: impl Iterator<Item = &'a AddressRecord>,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let mut addresses = addresses.peekable();
        // The tokens of Django do not say to which address they were sent: any will do.
        if addresses.peek().is_some() && self.is_djangos_reset(person, token, now) {
            return true;
        }
        let mut telling = None;
        for address in addresses {
            let (purpose, lifetime) = self.reset(address.kind);
            let checked = with_reset_state(person, address, |state| {
                self.quiet.check(&purpose, token, now, lifetime, state)
            });
            match checked.map_err(|error| error.kind()) {
                Ok(()) => return true,
                Err(TokenErrorKind::Expired | TokenErrorKind::FromTheFuture) => {
                    telling = Some(address);
                }
                Err(_) => {}
            }
        }
        match telling {
            Some(address) => {
                let (purpose, lifetime) = self.reset(address.kind);
                with_reset_state(person, address, |state| {
                    // Refused a moment ago by the same check: this one is for those who listen.
                    let _ = self.tokens.check(&purpose, token, now, lifetime, state);
                });
            }
            None => self.refuse_reset(token, now),
        }
        false
    }

    /// Refuses a reset token that is for nobody, and tells the signals.
    pub(super) fn refuse_reset(&self, token: &str, now: DateTime<Utc>) {
        let (purpose, lifetime) = self.reset(AddressKind::Email);
        // No token is ever issued for an empty state, so this is refused.
        let _ = self.tokens.check(&purpose, token, now, lifetime, &[]);
    }

    /// A token that verifies an address.
    pub(super) fn issue_verification(
        &self,
        address: &AddressRecord,
        now: DateTime<Utc>,
        is_told: bool,
    ) -> Token {
        let (purpose, _) = self.verification(address.kind);
        with_verification_state(address, |state| {
            self.issuer(is_told).issue(&purpose, now, state)
        })
    }

    /// What the link of a message depends on, as it is now.
    pub(super) fn binding(
        purpose: MessagePurpose,
        person: &Person,
        address: &AddressRecord,
    ) -> Binding {
        let name = purpose.as_str();
        match purpose {
            MessagePurpose::ResetPassword => {
                with_reset_state(person, address, |state| Binding::of(name, state))
            }
            MessagePurpose::Verify => {
                with_verification_state(address, |state| Binding::of(name, state))
            }
        }
    }

    /// For how long the link of a message works.
    pub(super) const fn lifetime(&self, purpose: MessagePurpose, kind: AddressKind) -> Duration {
        let (_, lifetime) = match purpose {
            MessagePurpose::ResetPassword => self.reset(kind),
            MessagePurpose::Verify => self.verification(kind),
        };
        lifetime
    }

    const fn issuer(&self, is_told: bool) -> &OneTimeTokens {
        if is_told { &self.tokens } else { &self.quiet }
    }

    /// Whether a token verifies this address.
    pub(super) fn check_verification(
        &self,
        address: &AddressRecord,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        if self.is_djangos_verification(address, token, now) {
            return true;
        }
        let (purpose, lifetime) = self.verification(address.kind);
        with_verification_state(address, |state| {
            self.tokens
                .check(&purpose, token, now, lifetime, state)
                .is_ok()
        })
    }

    /// Whether Django has issued a token for resetting the password of this person, and the window for
    /// such is open.
    fn is_djangos_reset(&self, person: &Person, token: &str, now: DateTime<Utc>) -> bool {
        let state = ResetState {
            user: person.id.get(),
            password: person.password.reveal(),
            last_login: person.last_login,
            email: &person.email,
        };
        let is_genuine = |django: &DjangoTokens| django.check_reset(token, now, &state).is_ok();
        self.django.as_ref().is_some_and(is_genuine)
    }

    /// Whether Django has issued a token for verifying this address, and the window for such is open. As
    /// there, none fits an address that is verified.
    fn is_djangos_verification(
        &self,
        address: &AddressRecord,
        token: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let state = VerificationState {
            user: address.person.get(),
            address: match address.kind {
                AddressKind::Email => DjangoAddress::Email(&address.value),
                AddressKind::Phone => DjangoAddress::Phone(&address.value),
            },
            is_verified: address.is_verified,
        };
        let is_genuine =
            |django: &DjangoTokens| django.check_verification(token, now, &state).is_ok();
        self.django.as_ref().is_some_and(is_genuine)
    }

    /// Refuses a verification token that is for no address, and tells the signals.
    pub(super) fn refuse_verification(&self, kind: AddressKind, token: &str, now: DateTime<Utc>) {
        let (purpose, lifetime) = self.verification(kind);
        let _ = self.tokens.check(&purpose, token, now, lifetime, &[]);
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

/// What a reset link is bound to: it dies when the password or the person's own e-mail address is
/// changed, when they log in, and when the address it was sent to is gone or another text.
fn with_reset_state<T>(
    person: &Person,
    address: &AddressRecord,
    act: impl FnOnce(&[&[u8]]) -> T,
) -> T {
    let person_id = person.id.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    let last_login = person
        .last_login
        .map(|time| time.timestamp_micros().to_be_bytes());
    act(&[
        &person_id,
        person.password.reveal().as_bytes(),
        last_login.as_ref().map_or(&[], <[u8; 8]>::as_slice),
        person.email.as_bytes(),
        &address_id,
        address.value.as_bytes(),
    ])
}

/// What a verification link is bound to: whose address it is, which row, and its text.
fn with_verification_state<T>(address: &AddressRecord, act: impl FnOnce(&[&[u8]]) -> T) -> T {
    let person_id = address.person.get().to_be_bytes();
    let address_id = address.id.get().to_be_bytes();
    act(&[
        &person_id,
        address.kind.as_str().as_bytes(),
        &address_id,
        address.value.as_bytes(),
    ])
}

/// The kind of an address as links write it.
pub(super) const fn method_of(kind: AddressKind) -> AddressMethod {
    match kind {
        AddressKind::Email => AddressMethod::Email,
        AddressKind::Phone => AddressMethod::Phone,
    }
}

/// The kind of an address as read from a link.
pub(super) const fn kind_of(method: AddressMethod) -> AddressKind {
    match method {
        AddressMethod::Email => AddressKind::Email,
        AddressMethod::Phone => AddressKind::Phone,
    }
}
