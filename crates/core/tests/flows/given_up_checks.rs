//! Checks of passwords whose browser goes away: while the hash is made, and while they wait for their turn.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{self, Kit};
use phone_auth_core::accounts::{Accounts, FailureKind, FlowError};
use phone_auth_core::client::Client;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, LegacyHash, LegacyHashes, Password,
};
use phone_auth_events::{LoginFailure, UserLoggedIn, UserLoginFailed};
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
        let kit = Kit::with_settings(|settings| settings.limits = LimitSettings::default());
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

    /// Lets a flow come to where its hash is made, gives it up, and has the hash be made.
    async fn give_up_at_hash(&self, flow: impl Future) {
        tokio::select! {
            _ = flow => unreachable!("the hash is not made"),
            () = self.has_begun.notified() => {}
        }
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
    tokio::select! {
        _ = &mut bobs => unreachable!("the hash is not made"),
        () = site.has_begun.notified() => {}
    }
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

/// The same of a password that proves who is signed in.
#[tokio::test]
async fn given_up_proof_is_told_of() {
    let site = Site::new().await;
    let mut failed = site.kit.signals.capture::<UserLoginFailed>();
    let ann = site.accounts.find("ann").await.unwrap().unwrap();
    let key = site.accounts.begin_session(ann.id, None).await.unwrap().key;
    let ann = site.accounts.current_user(&key).await.unwrap().unwrap();
    for (password, told) in [(WRONG, 1), (RIGHT, 0)] {
        let password = Password::new(password);
        let proof = site.accounts.reauthenticate(&ann, &password);
        site.give_up_at_hash(proof).await;
        assert_eq!(failed.take().len(), told);
    }
}
