//! What the flows of users cost a store: each of them once, and how many statements the store has run for it.
//!
//! It knows no statements: a store that hears of its own counts them. So a number that grows is seen, and why must be looked for.
#![expect(clippy::unwrap_used, reason = "a failed flow is a failed test")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_core::accounts::{Accounts, AccountsBuilder, CurrentUser, LinkForm, SignUpForm};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::clock::ManualClock;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;
use phone_auth_core::settings::{Methods, Settings};
use phone_auth_core::signals::{
    Capture, LoginEmail, LoginPhone, Message, SecurityNoticeEmail, SecurityNoticePhone, Signals,
    VerifyEmail, VerifyPhone,
};
use phone_auth_core::store::{LimitStore, OutboxStore, Store};
use phone_auth_core::tokens::{Keyring, SecretKey};

use crate::plain::Plain;

const EMAIL: &str = "ann@example.org";
const PHONE: &str = "+919876543210";
const OLD: &str = "correct horse";
const NEW: &str = "battery staple";

/// Walks through the flows over an empty store, with its outbox and its limits, and tells of each how many statements were run for
/// it: a line each, the number first. `taken` says how many were run since it was last asked.
///
/// # Panics
/// When a flow fails.
pub async fn statements_of_flows<S>(store: Arc<S>, taken: impl Fn() -> usize) -> String
where
    S: Store + OutboxStore + LimitStore + 'static,
{
    let mut walk = Walk::new(store, taken);
    let key = walk.signs_up_and_in().await;
    walk.limits().await;
    walk.codes_and_links().await;
    let key = walk.addresses(key).await;
    walk.sessions_and_passwords(key).await;
    walk.end().await;
    walk.signs_up_by_code().await;
    walk.told
}

struct Walk<S, F> {
    store: Arc<S>,
    keyring: Keyring,
    clock: ManualClock,
    signals: Signals,
    /// Security notices are enqueued where a receiver takes them.
    _notices: (Capture<SecurityNoticeEmail>, Capture<SecurityNoticePhone>),
    /// What is counted: as a site is for strangers.
    accounts: Accounts,
    /// Who asks for messages whose codes and links are used: these are told at once.
    asking: Accounts,
    taken: F,
    told: String,
}

impl<S, F> Walk<S, F>
where
    S: Store + OutboxStore + LimitStore + 'static,
    F: Fn() -> usize,
{
    fn new(store: Arc<S>, taken: F) -> Self {
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let (clock, signals) = (ManualClock::starting_now(), Signals::isolated());
        let notices = (signals.capture(), signals.capture());
        let mut settings = Settings::default();
        settings.login_by_code = true;
        settings.closing_grace = Some(Duration::from_hours(24));
        let builder = || {
            let builder = Accounts::builder(Arc::clone(&store) as _, keyring.clone());
            let builder = builder.signals(signals.clone()).hasher(Plain);
            builder.clock(clock.clone())
        };
        let (accounts, asking) = both(builder, &store, &settings);
        Self {
            accounts,
            asking,
            store,
            keyring,
            clock,
            signals,
            _notices: notices,
            taken,
            told: String::new(),
        }
    }

    /// Time goes on, so that nothing is asked for too soon, and what was run until now is of no flow.
    async fn begins(&self) {
        self.clock.advance(Duration::from_hours(1));
        self.begins_at_once().await;
    }

    /// What was run is of this flow, also what it has left to be done beside its answer.
    async fn ends(&mut self, flow: &str) {
        self.rests().await;
        let count = (self.taken)();
        writeln!(self.told, "{count} {flow}").unwrap();
    }

    async fn current(&self, key: &SessionKey) -> CurrentUser {
        self.accounts.current_user(key).await.unwrap().unwrap()
    }

    async fn own(&self, user: &CurrentUser, value: &str) -> AddressRecord {
        let own = self.accounts.addresses(user).await.unwrap();
        own.into_iter().find(|it| it.value == value).unwrap()
    }

    async fn signs_up_and_in(&mut self) -> SessionKey {
        self.begins().await;
        self.accounts.sign_up(form()).await.unwrap();
        self.ends("sign-up").await;
        let password = Password::new(OLD);
        self.begins().await;
        let key = self.accounts.log_in("ann", &password, None).await;
        let key = key.unwrap().key;
        self.ends("log-in by username").await;
        for (kind, value) in [(AddressKind::Email, EMAIL), (AddressKind::Phone, PHONE)] {
            let user = self.current(&key).await;
            let address = self.own(&user, value).await;
            self.begins().await;
            let asked = self.accounts.begin_verification(&user, kind, address.id);
            asked.await.unwrap().unwrap();
            self.ends(&format!("ask to verify, {kind}")).await;
        }
        let user = self.current(&key).await;
        let address = self.own(&user, EMAIL).await;
        let mut sent = self.signals.capture::<VerifyEmail>();
        let asked = self
            .asking
            .request_verification(&user, address.kind, address.id);
        let _ = asked.await.unwrap();
        let sent = last(&mut sent);
        self.begins().await;
        let client = self.accounts.for_client(Client::new().signed_in(&user));
        let _ = client
            .verify_address(sent.link().id, sent.link().token)
            .await
            .unwrap();
        self.ends("verify by link").await;
        let address = self.own(&user, PHONE).await;
        let mut sent = self.signals.capture::<VerifyPhone>();
        self.verifies(&user, &address, &mut sent, "verify by code")
            .await;
        key
    }

    async fn verifies<M: Message + Clone + 'static>(
        &mut self,
        user: &CurrentUser,
        address: &AddressRecord,
        sent: &mut Capture<M>,
        flow: &str,
    ) {
        let asked = self
            .asking
            .begin_verification(user, address.kind, address.id);
        let key = asked.await.unwrap().unwrap();
        let sent = last(sent);
        self.begins_at_once().await;
        let verified = self
            .accounts
            .verify_by_code(user, &key, sent.code().unwrap().as_str());
        let _ = verified.await.unwrap();
        self.ends(flow).await;
    }

    /// As [`begins`](Self::begins), while a code still works.
    async fn begins_at_once(&self) {
        self.rests().await;
        let _ = (self.taken)();
    }

    /// Waits for what was left to be done beside an answer.
    async fn rests(&self) {
        for accounts in [&self.accounts, &self.asking] {
            assert!(accounts.drain(Duration::from_mins(1)).await);
        }
    }

    async fn limits(&mut self) {
        let (right, wrong) = (Password::new(OLD), Password::new("a guess"));
        self.begins().await;
        for _ in 0..4 {
            let guess = self.accounts.log_in("ann", &wrong, None).await;
            assert!(guess.is_err());
        }
        self.begins_at_once().await;
        let begun = self.accounts.log_in("ann", &right, None).await;
        let user = begun.unwrap().user;
        self.ends("log-in after four wrong ones").await;
        let at = Client::new().at("203.0.113.7".parse().unwrap());
        let devices = self.accounts.remember_device(&user).unwrap().text();
        let known = at.clone().with_devices(Devices::parse(&devices));
        for (client, flow) in [
            (at, "log-in from a network"),
            (known, "log-in from a known browser"),
        ] {
            let accounts = self.accounts.for_client(client);
            self.begins().await;
            let begun = accounts.log_in(EMAIL, &right, None).await;
            assert!(begun.is_ok());
            self.ends(flow).await;
        }
        for name in ["ann", EMAIL, PHONE, "nobody"] {
            self.begins().await;
            self.accounts.request_password_reset(name).await.unwrap();
            self.ends(&format!("reset request for {name}")).await;
        }
    }

    async fn codes_and_links(&mut self) {
        let mut sent = self.signals.capture::<LoginEmail>();
        self.begins().await;
        let asked = self.accounts.begin_log_in(EMAIL, None).await;
        let _ = asked.unwrap();
        self.ends("ask for a code to sign in").await;
        self.clock.advance(Duration::from_hours(1));
        let key = self.asking.begin_log_in(EMAIL, None).await.unwrap();
        let code = last(&mut sent).code().unwrap().clone();
        self.begins_at_once().await;
        let begun = self.accounts.log_in_by_code(&key, code.as_str(), None);
        assert!(begun.await.is_ok());
        self.ends("log-in by code").await;
        self.clock.advance(Duration::from_hours(1));
        let key = self.asking.begin_log_in(EMAIL, None).await.unwrap();
        let message = last(&mut sent);
        let form = LinkForm {
            asked: &[key],
            ..LinkForm::default()
        };
        let link = message.link();
        self.begins_at_once().await;
        let begun = self
            .accounts
            .log_in_by_link(link.id, link.token, &form, None);
        assert!(begun.await.is_ok());
        self.ends("log-in by link").await;
    }

    async fn addresses(&mut self, key: SessionKey) -> SessionKey {
        let user = self.current(&key).await;
        let email = AddressKind::Email;
        self.begins().await;
        let added = self
            .accounts
            .add_address(&user, email, "ann@work.example")
            .await;
        let added = added.unwrap();
        self.ends("add an address").await;
        let mut sent = self.signals.capture::<VerifyEmail>();
        self.verifies(&user, &added, &mut sent, "verify another by code")
            .await;
        self.begins().await;
        let first = self.accounts.make_primary(&user, added.id).await;
        drop(first.unwrap());
        self.ends("make an address the primary one").await;
        let user = self.current(&key).await;
        self.begins().await;
        let new = self
            .accounts
            .replace_address(&user, email, added.id, "ann@home.example");
        let new = new.await.unwrap();
        self.ends("change an address").await;
        let flow = "verify what takes the place of another";
        self.verifies(&user, &new, &mut sent, flow).await;
        let phone = self.own(&user, PHONE).await;
        self.begins().await;
        let removed = self
            .accounts
            .remove_address(&user, phone.kind, phone.id)
            .await;
        drop(removed.unwrap());
        self.ends("remove an address").await;
        key
    }

    async fn sessions_and_passwords(&mut self, key: SessionKey) {
        let (old, new) = (Password::new(OLD), Password::new(NEW));
        let user = self.current(&key).await;
        self.begins().await;
        let key = self.accounts.reauthenticate(&user, &old).await.unwrap();
        self.ends("re-authenticate").await;
        let user = self.current(&key).await;
        let listed = self.accounts.sessions(&user).await.unwrap().sessions;
        let other = listed.iter().find(|it| !it.is_current).unwrap();
        self.begins().await;
        assert!(
            self.accounts
                .end_session(&user, &other.handle)
                .await
                .unwrap()
        );
        self.ends("end one session").await;
        self.begins().await;
        let ended = self.accounts.end_other_sessions(&user).await;
        assert!(ended.unwrap() > 1);
        self.ends("end all others").await;
        self.begins().await;
        let changed = self.accounts.change_password(&user, &old, &new, &new).await;
        drop(changed.unwrap());
        self.ends("change the password").await;
    }

    async fn end(&mut self) {
        let ann = self.accounts.find("ann").await.unwrap().unwrap();
        let own = self.accounts.addresses_of(ann.id).await.unwrap();
        let address = own.first().unwrap();
        for (is_verified, flow) in [(false, "un-verify by hand"), (true, "verify by hand")] {
            self.begins().await;
            let marked = self.accounts.set_verified(&ann, address, is_verified).await;
            assert!(marked.unwrap().is_changed());
            self.ends(flow).await;
        }
        self.begins().await;
        assert!(self.accounts.export(ann.id).await.unwrap().is_some());
        self.ends("export").await;
        self.begins().await;
        assert!(self.accounts.request_closing(ann.id).await.is_ok());
        self.ends("schedule the closing").await;
        self.begins().await;
        assert!(self.accounts.cancel_closing(&ann).await.unwrap());
        self.ends("cancel the closing").await;
        self.begins().await;
        assert!(self.accounts.close(ann.id).await.is_ok());
        self.ends("close").await;
    }

    async fn signs_up_by_code(&mut self) {
        let mut settings = Settings::default();
        settings.authentication_methods = Methods {
            phone: true,
            email: false,
            username: false,
        };
        settings.login_by_code = true;
        settings.sign_up_by_code = true;
        let builder = || {
            let builder = Accounts::builder(Arc::clone(&self.store) as _, self.keyring.clone());
            let builder = builder.signals(self.signals.clone()).hasher(Plain);
            builder.clock(self.clock.clone())
        };
        let (accounts, asking) = both(builder, &self.store, &settings);
        let mut sent = self.signals.capture::<LoginPhone>();
        let form = |phone| SignUpForm {
            username: "",
            email: "",
            phone,
            password: Password::new(""),
            confirm_password: None,
            ..form()
        };
        self.begins().await;
        let asked = accounts.begin_sign_up(form("+442079460018"), None).await;
        let _ = asked.unwrap();
        self.ends("ask for a code to sign up").await;
        let key = asking.begin_sign_up(form("+442079460019"), None).await;
        let (key, message) = (key.unwrap(), last(&mut sent));
        self.begins_at_once().await;
        let code = message.code().unwrap();
        let begun = accounts.log_in_by_code(&key, code.as_str(), None).await;
        assert!(begun.is_ok());
        self.ends("sign-up by code").await;
    }
}

/// Flows with an outbox and limits, and the same without.
fn both<S>(
    builder: impl Fn() -> AccountsBuilder,
    store: &Arc<S>,
    settings: &Settings,
) -> (Accounts, Accounts)
where
    S: OutboxStore + LimitStore + 'static,
{
    let accounts = builder().settings(settings.clone());
    let accounts = accounts
        .outbox(Arc::clone(store) as _)
        .limits(Arc::clone(store) as _);
    let mut unlimited = settings.clone();
    unlimited.limits = LimitSettings::danger_none();
    let asking = builder().settings(unlimited).build().unwrap();
    (accounts.build().unwrap(), asking)
}

/// The last message that was captured.
fn last<M: Clone + 'static>(sent: &mut Capture<M>) -> M {
    sent.take().pop().unwrap()
}

fn form() -> SignUpForm<'static> {
    SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "ann",
        email: EMAIL,
        phone: PHONE,
        password: Password::new(OLD),
        confirm_password: Some(Password::new(OLD)),
    }
}
