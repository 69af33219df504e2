//! Checks of passwords whose browser goes away: while the hash is made, and while they wait for their turn.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, Kit};
use phone_auth_core::accounts::{Accounts, CurrentUser, FailureKind, FlowError};
use phone_auth_core::client::Client;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, LegacyHash, LegacyHashes, Password,
};
use phone_auth_core::user::User;
use phone_auth_events::{LoginFailure, UserLoggedIn, UserLoginFailed};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};
use tokio::sync::Notify;

/// Longer than a hash takes.
const LONG: Duration = Duration::from_mins(1);

const RIGHT: &str = "correct horse";
const WRONG: &str = "a guess";

/// Hashes that take until a test says so.
struct Slow {
    has_begun: Arc<Notify>,
    goes_on: Arc<Mutex<Receiver<()>>>,
}

impl LegacyHashes for Slow {
    fn read(&self, stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>> {
        stored.reveal().strip_prefix("slow$")?;
        Some(Box::new(Self {
            has_begun: Arc::clone(&self.has_begun),
            goes_on: Arc::clone(&self.goes_on),
        }))
    }
}

impl LegacyHash for Slow {
    fn is_of(&self, password: &str, _spent: &mut u64) -> bool {
        self.has_begun.notify_one();
        self.goes_on.lock().unwrap().recv().unwrap();
        password == RIGHT
    }
}

/// Ann and Bob, whose hashes are slow, at a site with one place to hash for strangers.
struct Site {
    kit: Kit,
    accounts: Accounts,
    has_begun: Arc<Notify>,
    go_on: Sender<()>,
}

impl Site {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl Fn(&mut LimitSettings)) -> Self {
        let kit = Kit::with_settings(|settings| {
            settings.limits = LimitSettings::default();
            change(&mut settings.limits);
        });
        for name in ["ann", "bob"] {
            kit.store_user(name, "slow$hash").await;
        }
        let (has_begun, (go_on, goes_on)) = (Arc::new(Notify::new()), channel());
        let slow = Slow {
            has_begun: Arc::clone(&has_begun),
            goes_on: Arc::new(Mutex::new(goes_on)),
        };
        let hasher = Argon2Hasher::with_limits(NonZeroUsize::MIN, 50).with_legacy_hashes(slow);
        let accounts =
            Accounts::builder(Arc::new(kit.store.clone()), common::keyring(common::SECRET))
                .limits(Arc::new(kit.store.clone()))
                .settings(kit.accounts.settings().clone())
                .signals(kit.signals.clone())
                .clock(kit.clock.clone())
                .hasher(hasher)
                .build()
                .unwrap();
        Self {
            kit,
            accounts,
            has_begun,
            go_on,
        }
    }

    fn at(&self, address: &str) -> Accounts {
        let client = Client::new().at(address.parse().unwrap());
        self.accounts.for_client(client)
    }

    /// Lets a flow come to where its hash is made.
    async fn until_hash(&self, flow: impl Future) {
        tokio::select! {
            _ = flow => unreachable!("the hash is not made"),
            () = self.has_begun.notified() => {}
        }
    }

    /// Lets a flow come to where its hash is made, gives it up, and has the hash be made.
    async fn give_up_at_hash(&self, flow: impl Future) {
        self.until_hash(flow).await;
        self.go_on.send(()).unwrap();
        assert!(self.accounts.drain(LONG).await);
    }

    /// Lets a flow come to where it waits for its turn, and gives it up.
    async fn give_up_in_line(&self, flow: impl Future) {
        let mut flow = pin!(flow);
        for _ in 0..50 {
            tokio::select! {
                biased;
                _ = &mut flow => unreachable!("it is not its turn"),
                () = tokio::task::yield_now() => {}
            }
        }
    }

    /// Logs in to the end.
    async fn log_in(&self, accounts: &Accounts, name: &str, password: &str) -> Option<FailureKind> {
        self.go_on.send(()).unwrap();
        match accounts.log_in(name, &Password::new(password), None).await {
            Err(FlowError::Failed(failure)) => Some(failure.kind()),
            Ok(_) | Err(FlowError::Refused(_)) => None,
        }
    }
}

/// What was not waited for is a guess like any other.
#[tokio::test]
async fn wrong_password_that_is_given_up_counts() {
    let site = Site::new().await;
    let mut failed = site.kit.signals.capture::<UserLoginFailed>();
    let eve = site.at("203.0.113.7");
    for _ in 0..5 {
        let guess = Password::new(WRONG);
        site.give_up_at_hash(eve.log_in("ann", &guess, None)).await;
    }
    let told: Vec<_> = failed.take().iter().map(|it| it.kind).collect();
    assert_eq!(told, [LoginFailure::WrongPassword; 5]);
    let limited = site.log_in(&eve, "ann", RIGHT).await;
    assert!(
        matches!(limited, Some(FailureKind::Limited { .. })),
        "{limited:?}"
    );
}

#[tokio::test]
async fn right_password_that_is_given_up_has_not_failed() {
    let site = Site::new().await;
    let mut begun = site.kit.signals.capture::<UserLoggedIn>();
    let ann = site.at("203.0.113.7");
    // Less than there are log-ins of a client network in a minute.
    for _ in 0..20 {
        let right = Password::new(RIGHT);
        site.give_up_at_hash(ann.log_in("ann", &right, None)).await;
    }
    assert_eq!(begun.take().len(), 0, "nobody has the key of a session");
    assert_eq!(site.log_in(&ann, "ann", RIGHT).await, None);
    assert_eq!(begun.take().len(), 1);
}

/// Nothing was tried; and what all log-ins of a network may be is used up.
#[tokio::test]
async fn log_in_that_is_given_up_in_line_has_not_failed() {
    let site = Site::new().await;
    let (ann, bob) = (site.at("203.0.113.7"), site.at("198.51.100.9"));
    let bobs = Password::new(RIGHT);
    let mut bobs = pin!(bob.log_in("bob", &bobs, None));
    site.until_hash(&mut bobs).await;
    for _ in 0..29 {
        let right = Password::new(RIGHT);
        site.give_up_in_line(ann.log_in("ann", &right, None)).await;
        assert!(site.accounts.drain(LONG).await);
    }
    site.go_on.send(()).unwrap();
    assert!(bobs.await.is_ok());
    assert_eq!(site.log_in(&ann, "ann", RIGHT).await, None);
    let limited = site.log_in(&ann, "ann", RIGHT).await;
    assert!(
        matches!(limited, Some(FailureKind::Limited { .. })),
        "{limited:?}"
    );
}

/// The flows that check a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    LogIn,
    Confirmation,
    Change,
    SecondReset,
    SecondChange,
    SecondConfirmation,
}

const FLOWS: [(Flow, &str); 6] = [
    (Flow::LogIn, "log_in"),
    (Flow::Confirmation, "reauthenticate"),
    (Flow::Change, "change_password"),
    (Flow::SecondReset, "repeated_form"),
    (Flow::SecondChange, "repeated_form"),
    (Flow::SecondConfirmation, "repeated_form"),
];

/// What Ann has: a session, and a form that was shown to her before her password was changed.
struct Ann {
    session: CurrentUser,
    form: String,
}

impl Site {
    /// One where three wrong passwords in a row are the last.
    async fn of_three_tries() -> (Self, Ann) {
        let site = Self::with(|limits| limits.failures_in_a_row = 3).await;
        let user = site.user("ann").await;
        let form = site.accounts.password_form_token(&user);
        site.change("ann").await;
        let session = site.signed_in("ann").await;
        (site, Ann { session, form })
    }

    async fn user(&self, name: &str) -> User {
        self.accounts.find(name).await.unwrap().unwrap()
    }

    async fn signed_in(&self, name: &str) -> CurrentUser {
        let user = self.user(name).await;
        let begun = self.accounts.begin_session(user.id, None).await.unwrap();
        let found = self.accounts.current_user(&begun.key).await.unwrap();
        found.unwrap()
    }

    /// Has another hash be stored, of the same password.
    async fn change(&self, name: &str) {
        let user = self.user(name).await.id;
        let change = ExternalChange::SetPassword(user, "slow$another".into());
        self.kit.store.make(change).await;
    }

    /// Checks a password by a flow: whether it was limited.
    async fn check(&self, ann: &Ann, flow: Flow, password: &str) -> bool {
        let (password, new) = (Password::new(password), Password::new("battery staple"));
        let accounts = self.at("203.0.113.7");
        let failed = match flow {
            Flow::LogIn => match accounts.log_in("ann", &password, None).await {
                Err(FlowError::Failed(failure)) => Some(failure),
                _ => None,
            },
            Flow::Confirmation => match accounts.reauthenticate(&ann.session, &password).await {
                Err(FlowError::Failed(failure)) => Some(failure),
                _ => None,
            },
            Flow::Change => {
                let changed = accounts.change_password(&ann.session, &password, &new, &new);
                match changed.await {
                    Err(FlowError::Failed(failure)) => Some(failure),
                    _ => None,
                }
            }
            Flow::SecondReset => {
                let repeated = accounts.repeated_reset(&ann.form, &password, &password);
                repeated.await.err()
            }
            Flow::SecondChange => {
                let repeated = accounts.repeated_change(&ann.form, &password, &password);
                repeated.await.err()
            }
            Flow::SecondConfirmation => {
                let repeated = accounts.repeated_proof(&ann.form, &password);
                repeated.await.err()
            }
        };
        failed.is_some_and(|it| it.limited_for().is_some())
    }

    /// Has no password be one too many of a minute.
    fn wait(&self) {
        self.kit.clock.advance(LONG * 2);
    }
}

/// Whatever flow it is that checks it: a wrong password counts and is told of, a right one has not failed.
#[tokio::test]
async fn given_up_password_counts_as_it_is() {
    for (flow, name) in FLOWS {
        for (password, told) in [(WRONG, 3), (RIGHT, 0)] {
            let (site, ann) = Site::of_three_tries().await;
            let mut failed = site.kit.signals.capture::<UserLoginFailed>();
            for _ in 0..3 {
                site.give_up_at_hash(site.check(&ann, flow, password)).await;
                site.wait();
            }
            let by: Vec<_> = failed.take().iter().map(|it| it.sender.as_str()).collect();
            assert_eq!(by, vec![name; told], "{flow:?}");
            site.go_on.send(()).unwrap();
            let is_limited = site.check(&ann, flow, WRONG).await;
            assert_eq!(is_limited, told > 0, "{flow:?} {password}");
        }
    }
}

/// Whatever flow it is that checks it, a password that waited for its turn has failed nothing.
#[tokio::test]
async fn password_given_up_in_line_has_not_failed() {
    for (flow, _) in FLOWS {
        let (site, ann) = Site::of_three_tries().await;
        // One has the place of strangers, one that of those who are signed in.
        let (stranger, bobs) = (site.at("198.51.100.9"), site.signed_in("bob").await);
        let right = Password::new(RIGHT);
        let mut first = pin!(stranger.log_in("bob", &right, None));
        let mut second = pin!(site.accounts.reauthenticate(&bobs, &right));
        site.until_hash(&mut first).await;
        site.until_hash(&mut second).await;
        let mut failed = site.kit.signals.capture::<UserLoginFailed>();
        for _ in 0..4 {
            site.give_up_in_line(site.check(&ann, flow, WRONG)).await;
            assert!(site.accounts.drain(LONG).await);
            site.wait();
        }
        for _ in 0..3 {
            site.go_on.send(()).unwrap();
        }
        let (first, second) = tokio::join!(first, second);
        assert!(first.is_ok() && second.is_ok(), "{flow:?}");
        assert_eq!(failed.take().len(), 0, "{flow:?}");
        let is_limited = site.check(&ann, flow, WRONG).await;
        assert!(!is_limited, "{flow:?}");
        assert_eq!(failed.take().len(), 1, "{flow:?}");
    }
}

/// Where the old password was wrong and the password was changed meanwhile, the new one is looked at too: it may be a second click.
/// The old one was tried all the same.
#[tokio::test]
async fn wrong_old_password_counts_at_the_new_one() {
    for (new, told) in [("battery staple", 1), (RIGHT, 0)] {
        let (site, ann) = Site::of_three_tries().await;
        let user = site.user("ann").await.id;
        let change = ExternalChange::SetPassword(user, "slow$third".into());
        site.kit.store.make(change).await;
        let mut failed = site.kit.signals.capture::<UserLoginFailed>();
        let (old, new) = (Password::new(WRONG), Password::new(new));
        let flow = site
            .accounts
            .change_password(&ann.session, &old, &new, &new);
        let mut flow = Box::pin(flow);
        site.until_hash(&mut flow).await;
        site.go_on.send(()).unwrap();
        site.give_up_at_hash(flow).await;
        assert_eq!(failed.take().len(), told);
    }
}
