//! Every operation of the port that flows use, to be measured side by side.
//!
//! What an operator does now and then is left out: lists of users and letters, keeping someone out.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a store that fails while it is measured is no store to measure"
)]

mod log_ins;
mod operation;
mod ratios;
mod sample;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::{
    Address, AddressKind, AddressRecord, EmailAddress, EmailSpellings, PhoneNumber,
    VerificationOutcome,
};
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow};
use phone_auth_core::outbox::{
    AttemptOutcome, Binding, Channel, Claim, DeadLetter, LeaseState, NewMessage, NextDue, Notices,
    OutboxMessage, Purpose, Queues, Receipts, Recipient, Wait,
};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{
    NewLogIn, NewSession, PasswordReplacement, SessionClient, SessionDigest, SessionHandle,
    SessionKey,
};
use phone_auth_core::store::{DjangoSessionStore, OutboxStore, Store};
use phone_auth_core::user::{AccountName, NewUser, User, WantedNames};

pub use self::log_ins::LogIns;
use self::operation::Area;
pub use self::operation::Operation;
pub use self::ratios::Ratios;
use self::sample::{AMPLE, claim, replacement};

/// A store with users in it, on which operations are timed.
///
/// The database must be one of Django's as well, or have its table of sessions.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::store::{DjangoSessionStore, OutboxStore, Store};
/// use phone_auth_store_testkit::workload::{Operation, Workload};
///
/// async fn slowest<S>(store: S) -> Option<Operation>
/// where
///     S: Store + OutboxStore + DjangoSessionStore,
/// {
///     let workload = Workload::fill(Arc::new(store), 100).await;
///     let mut times = Vec::new();
///     for operation in Operation::ALL {
///         times.push((workload.time(*operation, 10).await, *operation));
///     }
///     times.into_iter().max_by_key(|(time, _)| *time).map(|(_, slowest)| slowest)
/// }
/// ```
#[derive(Debug)]
pub struct Workload<S> {
    store: Arc<S>,
    users: Vec<(User, AddressRecord)>,
    next: AtomicU32,
}

/// A moment that does not pass while measuring.
fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

/// Does something with each of these; how long it took. Each must have done what it was asked.
async fn timed<T>(items: &[T], run: impl AsyncFn(&T) -> bool) -> Duration {
    let begun = Instant::now();
    for item in items {
        assert!(run(item).await, "the store did not do it");
    }
    begun.elapsed()
}

impl<S: Store + OutboxStore + DjangoSessionStore> Workload<S> {
    /// Puts so many users with an email address each into an empty store.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves some of them there.
    pub async fn fill(store: Arc<S>, users: u32) -> Self {
        let mut workload = Self {
            store,
            users: Vec::new(),
            next: AtomicU32::new(0),
        };
        for _ in 0..users {
            let new = workload.new_user();
            let user = workload.store.create_user(&new).await.unwrap();
            let addresses = workload
                .store
                .addresses_of(user.id, u32::MAX)
                .await
                .unwrap();
            let email = addresses
                .into_iter()
                .find(|it| it.kind == AddressKind::Email);
            workload.users.push((user, email.unwrap()));
        }
        workload
    }

    /// Does an operation so often, each time for someone else as far as there are users; how long that took.
    /// What must be there for it is made before, and not timed.
    ///
    /// # Cancel safety
    /// A call that is dropped leaves the store as it happens to be then.
    pub async fn time(&self, operation: Operation, count: u32) -> Duration {
        match operation.area() {
            Area::Users => self.time_users(operation, count).await,
            Area::Addresses => self.time_addresses(operation, count).await,
            Area::Sessions => self.time_sessions(operation, count).await,
            Area::Outbox => self.time_outbox(operation, count).await,
            Area::Django => self.time_django(operation, count).await,
        }
    }

    async fn time_users(&self, operation: Operation, count: u32) -> Duration {
        let (store, users) = (&*self.store, self.some(count));
        match operation {
            Operation::CreateUser => {
                let new: Vec<_> = users.iter().map(|_| self.new_user()).collect();
                timed(&new, async |new| store.create_user(new).await.is_ok()).await
            }
            Operation::TakenNames => {
                timed(users, async |(user, email)| {
                    let email = EmailAddress::parse(&email.value).unwrap();
                    let wanted = WantedNames {
                        username: Some(&user.username),
                        email: Some(&email),
                        phone: None,
                    };
                    store.taken_names(&wanted).await.unwrap().email
                })
                .await
            }
            Operation::FindUser => {
                timed(users, async |(user, email)| {
                    let name = AccountName {
                        phone: None,
                        email: EmailSpellings::read(&email.value),
                        username: Some(user.username.clone()),
                    };
                    store.find_user(&name).await.unwrap().is_some()
                })
                .await
            }
            Operation::User => {
                timed(users, async |(user, _)| {
                    store.user(user.id).await.unwrap().is_some()
                })
                .await
            }
            _ => {
                let time = timed(users, async |(user, _)| {
                    store.replace_password(&replacement(user)).await.unwrap()
                });
                let time = time.await;
                self.restore_passwords(count).await;
                time
            }
        }
    }

    /// Puts back the hashes that were replaced.
    async fn restore_passwords(&self, count: u32) {
        for (user, _) in self.some(count) {
            let there = replacement(user);
            let back = PasswordReplacement {
                old: there.new,
                new: there.old,
                ..there
            };
            assert!(self.store.replace_password(&back).await.unwrap());
        }
    }

    async fn time_addresses(&self, operation: Operation, count: u32) -> Duration {
        let (store, users) = (&*self.store, self.some(count));
        match operation {
            Operation::AddressesOf => {
                timed(users, async |(user, _)| {
                    !store
                        .addresses_of(user.id, u32::MAX)
                        .await
                        .unwrap()
                        .is_empty()
                })
                .await
            }
            Operation::Address => {
                timed(users, async |(_, email)| {
                    let address = store.address(email.kind, email.id).await;
                    address.unwrap().is_some()
                })
                .await
            }
            _ => {
                let new = users.iter().map(|(user, _)| {
                    let phone = PhoneNumber::parse(&format!("+9198{:08}", self.number()));
                    (user, Address::Phone(phone.unwrap()))
                });
                let new: Vec<_> = new.collect();
                let add = async |(user, address): &(&User, Address)| {
                    store
                        .add_address(user.id, address, AMPLE, &Notices::default())
                        .await
                        .is_ok()
                };
                let added = timed(&new, add).await;
                if operation == Operation::AddAddress {
                    return added;
                }
                let mut claims = Vec::new();
                for (user, address) in new {
                    let all = store.addresses_of(user.id, u32::MAX).await.unwrap();
                    let one = all.into_iter().find(|it| it.value == address.as_str());
                    claims.push(claim(&one.unwrap()));
                }
                timed(&claims, async |claim| {
                    store.verify_address(claim).await.unwrap() == VerificationOutcome::Verified
                })
                .await
            }
        }
    }

    async fn time_sessions(&self, operation: Operation, count: u32) -> Duration {
        let store = &*self.store;
        let log_ins = self.some(count).iter().map(|(user, _)| self.log_in(user));
        let log_ins: Vec<_> = log_ins.collect();
        let log_in = timed(&log_ins, async |it| store.log_in(it).await.unwrap()).await;
        match operation {
            Operation::LogIn => log_in,
            Operation::Session => {
                timed(&log_ins, async |it| {
                    let found = store.session(&it.session.digest, before(it.session.expires_at));
                    found.await.unwrap().is_some()
                })
                .await
            }
            Operation::EndSession => {
                timed(&log_ins, async |it| {
                    store.end_session(&it.session.digest).await.unwrap()
                })
                .await
            }
            _ => {
                // Each ends a second after the one before.
                let first = log_ins.iter().map(|it| it.session.expires_at).min();
                let others = before(first.unwrap());
                store
                    .remove_expired_sessions(others, u32::MAX)
                    .await
                    .unwrap();
                timed(&log_ins, async |it| {
                    let removed = store.remove_expired_sessions(it.session.expires_at, 1);
                    removed.await.unwrap() == 1
                })
                .await
            }
        }
    }

    async fn time_outbox(&self, operation: Operation, count: u32) -> Duration {
        let store = &*self.store;
        let enqueued: Vec<_> = self.some(count).iter().map(|to| self.message(to)).collect();
        let enqueue = timed(&enqueued, async |it| {
            store.enqueue_message(it).await.is_ok()
        })
        .await;
        if operation == Operation::EnqueueMessage {
            return enqueue;
        }
        if operation == Operation::NextDue {
            return timed(&enqueued, async |_| {
                store.next_due().await.unwrap() != NextDue::Never
            })
            .await;
        }
        if operation == Operation::ClaimMessages {
            return timed(&enqueued, async |_| self.claimed(1).await.len() == 1).await;
        }
        let held = self.claimed(count).await;
        timed(&held, async |message| self.keep(operation, message).await).await
    }

    /// Does to a message that is held what an operation says.
    async fn keep(&self, operation: Operation, held: &OutboxMessage) -> bool {
        let (store, lease) = (&*self.store, held.lease());
        let (since, receipts) = (now(), Receipts::default());
        let until = since + TimeDelta::days(2);
        let wait = Wait { since, until };
        let outcome = match operation {
            Operation::Message => {
                return store.outbox_message(held.id).await.unwrap().is_some();
            }
            Operation::ExtendLease => {
                let extended = store.extend_lease(&lease, wait, &receipts);
                return extended.await.unwrap() == LeaseState::Held;
            }
            Operation::Finish => AttemptOutcome::Finished,
            Operation::TryAgain => AttemptOutcome::Retry {
                wait,
                failures: 1,
                receipts,
            },
            _ => AttemptOutcome::DeadLettered {
                letter: DeadLetter {
                    at: now(),
                    reason: "550 no such mailbox".to_owned(),
                },
                receipts,
            },
        };
        let finished = store.finish_message(&lease, &outcome);
        finished.await.unwrap() == LeaseState::Held
    }

    async fn claimed(&self, limit: u32) -> Vec<OutboxMessage> {
        let claim = Claim {
            now: now(),
            until: now() + TimeDelta::days(1),
            limit,
            without: Queues::default(),
        };
        self.store.claim_messages(&claim).await.unwrap()
    }

    async fn time_django(&self, operation: Operation, count: u32) -> Duration {
        let (store, users) = (&*self.store, self.some(count));
        if operation == Operation::ProvenUser {
            let look = async |(user, _): &(User, AddressRecord)| {
                store.proven_user(user.id).await.unwrap().is_some()
            };
            return timed(users, look).await;
        }
        let log_ins = users.iter().map(|(user, _)| DjangoLogIn {
            user: user.id,
            checked_password: user.password.clone(),
            upgraded_password: None,
            at: now(),
            ends: None,
            begins: self.django_row(),
            unless_closing: false,
        });
        let log_ins: Vec<_> = log_ins.collect();
        let log_in = timed(&log_ins, async |it| store.django_log_in(it).await.unwrap()).await;
        let rewrites = log_ins.iter().zip(users).map(|(log_in, (user, _))| {
            let (old, new) = (log_in.begins.clone(), self.django_row());
            (replacement(user), DjangoRewrite { old, new })
        });
        let rewrites: Vec<_> = rewrites.collect();
        match operation {
            Operation::DjangoLogIn => log_in,
            Operation::DjangoSession => {
                timed(&log_ins, async |it| {
                    let found = store.django_session(&it.begins.key, now());
                    found.await.unwrap().is_some()
                })
                .await
            }
            Operation::RewriteDjangoSession => {
                timed(&rewrites, async |(_, rewrite)| {
                    store.rewrite_django_session(rewrite).await.unwrap()
                })
                .await
            }
            Operation::ReplacePasswordOfDjango => {
                let time = timed(&rewrites, async |(replacement, rewrite)| {
                    let replaced = store.replace_password_of_django(replacement, rewrite);
                    replaced.await.unwrap()
                });
                let time = time.await;
                self.restore_passwords(count).await;
                time
            }
            _ => {
                timed(&log_ins, async |it| {
                    store.end_django_session(&it.begins.key).await.unwrap()
                })
                .await
            }
        }
    }

    /// A number that was not used before.
    fn number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The first users.
    fn some(&self, count: u32) -> &[(User, AddressRecord)] {
        let count = self.users.len().min(count as usize);
        self.users.get(..count).unwrap_or_default()
    }

    fn new_user(&self) -> NewUser {
        let number = self.number();
        NewUser {
            username: format!("bea{number}"),
            first_name: "Bea".to_owned(),
            last_name: "Lee".to_owned(),
            password: EncodedPassword::new("argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
            email: EmailAddress::parse(&format!("bea{number}@example.org")).ok(),
            phone: None,
            date_joined: now(),
            notices: Notices::default(),
            closes_at: None,
        }
    }

    fn log_in(&self, user: &User) -> NewLogIn {
        let number = self.number();
        let mut digest = [0xff; 32];
        // Spread over the tree, as real digests are.
        let spread = number.wrapping_mul(2_654_435_761).to_be_bytes();
        for (place, byte) in digest.iter_mut().zip(spread) {
            *place = byte;
        }
        NewLogIn {
            checked_password: user.password.clone(),
            upgraded_password: None,
            session: NewSession {
                digest: SessionDigest::from_bytes(digest),
                user: user.id,
                created_at: now(),
                // Each ends a second after the one before.
                expires_at: now() + TimeDelta::days(14) + TimeDelta::seconds(number.into()),
                handle: SessionHandle::of_digest(&SessionDigest::from_bytes(digest)),
                client: SessionClient::default(),
            },
            ends: None,
            max_sessions: u32::MAX,
            unless_closing: false,
        }
    }

    fn message(&self, (user, email): &(User, AddressRecord)) -> NewMessage {
        NewMessage {
            key: format!("message {}", self.number()),
            purpose: Purpose::ResetPassword,
            kind: email.kind,
            recipient: Some(Recipient {
                user: user.id,
                address: email.id,
            }),
            notice: None,
            event: None,
            binding: Binding::from_stored([7; 32], None),
            language: None,
            channel: Channel::Email,
            created_at: now(),
            expires_at: now() + TimeDelta::days(7),
            code_half_life: None,
            challenge: None,
        }
    }

    fn django_row(&self) -> DjangoRow {
        let key = self.number().wrapping_mul(2_654_435_761);
        let key = format!("{key:0width$}", width = SessionKey::DJANGO_CHARS);
        DjangoRow {
            key: SessionKey::parse(&key).unwrap(),
            data: "data".repeat(40),
            expires_at: now() + TimeDelta::days(14),
        }
    }
}

/// The moment before another, as stores tell them apart.
fn before(time: DateTime<Utc>) -> DateTime<Utc> {
    time - TimeDelta::milliseconds(1)
}
