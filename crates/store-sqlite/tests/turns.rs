//! Hundreds of strangers look names up again and again: it is counted how many of them come before anyone else at each step
//! of theirs.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

// A program of its own: what is counted must not wait for other tests.
#[path = "store/common/mod.rs"]
mod common;

use std::future::poll_fn;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use phone_auth_core::client::Client;
use phone_auth_core::password::Requester;
use phone_auth_core::store::UserStore;
use phone_auth_core::user::{AccountName, UserId};
use tokio::task::yield_now;

use crate::common::{Scratch, user};

/// How many strangers look names up.
const STRANGERS: usize = 200;

/// How many steps someone takes whom they must not keep waiting.
const STEPS: usize = 20;

/// How many look-ups of strangers may come before each step.
const BEFORE_EACH: usize = 10;

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

/// Comes after all who are ready.
async fn step() {
    let mut is_around = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_around, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[test]
fn strangers_look_ups_delay_few() {
    let scratch = Scratch::new();
    // One thread, so that all wait in the order in which they come.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let store = Arc::new(scratch.store());
        store.create_user(&user("ann", 1)).await.unwrap();
        for (who, requester) in [
            ("known", Requester::signed_in(&at(1), UserId::new(1))),
            (
                "a stranger from elsewhere",
                Requester::stranger(&at(2), "ann"),
            ),
        ] {
            let done = Arc::new(AtomicUsize::new(0));
            let flood = (0..STRANGERS).map(|number| {
                let (store, done) = (Arc::clone(&store), Arc::clone(&done));
                tokio::spawn(async move {
                    loop {
                        let name = format!("nobody{number}");
                        let stranger = Requester::stranger(&at(1), &name);
                        let found = store.find_user_for(&named(name), &stranger).await;
                        assert!(found.unwrap().is_none());
                        done.fetch_add(1, Ordering::SeqCst);
                        yield_now().await;
                    }
                })
            });
            let flood: Vec<_> = flood.collect();
            while done.load(Ordering::SeqCst) < STRANGERS {
                yield_now().await;
            }
            let comes_after = {
                let (store, done) = (Arc::clone(&store), Arc::clone(&done));
                tokio::spawn(async move {
                    let before = done.load(Ordering::SeqCst);
                    for _ in 0..STEPS {
                        step().await;
                    }
                    let found = store
                        .find_user_for(&named("ann".to_owned()), &requester)
                        .await;
                    assert!(found.unwrap().is_some());
                    done.load(Ordering::SeqCst) - before
                })
            };
            let meanwhile = comes_after.await.unwrap();
            assert!(meanwhile <= STEPS * BEFORE_EACH, "{who}: {meanwhile}");
            for stranger in flood {
                stranger.abort();
            }
        }
    });
}
