//! Forms that begin a session, of a browser that goes away while the receivers are told: the session is there, and a second click
//! gets it. So they are told all the same, once.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::{ANNS_EMAIL, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{Accounts, LinkForm};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::client::{Client, Devices};
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::AddressStore as _;
use phone_auth_events::{LoginEmail, Message as _, OneTimeCode, PasswordChanged, UserLoggedIn};
use tokio::sync::Notify;

/// Longer than a receiver is waited for.
const LONG: Duration = Duration::from_mins(1);

/// A receiver that takes its time.
#[derive(Clone, Default)]
struct Receiver {
    has_begun: Arc<Notify>,
    goes_on: Arc<Notify>,
    heard: Arc<AtomicUsize>,
}

impl Receiver {
    async fn hear(self) {
        self.has_begun.notify_one();
        self.goes_on.notified().await;
        self.heard.fetch_add(1, Ordering::SeqCst);
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }

    /// Lets a flow come to where this is told, and gives the flow up.
    async fn give_up_at(&self, flow: impl Future) {
        tokio::select! {
            _ = flow => unreachable!("the receiver has not answered"),
            () = self.has_begun.notified() => {}
        }
    }
}

/// Ann's site, and what was sent to her.
struct Site {
    kit: Kit,
    key: ChallengeKey,
    code: String,
    link: (String, String),
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.login_by_code = true;
            change(settings);
        });
        let ann = kit.sign_up_ann().await;
        for address in kit.store.addresses_of(ann.id, 10).await.unwrap() {
            kit.prove(&address).await;
        }
        let mut sent = kit.signals.capture::<LoginEmail>();
        let key = kit.accounts.begin_log_in(ANNS_EMAIL, None).await.unwrap();
        let sent = sent.take().remove(0);
        let code = sent.code().map(OneTimeCode::as_str).unwrap().to_owned();
        let link = (sent.link().id.to_owned(), sent.link().token.to_owned());
        Self {
            kit,
            key,
            code,
            link,
        }
    }
}

/// What begins a session, and what of the second click.
#[derive(Clone, Copy, Debug)]
enum Form {
    LogIn,
    /// A sign-up, a reset or a single sign-on of the application, that signs in.
    BeginSession,
    Code,
    Link,
    /// That of a session which is over, at a process that has not changed the password.
    Repeated,
}

impl Form {
    async fn send(self, accounts: &Accounts, site: &Site, page: &str, password_form: &str) {
        let horse = Password::new(HORSE);
        match self {
            Self::LogIn => drop(accounts.log_in("ann", &horse, None).await.unwrap()),
            Self::BeginSession => {
                let ann = accounts.find("ann").await.unwrap().unwrap();
                drop(accounts.begin_session(ann.id, None).await.unwrap());
            }
            Self::Code => {
                let first = accounts.log_in_by_code(&site.key, &site.code, None);
                if first.await.is_err() {
                    let second = accounts.repeated_log_in(&site.key, &site.code).await;
                    assert!(second.unwrap().is_some());
                }
            }
            Self::Link => {
                let asked = [site.key.clone()];
                let form = LinkForm {
                    asked: &asked,
                    code: "",
                    token: page,
                };
                let (id, token) = &site.link;
                drop(
                    accounts
                        .log_in_by_link(id, token, &form, None)
                        .await
                        .unwrap(),
                );
            }
            Self::Repeated => {
                let again = accounts.repeated_proof(password_form, &horse).await;
                assert!(again.unwrap().is_some());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn log_in_that_is_given_up_is_told_of_once() {
    for form in [
        Form::LogIn,
        Form::BeginSession,
        Form::Code,
        Form::Link,
        Form::Repeated,
    ] {
        let site = Site::new().await;
        let accounts = site.kit.accounts.for_browser(Some("a browser"));
        let (id, token) = &site.link;
        let page = accounts.log_in_form_token(id, token).unwrap();
        let ann = accounts.find("ann").await.unwrap().unwrap();
        let password_form = accounts.password_form_token(&ann);
        let receiver = Receiver::default();
        let hears = receiver.clone();
        let connection = site
            .kit
            .signals
            .connect_async::<UserLoggedIn>(move |_| hears.clone().hear());

        let first = form.send(&accounts, &site, &page, &password_form);
        receiver.give_up_at(first).await;
        assert_eq!(receiver.heard(), 0, "{form:?}");
        receiver.goes_on.notify_one();
        assert!(accounts.drain(LONG).await, "{form:?}");
        assert_eq!(receiver.heard(), 1, "{form:?}");

        let second = form.send(&accounts, &site, &page, &password_form);
        second.await;
        assert_eq!(receiver.heard(), 1, "{form:?}");
        assert_eq!(site.kit.store.session_count(), 1, "{form:?}");
        drop(connection);
    }
}

/// The second click at a form that changes a password gets the key of the session, and waits for nobody who is told.
#[tokio::test(start_paused = true)]
async fn change_that_is_given_up_is_told_of_once() {
    let site = Site::new().await;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let accounts = site.kit.accounts.for_browser(Some("a browser"));
    let key = accounts.log_in("ann", &horse, None).await.unwrap().key;
    let ann = accounts.current_user(&key).await.unwrap().unwrap();
    let form = accounts.password_form_token(ann.user());
    let receiver = Receiver::default();
    let hears = receiver.clone();
    let _connection = site
        .kit
        .signals
        .connect_async::<PasswordChanged>(move |_| hears.clone().hear());

    let mut first = pin!(accounts.change_password(&ann, &horse, &staple, &staple));
    receiver.give_up_at(first.as_mut()).await;
    let second = accounts.repeated_change(&form, &staple, &staple);
    let second = tokio::time::timeout(Duration::from_secs(1), second).await;
    assert!(second.unwrap().unwrap().unwrap().is_repeated());
    assert_eq!(receiver.heard(), 0);
    receiver.goes_on.notify_one();
    first.await.unwrap();
    assert_eq!(receiver.heard(), 1);
}

/// The same where the browser has gone.
#[tokio::test(start_paused = true)]
async fn change_of_a_browser_that_is_gone_is_told_of() {
    let site = Site::new().await;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));
    let accounts = &site.kit.accounts;
    let key = accounts.log_in("ann", &horse, None).await.unwrap().key;
    let ann = accounts.current_user(&key).await.unwrap().unwrap();
    let receiver = Receiver::default();
    let hears = receiver.clone();
    let _connection = site
        .kit
        .signals
        .connect_async::<PasswordChanged>(move |_| hears.clone().hear());
    let first = accounts.change_password(&ann, &horse, &staple, &staple);
    receiver.give_up_at(first).await;
    receiver.goes_on.notify_one();
    assert!(accounts.drain(LONG).await);
    assert_eq!(receiver.heard(), 1);
}

/// A right password has not failed, also where its browser does not wait for the session: its user gets in however often that was.
#[tokio::test(start_paused = true)]
async fn log_in_that_is_given_up_has_not_failed() {
    for is_known in [true, false] {
        let site = Site::with(|settings| settings.limits = LimitSettings::default()).await;
        let accounts = site.kit.accounts.for_browser(None);
        let ann = accounts.find("ann").await.unwrap().unwrap();
        let client = Client::new().at("203.0.113.7".parse().unwrap());
        let client = if is_known {
            let devices = accounts.remember_device(&ann).unwrap();
            client.with_devices(Devices::parse(&devices.text()))
        } else {
            client
        };
        let accounts = accounts.for_client(client);
        let horse = Password::new(HORSE);
        let receiver = Receiver::default();
        let hears = receiver.clone();
        let connection = site
            .kit
            .signals
            .connect_async::<UserLoggedIn>(move |_| hears.clone().hear());
        // Less than there are log-ins of a client network in a minute.
        for _ in 0..20 {
            receiver
                .give_up_at(accounts.log_in("ann", &horse, None))
                .await;
            receiver.goes_on.notify_one();
            assert!(accounts.drain(LONG).await);
        }
        drop(connection);
        let log_in = accounts.log_in("ann", &horse, None).await;
        assert!(log_in.is_ok(), "known: {is_known}: {log_in:?}");
    }
}
