//! Receivers that do not answer, and whom they keep waiting.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::ANNS_EMAIL;
use crate::common::mailing::Mailing;
use phone_auth_core::outbox::WorkerOptions;
use phone_auth_events::{ConnectOptions, ResetPasswordEmail, ResetPasswordPhone, Signals};

/// A worker as it is by default, and time that passes by its clock and by that of the store.
struct Running {
    mailing: Mailing,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Running {
    async fn new() -> Self {
        let mailing = Mailing::new().await;
        for number in 1..100 {
            let name = format!("p{number}");
            mailing.kit.store_user(&name, "pbkdf2_sha256$1$a$b").await;
        }
        Self::of(mailing)
    }

    fn of(mailing: Mailing) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker = mailing
            .accounts
            .outbox()
            .unwrap()
            .worker(WorkerOptions::default());
        tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
        Self {
            mailing,
            _stop: stop,
        }
    }

    /// Asks for a reset at these numbers.
    async fn ask(&self, logins: impl Iterator<Item = String>) {
        for login in logins {
            let asked = self.mailing.accounts.request_password_reset(&login);
            asked.await.unwrap();
        }
    }

    async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.mailing.kit.clock.advance(Duration::from_secs(1));
        }
    }
}

fn phones(numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("+4420794600{number:02}"))
}

fn emails(numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("p{number}@example.com"))
}

/// How often it was called, and whether it works.
type Gateway = Arc<(AtomicUsize, tokio::sync::watch::Sender<bool>)>;

/// A receiver that says nothing until it works.
fn silent<E: Clone + Send>(
    gateway: &Gateway,
) -> impl Fn(E) -> Pin<Box<dyn Future<Output = ()> + Send>> + use<E> {
    let gateway = Arc::clone(gateway);
    move |_| {
        gateway.0.fetch_add(1, Ordering::SeqCst);
        let mut works = gateway.1.subscribe();
        Box::pin(async move {
            works.wait_for(|works| *works).await.unwrap();
        })
    }
}

#[tokio::test(start_paused = true)]
async fn silent_receiver_delays_no_other_signal() {
    let mut running = Running::new().await;
    let gateway = Gateway::default();
    let signals = running.mailing.kit.signals.clone();
    signals
        .connect_async::<ResetPasswordPhone>(silent(&gateway))
        .forever();
    running.ask(phones(1..100)).await;
    running.pass(1).await;
    let calls = || gateway.0.load(Ordering::SeqCst);
    assert_eq!(calls(), 16, "as many as there are places");
    running.mailing.ask().await;
    let sent = tokio::time::timeout(Duration::from_secs(1), running.mailing.resets.next());
    assert_eq!(sent.await.unwrap().unwrap().email, ANNS_EMAIL);
    assert_eq!(calls(), 16, "none of them has timed out meanwhile");
}

#[tokio::test(start_paused = true)]
async fn silent_receiver_is_left_alone() {
    // Beside others that have had the message, and alone, so that none of its signal is claimed meanwhile.
    for is_alone in [false, true] {
        let mut running = Running::new().await;
        if is_alone {
            let mut mailing = running.mailing;
            mailing.accounts = mailing.kit.with_outbox(&Signals::isolated());
            running = Running::of(mailing);
        }
        let signals = running.mailing.accounts.signals().clone();
        check_left_alone(&running, &signals).await;
    }
}

async fn check_left_alone(running: &Running, signals: &Signals) {
    let gateway = Gateway::default();
    signals
        .connect_async::<ResetPasswordPhone>(silent(&gateway))
        .forever();
    running.ask(phones(1..41)).await;
    let calls = || gateway.0.load(Ordering::SeqCst);
    // Each is timed out after 30 seconds; then it is left alone for 15, and tried by one.
    for (seconds, expected) in [(29, 16), (14, 16), (4, 17), (40, 17), (6, 18)] {
        running.pass(seconds).await;
        assert_eq!(calls(), expected);
    }
    let pending = running.mailing.outbox().await;
    assert_eq!(pending.len(), 40);
    let called = pending
        .iter()
        .filter(|it| it.receipts.iter().any(|it| it.reason == "timed out"));
    assert!(called.count() <= 18, "who was not called has no receipt");
    assert!(
        pending
            .iter()
            .all(|it| it.dead.is_none() && it.failures <= 2)
    );

    gateway.1.send_replace(true);
    running.pass(90).await;
    assert_eq!(running.mailing.outbox().await, []);
    assert!(calls() <= 18 + 40);
}

#[tokio::test(start_paused = true)]
async fn silent_receiver_keeps_no_message_from_others() {
    let running = Running::new().await;
    let gateway = Gateway::default();
    let signals = running.mailing.kit.signals.clone();
    let options = ConnectOptions::new().id("silent").priority(1);
    let silent = signals.connect_async_with::<ResetPasswordEmail>(options, silent(&gateway));
    silent.unwrap().forever();
    let mailed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&mailed);
    let mail = signals.connect(move |_: &ResetPasswordEmail| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let mailed = || mailed.load(Ordering::SeqCst);
    running.ask(emails(1..9)).await;
    running.pass(31).await;
    assert_eq!(mailed(), 8);
    for first in [10, 20] {
        let before = mailed();
        running.ask(emails(first..first + 10)).await;
        running.pass(1).await;
        assert_eq!(mailed() - before, 10, "the silent one is left alone");
    }
    assert_eq!(gateway.0.load(Ordering::SeqCst), 8);
    gateway.1.send_replace(true);
    running.pass(90).await;
    assert_eq!((mailed(), running.mailing.outbox().await), (28, vec![]));
    drop(mail);
}
