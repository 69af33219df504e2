//! A stranger who asks for someone's message again and again: every receiver of it gets one all the same.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "a receiver that panics is one of the cases")]

use crate::common;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{ANNS_EMAIL, Kit, SECRET, keyring};
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::clock::Clock;
use phone_auth_core::outbox::WorkerOptions;
use phone_auth_events::{ConnectOptions, Connection, ResetPasswordEmail, Retry, Undelivered};
use tokio::time::Instant;

/// How often the stranger asks: thirteen times a second.
const EVERY: Duration = Duration::from_millis(77);

/// How long a receiver may take.
const TIME_OUT: Duration = Duration::from_secs(6);

/// How long the stranger asks: longer than two receivers take that hang.
const LASTS: Duration = Duration::from_secs(13);

/// What a receiver makes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Works,
    /// Works, and takes longer than it takes until someone asks again.
    Slow,
    FailsSlowly,
    Panics,
    /// Asks to be left alone.
    Busy,
    Hangs,
}

const MANNERS: [Manner; 6] = [
    Manner::Works,
    Manner::Slow,
    Manner::FailsSlowly,
    Manner::Panics,
    Manner::Busy,
    Manner::Hangs,
];

impl Manner {
    async fn receive(self) -> Result<(), Undelivered> {
        let failed = |retry| Err(Undelivered::new(retry, "no route to host"));
        let soon = Retry::After(Duration::ZERO);
        match self {
            Self::Works => Ok(()),
            Self::Slow => {
                tokio::time::sleep(EVERY * 3).await;
                Ok(())
            }
            Self::FailsSlowly => {
                tokio::time::sleep(EVERY * 3).await;
                failed(soon)
            }
            Self::Panics => panic!("a receiver"),
            Self::Busy => failed(Retry::After(Duration::from_secs(4))),
            Self::Hangs => std::future::pending().await,
        }
    }
}

/// Goes with the time of the test.
struct Passing {
    began: DateTime<Utc>,
    at: Instant,
}

impl Clock for Passing {
    fn now(&self) -> DateTime<Utc> {
        self.began + TimeDelta::from_std(self.at.elapsed()).unwrap()
    }
}

/// The links that each receiver was called with, and whether they worked then.
type Calls = Arc<Mutex<Vec<Vec<bool>>>>;

fn connect(
    kit: &Kit,
    accounts: &Accounts,
    calls: &Calls,
    (index, manner): (usize, Manner),
) -> Connection {
    let (accounts, calls) = (accounts.clone(), Arc::clone(calls));
    let priority = -i32::try_from(index).unwrap();
    let options = ConnectOptions::new().priority(priority);
    kit.signals
        .connect_async_with(options, move |event: ResetPasswordEmail| {
            let (accounts, calls) = (accounts.clone(), Arc::clone(&calls));
            async move {
                let parts: Vec<&str> = event.url.as_str().split('/').collect();
                let (id, token) = (parts.get(3).unwrap(), parts.get(4).unwrap());
                let works = accounts.check_reset_link(id, token).await.is_ok();
                if let Some(calls) = calls.lock().unwrap().get_mut(index) {
                    calls.push(works);
                }
                manner.receive().await
            }
        })
        .unwrap()
}

/// What these receivers, in this order, are called with.
async fn calls(manners: &[Manner]) -> Vec<Vec<bool>> {
    let kit = Kit::with_ann().await;
    let clock = Passing {
        began: kit.clock.now(),
        at: Instant::now(),
    };
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
        .outbox(Arc::new(kit.store.clone()))
        .settings(common::unlimited())
        .signals(kit.signals.clone())
        .clock(clock)
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    let calls: Calls = Arc::new(Mutex::new(vec![Vec::new(); manners.len()]));
    let _connections: Vec<_> = manners
        .iter()
        .copied()
        .enumerate()
        .map(|it| connect(&kit, &accounts, &calls, it))
        .collect();
    let mut options = WorkerOptions::default();
    options.receiver_timeout = TIME_OUT;
    let worker = accounts.outbox().unwrap().worker(options);
    let asks = async {
        let began = Instant::now();
        while began.elapsed() < LASTS {
            accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = worker.run(std::future::pending()) => {}
        () = asks => {}
    }
    let called = calls.lock().unwrap();
    called.clone()
}

#[tokio::test(start_paused = true)]
async fn requests_without_end_starve_no_receiver() {
    let pairs = MANNERS
        .iter()
        .flat_map(|first| MANNERS.iter().map(|second| vec![*first, *second]));
    let triples = MANNERS
        .iter()
        .map(|second| vec![Manner::Slow, *second, Manner::Slow]);
    for manners in pairs.chain(triples) {
        for (index, calls) in calls(&manners).await.iter().enumerate() {
            assert!(!calls.is_empty(), "{manners:?}: {index} gets nothing");
            assert!(
                calls.iter().all(|works| *works),
                "{manners:?}: {index} gets links that opened nothing by then"
            );
        }
    }
}
