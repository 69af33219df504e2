//! Log-ins whose hash is outdated, of a browser that goes away while a better one is made.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::{self, CountingHasher, Kit};
use async_trait::async_trait;
use phone_auth_core::accounts::Accounts;
use phone_auth_core::client::Client;
use phone_auth_core::limits::LimitSettings;
use phone_auth_core::password::{
    EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};
use phone_auth_core::user::User;
use phone_auth_events::{UserLoggedIn, UserLoginFailed};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};
use tokio::sync::Notify;

/// Longer than a receiver is waited for.
const LONG: Duration = Duration::from_mins(1);

/// Finds every hash outdated, and makes one when a test says so.
#[derive(Clone)]
struct Slow {
    inner: CountingHasher,
    is_slow: Arc<AtomicBool>,
    has_begun: Arc<Notify>,
    goes_on: Arc<Notify>,
}

#[async_trait]
impl PasswordHasher for Slow {
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        if self.is_slow.load(Ordering::SeqCst) {
            self.has_begun.notify_one();
            self.goes_on.notified().await;
        }
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let verdict = self.inner.verify(password, encoded, requester).await;
        Ok(match verdict? {
            Verdict::Match => Verdict::MatchOutdated,
            other => other,
        })
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError> {
        self.inner.verify_nothing(password, requester).await
    }
}

/// Ann, at a site with the limits of one.
struct Site {
    kit: Kit,
    accounts: Accounts,
    slow: Slow,
    ann: User,
}

impl Site {
    async fn new() -> Self {
        let kit = Kit::limited();
        let ann = kit.sign_up_ann().await;
        let slow = Slow {
            inner: kit.hasher.clone(),
            is_slow: Arc::new(AtomicBool::new(true)),
            has_begun: Arc::new(Notify::new()),
            goes_on: Arc::new(Notify::new()),
        };
        let mut settings = kit.accounts.settings().clone();
        settings.limits = LimitSettings::default();
        let accounts =
            Accounts::builder(Arc::new(kit.store.clone()), common::keyring(common::SECRET))
                .limits(Arc::new(kit.store.clone()))
                .settings(settings)
                .signals(kit.signals.clone())
                .clock(kit.clock.clone())
                .hasher(slow.clone())
                .build()
                .unwrap();
        let client = Client::new().at("203.0.113.7".parse().unwrap());
        let accounts = accounts.for_client(client);
        Self {
            kit,
            accounts,
            slow,
            ann,
        }
    }

    /// Lets a flow come to where the better hash is made, and gives it up.
    async fn give_up_at_hash(&self, flow: impl Future<Output: std::fmt::Debug>) {
        tokio::select! {
            it = flow => unreachable!("the hash is not made: {it:?}"),
            () = self.slow.has_begun.notified() => {}
        }
    }
}

/// The password was right, so it has not failed, whatever becomes of the better hash: the log-in goes to its end, once.
#[tokio::test(start_paused = true)]
async fn better_hash_that_is_given_up_is_stored() {
    for (is_made, is_changed_meanwhile) in [(true, false), (false, false), (true, true)] {
        let site = Site::new().await;
        let case = format!("made: {is_made}, changed: {is_changed_meanwhile}");
        let mut begun = site.kit.signals.capture::<UserLoggedIn>();
        let mut failed = site.kit.signals.capture::<UserLoginFailed>();
        let right = Password::new(common::HORSE);
        // More than a client network may get wrong, and less than there are log-ins in a minute.
        for n in 0..20 {
            let before = site.kit.stored(&site.ann).await.password;
            site.give_up_at_hash(site.accounts.log_in("ann", &right, None))
                .await;
            if is_changed_meanwhile {
                // Another program has made another hash of the same password.
                let other = site.kit.hasher.hash(&right, &Requester::operator()).await;
                let other = other.unwrap().reveal().to_owned();
                let change = ExternalChange::SetPassword(site.ann.id, other);
                site.kit.store.make(change).await;
            }
            site.slow.inner.set_busy(!is_made);
            site.slow.goes_on.notify_one();
            assert!(site.accounts.drain(LONG).await, "{case}");
            site.slow.inner.set_busy(false);
            let after = site.kit.stored(&site.ann).await.password;
            assert_eq!(before != after, is_made, "{case}, {n}");
        }
        let sessions = if is_changed_meanwhile { 0 } else { 20 };
        assert_eq!(failed.take().len(), 0, "{case}");
        assert_eq!(begun.take().len(), sessions, "{case}");
        site.slow.is_slow.store(false, Ordering::SeqCst);
        let log_in = site.accounts.log_in("ann", &right, None).await;
        assert!(log_in.is_ok(), "{case}: {log_in:?}");
    }
}
