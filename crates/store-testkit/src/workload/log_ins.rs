//! Sessions looked up and log-ins recorded, many at once: what a site does most.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::EmailAddress;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, NewSession, SessionClient, SessionDigest, SessionHandle};
use phone_auth_core::store::Store;
use phone_auth_core::user::{NewUser, User};

/// A store with users in it who have a session each.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::store::Store;
/// use phone_auth_store_testkit::workload::LogIns;
///
/// async fn look_ups_per_log_in<S: Store + 'static>(store: S) -> f64 {
///     let log_ins = LogIns::fill(Arc::new(store), 100).await;
///     let look_ups = log_ins.look_up(100).await;
///     log_ins.record(100, 8).await.as_secs_f64() / look_ups.as_secs_f64()
/// }
/// ```
#[derive(Debug)]
pub struct LogIns<S> {
    store: Arc<S>,
    users: Arc<Vec<User>>,
    /// How many sets of sessions there are.
    sets: AtomicU32,
}

impl<S: Store + 'static> LogIns<S> {
    /// Puts so many users into an empty store.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves some of them there.
    pub async fn fill(store: Arc<S>, users: u32) -> Self {
        let mut all = Vec::new();
        for number in 0..users {
            let new = NewUser {
                username: format!("ann{number}"),
                first_name: "Ann".to_owned(),
                last_name: "Lee".to_owned(),
                password: EncodedPassword::new(
                    "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
                ),
                email: EmailAddress::parse(&format!("ann{number}@example.org")).ok(),
                phone: None,
                date_joined: Self::now(),
                notices: Notices::default(),
                closes_at: None,
            };
            let user = store.create_user(&new).await.unwrap();
            let first = log_in(&user, digest(0, number));
            assert!(store.log_in(&first).await.unwrap());
            all.push(user);
        }
        Self {
            store,
            users: Arc::new(all),
            sets: AtomicU32::new(1),
        }
    }

    /// The moment at which all of it happens.
    pub fn now() -> DateTime<Utc> {
        super::now()
    }

    /// The session of the user of this number, and over again after the last.
    pub fn session(&self, number: u32) -> SessionDigest {
        let users = u32::try_from(self.users.len()).unwrap_or(u32::MAX);
        digest(0, number % users.max(1))
    }

    /// Looks up so many sessions; how long that took.
    pub async fn look_up(&self, count: u32) -> Duration {
        let begun = Instant::now();
        for number in 0..count {
            let session = self.session(number);
            let found = self.store.session(&session, Self::now()).await;
            assert!(found.unwrap().is_some());
        }
        begun.elapsed()
    }

    /// Records so many log-ins, at most one of each user, in so many tasks at once; how long that took.
    ///
    /// # Cancel safety
    /// The tasks of a call that is dropped go on.
    pub async fn record(&self, count: u32, together: u32) -> Duration {
        let set = self.sets.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let tasks: Vec<_> = (0..together)
            .map(|task| {
                let (store, users) = (Arc::clone(&self.store), Arc::clone(&self.users));
                tokio::spawn(async move {
                    for number in (task..count).step_by(together as usize) {
                        let user = users.get(number as usize).unwrap();
                        let new = log_in(user, digest(set, number));
                        assert!(store.log_in(&new).await.unwrap());
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        begun.elapsed()
    }
}

/// The session of this number, in this set of sessions.
fn digest(set: u32, number: u32) -> SessionDigest {
    let mut bytes = [0_u8; 32];
    // Spread over the tree, as real digests are.
    let spread = number.wrapping_mul(2_654_435_761).to_be_bytes();
    let written = spread.into_iter().chain(set.to_be_bytes());
    for (place, byte) in bytes.iter_mut().zip(written) {
        *place = byte;
    }
    SessionDigest::from_bytes(bytes)
}

fn log_in(user: &User, digest: SessionDigest) -> NewLogIn {
    NewLogIn {
        checked_password: user.password.clone(),
        upgraded_password: None,
        session: NewSession {
            digest,
            user: user.id,
            created_at: super::now(),
            expires_at: super::now() + TimeDelta::days(14),
            handle: SessionHandle::of_digest(&digest),
            client: SessionClient::default(),
        },
        ends: None,
        max_sessions: u32::MAX,
        unless_closing: false,
    }
}
