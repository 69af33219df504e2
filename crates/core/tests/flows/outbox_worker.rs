//! When the worker of the outbox begins, waits and ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::mailing::{Mailing, options};
use crate::common::{ANNS_EMAIL, ANNS_PHONE};
use chrono::TimeDelta;
use phone_auth_core::clock::Clock;
use phone_auth_core::outbox::{Claim, Queues};
use phone_auth_core::store::OutboxStore;
use phone_auth_events::{ResetPasswordEmail, ResetPasswordPhone};

#[tokio::test]
async fn trying_ends_with_the_link() {
    let mut mailing = Mailing::new().await;
    let mut phones = mailing.kit.signals.capture::<ResetPasswordPhone>();
    let fails = mailing
        .kit
        .signals
        .connect(|_: &ResetPasswordPhone| Err::<(), _>("no network"));
    mailing
        .accounts
        .request_password_reset(ANNS_PHONE)
        .await
        .unwrap();
    let mut attempts = 0;
    for _ in 0..600 {
        attempts += mailing.deliver().await;
        mailing.kit.clock.advance(Duration::from_secs(1));
    }
    assert!((7..=10).contains(&attempts), "{attempts}");
    assert_eq!(phones.take().len(), 1, "who has it is called once");
    let letter = mailing.outbox().await.remove(0);
    let dead = letter.dead.clone().unwrap();
    assert!(
        dead.reason.starts_with("its link would expire"),
        "{}",
        dead.reason
    );

    drop(fails);
    mailing
        .accounts
        .outbox()
        .unwrap()
        .requeue(letter.id)
        .await
        .unwrap();
    let requeued = mailing.outbox().await.remove(0);
    assert_ne!(
        requeued.message.key, letter.message.key,
        "its link is another"
    );
    assert_eq!(mailing.deliver().await, 1);
    assert!(phones.take().is_empty(), "who has it is not called again");
    assert_eq!(mailing.outbox().await, []);
    assert!(mailing.resets.take().is_empty());
}

#[tokio::test]
async fn late_worker_sends_no_dead_link() {
    let mut mailing = Mailing::new().await;
    mailing.ask().await;
    mailing.kit.clock.advance(Duration::from_hours(24));
    assert_eq!(mailing.deliver().await, 1);
    assert!(mailing.resets.take().is_empty());
    let letter = mailing.outbox().await.remove(0);
    assert!(letter.dead.unwrap().reason.contains("expired"));
}

#[tokio::test]
async fn running_worker_is_woken() {
    let mut mailing = Mailing::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut options = options();
    // By itself it would look far too late.
    options.idle = Duration::from_hours(1);
    let worker = mailing.accounts.outbox().unwrap().worker(options);
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    for _ in 0..3 {
        mailing.kit.clock.advance(Duration::from_secs(1));
        mailing.ask().await;
        let sent = tokio::time::timeout(Duration::from_mins(1), mailing.resets.next()).await;
        assert_eq!(sent.unwrap().unwrap().email, ANNS_EMAIL);
    }
    drop(stop);
    tokio::time::timeout(Duration::from_secs(5), running)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn stopped_worker_finishes_what_it_began() {
    let mailing = Mailing::new().await;
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    let _slow = mailing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordEmail| {
            let (begin, mut gone) = (begin.clone(), gone.clone());
            async move {
                begin.send(()).unwrap();
                gone.wait_for(|gone| *gone).await.unwrap();
            }
        });
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = mailing.worker.clone();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    mailing.ask().await;
    at_work.recv().await.unwrap();
    drop(stop);
    tokio::task::yield_now().await;
    assert!(!running.is_finished(), "a receiver is at work");
    go.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(mailing.outbox().await, []);
}

#[tokio::test]
async fn lost_lease_records_nothing() {
    let mailing = Mailing::new().await;
    let store = mailing.kit.store.clone();
    let clock = mailing.kit.clock.clone();
    let _thief = mailing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordEmail| {
            let (store, clock) = (store.clone(), clock.clone());
            async move {
                // While this receiver is at work its lease ends, and another worker claims the message.
                clock.advance(Duration::from_secs(15));
                let claim = Claim {
                    now: clock.now(),
                    until: clock.now() + TimeDelta::minutes(1),
                    limit: 9,
                    without: Queues::default(),
                };
                let claimed = store.claim_messages(&claim).await.unwrap();
                assert_eq!(claimed.len(), 1);
            }
        });
    mailing.ask().await;
    mailing.deliver().await;
    let enqueued = mailing.outbox().await.remove(0);
    assert_eq!(enqueued.attempts, 2, "it is the other worker's now");
}

#[tokio::test]
async fn stopped_worker_begins_no_more_than_it_may() {
    let mailing = Mailing::new().await;
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let _hangs = mailing
        .kit
        .signals
        .connect_async(move |event: ResetPasswordEmail| {
            begin.send(event.email).unwrap();
            std::future::pending::<()>()
        });
    let mut options = options();
    options.concurrency = 1;
    let worker = mailing.accounts.outbox().unwrap().worker(options);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    mailing.ask().await;
    at_work.recv().await.unwrap();
    let other = mailing.accounts.request_password_reset(ANNS_PHONE);
    other.await.unwrap();
    drop(stop);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let attempts: Vec<_> = mailing
        .outbox()
        .await
        .iter()
        .map(|it| it.attempts)
        .collect();
    assert_eq!(attempts, [1, 0]);
    running.abort();
}

#[tokio::test]
async fn worker_begins_no_more_than_it_may() {
    let mailing = Mailing::new().await;
    mailing.kit.sign_up_bob().await;
    let at_work = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (begin, mut beginnings) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    let (counted, peak) = (Arc::clone(&at_work), Arc::clone(&most));
    let work = move || {
        let (counted, peak, begin, mut gone) = (
            Arc::clone(&counted),
            Arc::clone(&peak),
            begin.clone(),
            gone.clone(),
        );
        async move {
            peak.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            begin.send(()).unwrap();
            gone.wait_for(|gone| *gone).await.unwrap();
            counted.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let by_phone = work.clone();
    let _emails = mailing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordEmail| work());
    let _phones = mailing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordPhone| by_phone());
    for name in [ANNS_EMAIL, ANNS_PHONE, "bob@example.net", "+442079460018"] {
        mailing.accounts.request_password_reset(name).await.unwrap();
    }
    let mut options = options();
    options.concurrency = 3;
    options.idle = Duration::from_hours(1);
    let worker = mailing.accounts.outbox().unwrap().worker(options);
    let running = tokio::spawn(async move { worker.run(std::future::pending()).await });
    for _ in 0..3 {
        beginnings.recv().await.unwrap();
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let attempts: u32 = mailing.outbox().await.iter().map(|it| it.attempts).sum();
    assert_eq!(attempts, 3, "one waits unclaimed");
    go.send(true).unwrap();
    // The fourth begins when one of the three is done, without anyone asking again.
    tokio::time::timeout(Duration::from_mins(1), beginnings.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(most.load(Ordering::SeqCst), 3);
    running.abort();
}

#[tokio::test]
async fn clock_set_back_delays_nothing() {
    for set_back in [
        TimeDelta::minutes(-4),
        TimeDelta::hours(-1),
        TimeDelta::days(-400),
    ] {
        let mut mailing = Mailing::new().await;
        mailing.ask().await;
        let clock = &mailing.kit.clock;
        clock.set(clock.now() + set_back);
        assert_eq!(mailing.deliver().await, 1, "{set_back}");
        let sent = mailing.resets.take();
        assert_eq!(sent.len(), 1, "{set_back}");
        let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
        let link = mailing.accounts.open_reset_link(parts[3], parts[4]).await;
        assert!(link.is_ok(), "the link works at once: {set_back}");
    }
}
