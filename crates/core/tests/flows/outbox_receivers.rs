//! What becomes of a message by what its receivers do.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::mailing::{Mailing, messages, options};
use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit};
use phone_auth_core::outbox::ReceiptOutcome;
use phone_auth_events::{
    ConnectOptions, ResetPasswordEmail, ResetPasswordPhone, Retry, Signals, Undelivered,
};
use phone_auth_tokens::TokenIssued;

/// Keeps the fields of all that is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<String>>);

impl tracing::field::Visit for Logged {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let line = format!("{field}={value:?}\n");
        self.0.lock().unwrap().push_str(&line);
    }
}

impl tracing::Subscriber for Logged {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn log_leaves_out_what_a_receiver_said() {
    for (retry, waited, outcome, why) in [
        (
            Retry::Never,
            Duration::ZERO,
            "refused",
            "a receiver refused it; what it said is kept with the dead letter",
        ),
        (
            Retry::After(Duration::from_hours(25)),
            // Its link works for another second: less than any pause.
            Duration::from_secs(24 * 60 * 60 - 1),
            "failed",
            "its link would expire before the next attempt",
        ),
    ] {
        let mailing = Mailing::new().await;
        let _fails = mailing.kit.signals.connect(move |_: &ResetPasswordEmail| {
            Err::<(), _>(Undelivered::new(retry, "no mailbox for zoe@example.org"))
        });
        mailing.ask().await;
        mailing.kit.clock.advance(waited);
        let logged = Logged::default();
        let guard = tracing::subscriber::set_default(logged.clone());
        mailing.deliver().await;
        drop(guard);
        let reason = mailing.outbox().await.remove(0).dead.unwrap().reason;
        assert!(reason.contains("zoe@example.org"), "{reason}");
        let logged = logged.0.lock().unwrap().clone();
        assert!(logged.contains("a message was given up"), "{logged}");
        assert!(
            logged.contains(&format!("outcome=\"{outcome}\"")),
            "{logged}"
        );
        // An empty reason would send the operator looking for one that is lost.
        assert!(logged.contains(&format!("why={why:?}")), "{logged}");
        assert!(!logged.contains("zoe@"), "{logged}");
    }
}

#[tokio::test]
async fn failed_receiver_alone_is_called_again() {
    let mut mailing = Mailing::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _broken = mailing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to host"),
            _ => Ok(()),
        }
    });
    let mut tokens = mailing.kit.signals.capture::<TokenIssued>();
    mailing.ask().await;
    assert_eq!(mailing.deliver().await, 1);
    let first = mailing.resets.take().remove(0);
    let enqueued = mailing.outbox().await.remove(0);
    let outcomes: Vec<_> = enqueued.receipts.iter().map(|it| it.outcome).collect();
    assert_eq!(
        outcomes.len(),
        2 + 1,
        "the capture, the record and the broken one"
    );
    assert_eq!(
        mailing.deliver().await,
        0,
        "not before the back-off has passed"
    );
    mailing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(mailing.deliver().await, 1);
    assert!(mailing.resets.take().is_empty(), "who has it is not called");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(mailing.outbox().await, []);
    assert_eq!(
        tokens.take().len(),
        1,
        "one token, however often it is sent"
    );
    assert!(first.url.as_str().contains("password_reset_confirm"));
}

#[tokio::test]
async fn receivers_connected_in_a_loop_are_apart() {
    let mailing = Mailing::new().await;
    let calls: Arc<[AtomicUsize; 3]> = Arc::default();
    let connect = |index: usize| {
        let calls = Arc::clone(&calls);
        mailing.kit.signals.connect(move |_: &ResetPasswordEmail| {
            // Each works at another attempt.
            match calls[index].fetch_add(1, Ordering::SeqCst) {
                earlier if earlier < index => Err("no route to host"),
                _ => Ok(()),
            }
        })
    };
    let _connections = [0, 1, 2].map(connect);
    mailing.ask().await;
    for expected in [[1, 1, 1], [1, 2, 2], [1, 2, 3], [1, 2, 3]] {
        mailing.deliver().await;
        mailing.kit.clock.advance(Duration::from_secs(30));
        let calls: Vec<_> = calls.iter().map(|it| it.load(Ordering::SeqCst)).collect();
        assert_eq!(calls, expected);
    }
    assert_eq!(mailing.outbox().await, []);
}

/// What becomes of a receiver that is disconnected while an earlier one is at work.
#[tokio::test]
async fn missed_receiver_keeps_its_message() {
    for (is_earlier_well, comes_back) in [(true, true), (false, true), (true, false)] {
        let mailing = Mailing::new().await;
        let (signals, calls) = (&mailing.kit.signals, Arc::new(AtomicUsize::new(0)));
        let connect = || {
            let (counted, named) = (Arc::clone(&calls), ConnectOptions::new().id("second"));
            let second = signals.connect_with(named, move |_: &ResetPasswordEmail| {
                counted.fetch_add(1, Ordering::SeqCst);
            });
            second.unwrap()
        };
        let second = Mutex::new(Some(connect()));
        let first = ConnectOptions::new().priority(1);
        let _first = signals.connect_async_with(first, move |_: ResetPasswordEmail| {
            let is_first_time = second.lock().unwrap().take().is_some();
            async move {
                tokio::task::yield_now().await;
                (is_earlier_well || !is_first_time)
                    .then_some(())
                    .ok_or("no route to host")
            }
        });
        mailing.ask().await;
        assert_eq!(mailing.deliver().await, 1);
        let enqueued = mailing.outbox().await.remove(0);
        assert!(enqueued.dead.is_none());
        assert!(enqueued.receipts.iter().all(|it| it.receiver != "second"));
        assert_eq!(calls.load(Ordering::SeqCst), 0);

        let back = comes_back.then(connect);
        mailing.kit.clock.advance(Duration::from_secs(2));
        assert_eq!(mailing.deliver().await, 1);
        assert_eq!(mailing.outbox().await, []);
        let expected = usize::from(back.is_some());
        assert_eq!(calls.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn receipt_holds_no_token() {
    let mailing = Mailing::new().await;
    let seen = Arc::new(Mutex::new(String::new()));
    let token = Arc::clone(&seen);
    let _broken = mailing
        .kit
        .signals
        .connect(move |event: &ResetPasswordEmail| {
            let (url, mut seen) = (event.url.as_str(), token.lock().unwrap());
            url.split('/').nth(4).unwrap().clone_into(&mut seen);
            let escaped = seen.replace('-', "%2D");
            Err::<(), _>(Undelivered::new(
                Retry::Never,
                format!("refused: <a href=\"{escaped}\">"),
            ))
        });
    mailing.ask().await;
    mailing.deliver().await;
    let letter = mailing.outbox().await.remove(0);
    let reasons = letter.receipts.iter().map(|it| it.reason.clone());
    let kept: String = reasons.chain([letter.dead.unwrap().reason]).collect();
    assert!(kept.contains("refused: <a"), "{kept}");
    let seen = seen.lock().unwrap();
    let (_, tag) = seen.split_once('-').unwrap();
    assert!(!kept.contains(tag), "{kept}");
}

#[tokio::test]
async fn repeat_has_the_same_link() {
    let mailing = Mailing::new().await;
    let urls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&urls);
    let _broken = mailing
        .kit
        .signals
        .connect(move |event: &ResetPasswordEmail| {
            let mut envelope = event.envelope.clone();
            envelope.lifetime = None;
            let link = (event.url.as_str().to_owned(), envelope);
            seen.lock().unwrap().push(link);
            Err::<(), _>("busy")
        });
    mailing.ask().await;
    for _ in 0..3 {
        mailing.deliver().await;
        mailing.kit.clock.advance(Duration::from_mins(10));
    }
    let urls = urls.lock().unwrap();
    assert_eq!(urls.len(), 3);
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
}

#[tokio::test]
async fn panic_is_tried_again() {
    let mailing = Mailing::new().await;
    let _panics = mailing.kit.signals.connect(|event: &ResetPasswordEmail| {
        event.email.parse::<u8>().unwrap();
    });
    mailing.ask().await;
    assert_eq!(mailing.deliver().await, 1);
    let enqueued = mailing.outbox().await.remove(0);
    let failed = enqueued
        .receipts
        .iter()
        .find(|receipt| receipt.outcome == ReceiptOutcome::Failed);
    assert_eq!(failed.unwrap().reason, "panic");
}

#[tokio::test(start_paused = true)]
async fn hanging_receiver_is_timed_out() {
    let mut mailing = Mailing::new().await;
    let _hangs = mailing
        .kit
        .signals
        .connect_async(|_: ResetPasswordEmail| std::future::pending::<Result<(), &str>>());
    mailing.ask().await;
    assert_eq!(mailing.deliver().await, 1);
    assert_eq!(mailing.resets.take().len(), 1, "the others have it");
    let enqueued = mailing.outbox().await.remove(0);
    assert!(enqueued.dead.is_none());
    assert!(
        enqueued
            .receipts
            .iter()
            .any(|receipt| receipt.reason == "timed out")
    );
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let mailing = Mailing::new().await;
    let _busy = mailing.kit.signals.connect(|_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(
            Retry::After(Duration::from_mins(5)),
            "busy",
        ))
    });
    mailing.ask().await;
    mailing.deliver().await;
    mailing.kit.clock.advance(Duration::from_secs(299));
    assert_eq!(mailing.deliver().await, 0);
    mailing.kit.clock.advance(Duration::from_secs(1));
    assert_eq!(mailing.deliver().await, 1);
}

#[tokio::test]
async fn signal_without_receiver_is_tried_again() {
    let kit = Kit::with_ann().await;
    let accounts = kit.with_outbox(&Signals::isolated());
    let worker = accounts.outbox().unwrap().worker(options());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker.deliver_due().await.unwrap();
    let enqueued = messages(&accounts).await;
    assert_eq!((enqueued.len(), enqueued[0].attempts), (1, 1));
    kit.clock.advance(Duration::from_secs(2));
    worker.deliver_due().await.unwrap();
    let enqueued = messages(&accounts).await;
    assert_eq!((enqueued.len(), enqueued[0].attempts), (1, 2));
    // So it is until its link expires.
    kit.clock.advance(Duration::from_hours(24));
    worker.deliver_due().await.unwrap();
    let letter = messages(&accounts).await.remove(0);
    assert!(letter.dead.unwrap().reason.contains("expired"));
}

/// A service that is down for a moment may name an hour, or a time that no link works for.
#[tokio::test]
async fn longest_pause_leaves_time_for_another_attempt() {
    for pause in [
        Duration::from_mins(9),
        Duration::from_mins(11),
        Duration::from_hours(1),
        Duration::MAX,
    ] {
        let mailing = Mailing::new().await;
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let _busy = mailing.kit.signals.connect(move |_: &ResetPasswordPhone| {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 => Err(Undelivered::new(
                    Retry::After(pause),
                    "down for maintenance",
                )),
                _ => Ok(()),
            }
        });
        let phone = mailing.accounts.request_password_reset(ANNS_PHONE);
        phone.await.unwrap();
        mailing.deliver().await;
        let message = mailing.outbox().await.remove(0);
        assert!(message.dead.is_none(), "{pause:?}: {:?}", message.dead);
        mailing.kit.clock.advance(Duration::from_secs(9 * 60 + 30));
        mailing.deliver().await;
        assert_eq!(calls.load(Ordering::SeqCst), 2, "{pause:?}");
        assert!(mailing.outbox().await.is_empty(), "{pause:?}");
    }
}

#[tokio::test]
async fn receiver_that_asks_for_time_delays_no_other() {
    let mailing = Mailing::new().await;
    let _busy = mailing.kit.signals.connect(|_: &ResetPasswordPhone| {
        let pause = Retry::After(Duration::from_mins(15));
        Err::<(), _>(Undelivered::new(pause, "busy"))
    });
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _broken = mailing.kit.signals.connect(move |_: &ResetPasswordPhone| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to host"),
            _ => Ok(()),
        }
    });
    let phone = mailing.accounts.request_password_reset(ANNS_PHONE);
    phone.await.unwrap();
    mailing.deliver().await;
    mailing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(mailing.deliver().await, 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "after its own back-off");
    // The link lives for ten minutes: the other one does not have it in time.
    for _ in 0..10 {
        mailing.kit.clock.advance(Duration::from_mins(1));
        mailing.deliver().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2, "it has the message");
    let reason = mailing.outbox().await.remove(0).dead.unwrap().reason;
    assert!(reason.contains(": busy"), "{reason}");
}

/// A process with other settings has delivered all that it can; what failed is kept for the one that has the receiver.
#[tokio::test]
async fn receiver_of_another_process_is_waited_for() {
    for comes_back in [true, false] {
        let mut mailing = Mailing::new().await;
        let with_id = || ConnectOptions::new().id("my_app::mail");
        let fails = mailing
            .kit
            .signals
            .connect_with(with_id(), |_: &ResetPasswordEmail| {
                Err::<(), _>("no route to host")
            })
            .unwrap();
        mailing.ask().await;
        mailing.deliver().await;
        drop(fails);
        // Tried less and less often, and not without end.
        let mut attempts = 0;
        for _ in 0..60 {
            mailing.kit.clock.advance(Duration::from_secs(30));
            attempts += mailing.deliver().await;
            assert_eq!(mailing.outbox().await.len(), 1, "it is kept");
        }
        assert!((1..30).contains(&attempts), "{attempts}");
        assert_eq!(mailing.resets.take().len(), 1, "the others have it once");
        if comes_back {
            let took = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&took);
            let _works =
                mailing
                    .kit
                    .signals
                    .connect_with(with_id(), move |_: &ResetPasswordEmail| {
                        count.fetch_add(1, Ordering::SeqCst);
                    });
            for _ in 0..12 {
                mailing.kit.clock.advance(Duration::from_hours(1));
                mailing.deliver().await;
            }
            assert_eq!(took.load(Ordering::SeqCst), 1);
            assert_eq!(mailing.outbox().await, []);
        } else {
            for _ in 0..30 {
                mailing.kit.clock.advance(Duration::from_hours(1));
                mailing.deliver().await;
            }
            let reason = mailing.outbox().await.remove(0).dead.unwrap().reason;
            assert!(reason.contains("no route to host"), "{reason}");
        }
    }
}
