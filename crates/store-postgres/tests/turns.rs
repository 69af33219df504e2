//! Hundreds of look-ups by strangers are under way, with a pool as it ships: it is counted how many of them are through
//! before someone who came after them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

// A program of its own: what is counted must not wait for other tests.
#[path = "store/common/mod.rs"]
mod common;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::client::Client;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Requester;
use phone_auth_core::session::SessionDigest;
use phone_auth_core::store::{AddressStore, SessionStore, UserStore};
use phone_auth_core::user::{AccountName, UserId};
use phone_auth_store_postgres::PostgresStore;

use crate::common::{database, log_in, store, user};

/// How many look-ups have come before.
const BEFORE: usize = 200;

/// How many may be through before who comes after them. Some are, on a busy machine; without turns all are.
const MEANWHILE: usize = 100;

fn at(last: u8) -> Client {
    Client::new().at(Ipv4Addr::new(203, 0, 113, last).into())
}

fn named(username: String) -> AccountName {
    AccountName {
        phone: None,
        email: None,
        username: Some(username),
    }
}

/// What someone asks who comes after the strangers; whether they were answered.
async fn asks(store: &PostgresStore, what: &str) -> bool {
    let find = async |requester: Requester| {
        let name = named("ann".to_owned());
        let found = store.find_user_for(&name, &requester);
        found.await.unwrap().is_some()
    };
    match what {
        "a session" => {
            let now = "2026-01-02T03:04:06Z".parse().unwrap();
            let digest = SessionDigest::from_bytes([7; 32]);
            let session = store.session(&digest, now);
            session.await.unwrap().is_some()
        }
        "a reset link" => {
            let (purpose, kind) = (Purpose::ResetPassword, AddressKind::Email);
            let target = store.link_target(purpose, kind, AddressId::new(1));
            target.await.unwrap().is_some()
        }
        "a user" => store.user(UserId::new(1)).await.unwrap().is_some(),
        "someone who is known" => find(Requester::signed_in(&at(1), UserId::new(1))).await,
        "a stranger from elsewhere" => find(Requester::stranger(&at(2), "ann")).await,
        _ => find(Requester::stranger(&at(1), "ann")).await,
    }
}

#[test]
fn strangers_look_ups_delay_few() {
    let database = database();
    // One thread, so that all wait in the order in which they come.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(async {
        let store = Arc::new(store(&database).await);
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        assert!(store.log_in(&log_in(ann.id, 7)).await.unwrap());
        for (what, waits) in [
            ("a session", false),
            ("a reset link", false),
            ("a user", false),
            ("someone who is known", false),
            ("a stranger from elsewhere", false),
            ("one of the same", true),
        ] {
            let (begun, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let flood: Vec<_> = (0..BEFORE)
                .map(|n| {
                    let (store, begun, done) =
                        (Arc::clone(&store), Arc::clone(&begun), Arc::clone(&done));
                    tokio::spawn(async move {
                        begun.fetch_add(1, Ordering::SeqCst);
                        let name = format!("nobody{n}");
                        let requester = Requester::stranger(&at(1), &name);
                        let found = store.find_user_for(&named(name), &requester).await;
                        assert!(found.unwrap().is_none());
                        done.fetch_add(1, Ordering::SeqCst);
                    })
                })
                .collect();
            while begun.load(Ordering::SeqCst) < BEFORE {
                tokio::task::yield_now().await;
            }
            assert!(asks(&store, what).await, "{what}");
            let before = done.load(Ordering::SeqCst);
            assert_eq!(before > MEANWHILE, waits, "{what}: {before} before");
            for look_up in flood {
                look_up.await.unwrap();
            }
        }
    });
}
