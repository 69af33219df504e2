//! What the tests of flows share: accounts over a store in memory, with a clock that is set, a hasher
//! that counts, and a record of all that is told.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::panic,
    clippy::unwrap_used,
    reason = "each test file uses a part of the kit, and a failed unwrap is a failed test"
)]

mod hasher;
pub(crate) mod limited;
pub(crate) mod mailing;
mod record;

use std::fmt::Debug;
use std::sync::Arc;

use phone_auth_core::accounts::{
    Accounts, CurrentUser, Dispatch, Failure, FlowError, LoggedIn, SignUpForm,
};
use phone_auth_core::address::{
    AddressKind, AddressRecord, EmailAddress, Losses, PhoneNumber, ProofByHand,
};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::{EncodedPassword, Password, PasswordHasher, Requester};
use phone_auth_core::randomness::RepeatableRandomness;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::{AddressStore, UserStore};
use phone_auth_core::user::{NewUser, User};
use phone_auth_events::{Signals, VerifyEmail, VerifyPhone};
use phone_auth_store_testkit::MemoryStore;
use phone_auth_tokens::{Keyring, SecretKey};

pub use hasher::CountingHasher;
pub use record::Record;

/// Ann's password.
pub const HORSE: &str = "correct horse";
/// Another good password.
pub const STAPLE: &str = "battery staple";
/// Ann's phone number.
pub const ANNS_PHONE: &str = "+919876543210";
/// Ann's number as contact cards, messages, dialling habits and keyboards give it.
pub const PASTED: [&str; 18] = [
    "+91\u{a0}98765\u{a0}43210",
    "\u{202a}+91 98765 43210\u{202c}",
    "\u{2066}+91 98765\u{2009}43210\u{2069}",
    "+91\u{2011}98765\u{2011}43210",
    "+91\u{2013}98765\u{2212}43210",
    "\u{ff0b}\u{ff19}\u{ff11}\u{ff19}\u{ff18}\u{ff17}\u{ff16}\u{ff15}43210",
    "+\u{669}\u{661}\u{669}\u{668}\u{667}\u{666}\u{665}43210",
    "tel:+91-98765-43210",
    "\u{feff}+91\u{200b}9876543210\u{200e}",
    "0091 98765 43210",
    "(0091) 98765 43210",
    "[+91] 98765 43210",
    "+91\u{30fc}98765\u{30fc}43210",
    "+91~98765~43210",
    "+91\u{b7}98765\u{b7}43210",
    "tel:%2B919876543210",
    "+91 98765 43210\u{ff0c}",
    "\u{202a}00\u{a0}91\u{a0}98765\u{2010}43210\u{202c}",
];
/// Ann's email address.
pub const ANNS_EMAIL: &str = "ann@example.org";
/// A secret for keyrings, long and random enough.
pub const SECRET: &str = "q3Zt8vKxWm5RbYp2LsNc7HdJf4TgUe9A-core";

/// Why a flow refused; it must have.
pub fn refusal<T: Debug, R: Debug>(result: Result<T, FlowError<R>>) -> R {
    match result.unwrap_err() {
        FlowError::Refused(refusal) => refusal,
        FlowError::Failed(failure) => panic!("not refused: {failure:?}"),
    }
}

/// Why a flow failed; it must have.
pub fn failure<T: Debug, R: Debug>(result: Result<T, FlowError<R>>) -> Failure {
    match result.unwrap_err() {
        FlowError::Refused(refusal) => panic!("not failed: {refusal:?}"),
        FlowError::Failed(failure) => failure,
    }
}

/// Accounts and all that is around them.
pub struct Kit {
    pub accounts: Accounts,
    pub store: MemoryStore,
    pub signals: Signals,
    pub clock: ManualClock,
    pub hasher: CountingHasher,
    pub record: Record,
}

impl Kit {
    /// Accounts with the default settings, but no limits, and nobody in the store.
    pub fn new() -> Self {
        Self::with_settings(|_| {})
    }

    /// The same with Ann, of whose sign-up the record says nothing.
    pub async fn with_ann() -> Self {
        let kit = Self::new();
        kit.sign_up_ann().await;
        kit
    }

    pub fn with_settings(change: impl FnOnce(&mut Settings)) -> Self {
        Self::build(change, Dispatch::InRequest)
    }

    /// The same with the limits of a site.
    pub fn limited() -> Self {
        Self::with_settings(|settings| settings.limits = LimitSettings::default())
    }

    /// The same with hashes as a site makes them.
    pub fn hashing() -> Self {
        Self::build_with(|_| {}, Dispatch::InRequest, CountingHasher::real())
    }

    pub fn build(change: impl FnOnce(&mut Settings), dispatch: Dispatch) -> Self {
        Self::build_with(change, dispatch, CountingHasher::default())
    }

    fn build_with(
        change: impl FnOnce(&mut Settings),
        dispatch: Dispatch,
        hasher: CountingHasher,
    ) -> Self {
        let mut settings = unlimited();
        change(&mut settings);
        let store = MemoryStore::new();
        let signals = Signals::isolated();
        let clock = ManualClock::starting_now();
        let accounts = Accounts::builder(Arc::new(store.clone()), keyring(SECRET))
            .settings(settings)
            .limits(Arc::new(store.clone()))
            .signals(signals.clone())
            .clock(clock.clone())
            .randomness(RepeatableRandomness::danger_from_seed(42))
            .hasher(hasher.clone())
            .dispatch(dispatch)
            .build()
            .unwrap();
        Self {
            record: Record::of(&signals),
            accounts,
            store,
            signals,
            clock,
            hasher,
        }
    }

    /// Other accounts over the same store and signals, with other keys.
    pub fn rekeyed(&self, keyring: Keyring) -> Accounts {
        Accounts::builder(Arc::new(self.store.clone()), keyring)
            .signals(self.signals.clone())
            .settings(unlimited())
            .clock(self.clock.clone())
            .hasher(self.hasher.clone())
            .build()
            .unwrap()
    }

    /// The flows of another server, on the same store and with the same keys, whose clock goes otherwise.
    pub fn at_another_clock(&self, clock: &ManualClock) -> Accounts {
        Accounts::builder(Arc::new(self.store.clone()), keyring(SECRET))
            .signals(self.signals.clone())
            .settings(self.accounts.settings().clone())
            .clock(clock.clone())
            .hasher(self.hasher.clone())
            .build()
            .unwrap()
    }

    /// Other flows over the same store, which enqueue their messages in it and tell this dispatcher.
    pub fn with_outbox(&self, signals: &Signals) -> Accounts {
        Accounts::builder(Arc::new(self.store.clone()), keyring(SECRET))
            .outbox(Arc::new(self.store.clone()))
            .signals(signals.clone())
            .settings(self.accounts.settings().clone())
            .clock(self.clock.clone())
            .hasher(self.hasher.clone())
            .build()
            .unwrap()
    }

    /// Other flows over the same store and dispatcher, which enqueue their messages, and know that nobody sends these.
    pub fn lacking(&self, signals: &[&'static str]) -> Accounts {
        self.lacking_where(signals, |_| {})
    }

    /// The same, with settings that are changed.
    pub fn lacking_where(
        &self,
        signals: &[&'static str],
        change: impl FnOnce(&mut Settings),
    ) -> Accounts {
        let mut settings = unlimited();
        change(&mut settings);
        Accounts::builder(Arc::new(self.store.clone()), keyring(SECRET))
            .outbox(Arc::new(self.store.clone()))
            .signals(self.signals.clone())
            .settings(settings)
            .clock(self.clock.clone())
            .hasher(self.hasher.clone())
            .allow_unreceived(signals.iter().copied())
            .build()
            .unwrap()
    }

    pub async fn sign_up_ann(&self) -> User {
        let ann = self.accounts.sign_up(ann()).await.unwrap();
        self.record.forget();
        self.hasher.forget();
        ann
    }

    /// Signs up someone else than Ann, who has nothing in common with them.
    pub async fn sign_up_bob(&self) -> User {
        let form = SignUpForm {
            first_name: "Bob",
            last_name: "Jones",
            username: "bob",
            email: "bob@example.net",
            phone: "+442079460018",
            ..ann()
        };
        let bob = self.accounts.sign_up(form).await.unwrap();
        self.record.forget();
        self.hasher.forget();
        bob
    }

    /// Stores a user past the flows, as another program on the same database would.
    pub async fn store_user(&self, username: &str, password: &str) -> User {
        let new = NewUser {
            username: username.to_owned(),
            first_name: String::new(),
            last_name: String::new(),
            password: EncodedPassword::new(password),
            email: EmailAddress::parse(&format!("p{}@example.com", self.store.user_count())).ok(),
            phone: PhoneNumber::parse(&format!("+4420794600{:02}", self.store.user_count())).ok(),
            date_joined: self.clock.now(),
            notices: Notices::default(),
            closes_at: None,
        };
        self.store.create_user(&new).await.unwrap()
    }

    pub async fn log_in(&self, login: &str, password: &str) -> LoggedIn {
        // Two log-ins at the same microsecond would look like one.
        self.clock.advance(std::time::Duration::from_secs(1));
        let password = Password::new(password);
        let logged_in = self.accounts.log_in(login, &password, None);
        logged_in.await.unwrap()
    }

    /// Logs in and forgets the record of it.
    pub async fn current_user(&self, login: &str, password: &str) -> CurrentUser {
        let logged_in = self.log_in(login, password).await;
        self.record.forget();
        self.hasher.forget();
        let current_user = self.accounts.current_user(&logged_in.key).await.unwrap();
        current_user.unwrap()
    }

    pub async fn address(&self, current_user: &CurrentUser, kind: AddressKind) -> AddressRecord {
        let addresses = self.accounts.addresses(current_user).await.unwrap();
        addresses.into_iter().find(|a| a.kind == kind).unwrap()
    }

    /// Requests a reset and gives the id and token of the link that was sent.
    pub async fn reset_link(&self, login: &str) -> (String, String) {
        self.accounts.request_password_reset(login).await.unwrap();
        let message = self.record.take_message();
        self.record.forget();
        message.parts()
    }

    /// Requests a verification and gives the id and token of the link that was sent.
    pub async fn verification_link(
        &self,
        current_user: &CurrentUser,
        address: &AddressRecord,
    ) -> (String, String) {
        let request = self
            .accounts
            .request_verification(current_user, address.kind, address.id);
        let _ = request.await.unwrap();
        let message = self.record.take_message();
        self.record.forget();
        message.parts()
    }

    /// Ann or another user, as stored now.
    /// Marks an address as verified, as an operator does, who vouches for its user.
    pub async fn prove(&self, address: &AddressRecord) {
        let proof = ProofByHand {
            kind: address.kind,
            id: address.id,
            user: address.user,
            is_verified: true,
            at: self.clock.now(),
            notices: Notices::default(),
            losses: Losses::default(),
        };
        let store: &dyn AddressStore = &self.store;
        store.set_verified(&proof).await.unwrap();
    }

    /// What a code to verify an address is typed with.
    pub async fn verification_code(
        &self,
        current_user: &CurrentUser,
        address: &AddressRecord,
    ) -> (ChallengeKey, String) {
        let mut emails = self.signals.capture::<VerifyEmail>();
        let mut phones = self.signals.capture::<VerifyPhone>();
        let begun = self
            .accounts
            .begin_verification(current_user, address.kind, address.id);
        let key = begun.await.unwrap().unwrap();
        let code = match address.kind {
            AddressKind::Email => emails.take().remove(0).envelope.code,
            AddressKind::Phone => phones.take().remove(0).envelope.code,
        };
        (key, code.unwrap().as_str().to_owned())
    }

    pub async fn stored(&self, user: &User) -> User {
        self.store.user(user.id).await.unwrap().unwrap()
    }

    /// A hash of ours for a password.
    pub async fn encoded(&self, password: &str) -> EncodedPassword {
        let operator = Requester::operator();
        let password = Password::new(password);
        let encoded = self.hasher.hash(&password, &operator).await.unwrap();
        self.hasher.forget();
        encoded
    }
}

/// The default settings without limits, which most tests are not about.
pub fn unlimited() -> Settings {
    let mut settings = Settings::default();
    settings.limits = LimitSettings::danger_none();
    settings
}

/// Ann's form.
pub fn ann() -> SignUpForm<'static> {
    SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "ann",
        email: ANNS_EMAIL,
        phone: ANNS_PHONE,
        password: Password::new(HORSE),
        confirm_password: Some(Password::new(HORSE)),
    }
}

pub fn keyring(secret: &str) -> Keyring {
    Keyring::new(SecretKey::new(secret.to_owned()).unwrap())
}
