//! Messages that are owed, and the worker that delivers them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::accounts::{
    Accounts, DeadLetterErrorKind, OutboxWorker, ResetRequestErrorKind, WorkerOptions,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::clock::Clock;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{BackOff, Claim, MessageId, OutboxMessage, ReceiptOutcome};
use phone_auth_core::password::Password;
use phone_auth_core::store::{OutboxStore, StoreErrorKind};
use phone_auth_signals::{
    Capture, ConnectOptions, ResetPasswordEmail, ResetPasswordPhone, Retry, Signals, TokenIssued,
    Undelivered, VerifyEmail,
};
use phone_auth_store_testkit::{OutsideChange, Outsider};

/// A kit with Ann, and flows over an outbox.
struct Owing {
    kit: Kit,
    accounts: Accounts,
    worker: OutboxWorker,
    resets: Capture<ResetPasswordEmail>,
}

impl Owing {
    async fn new() -> Self {
        let kit = Kit::with_ann().await;
        let accounts = kit.owing(&kit.signals);
        Self {
            worker: accounts.outbox_worker(options()).unwrap(),
            resets: kit.signals.capture(),
            accounts,
            kit,
        }
    }

    /// Asks for a reset by Ann's e-mail address.
    async fn ask(&self) {
        self.accounts
            .request_password_reset(ANNS_EMAIL)
            .await
            .unwrap();
    }

    /// Delivers what is due; how many messages were claimed.
    async fn deliver(&self) -> usize {
        self.worker.deliver_due().await.unwrap()
    }

    async fn outbox(&self) -> Vec<OutboxMessage> {
        self.accounts.outbox_after(None, 100).await.unwrap()
    }
}

fn options() -> WorkerOptions {
    let mut options = WorkerOptions::default();
    options.back_off = BackOff::new(Duration::from_secs(2), Duration::from_mins(10));
    options
}

#[tokio::test]
async fn promise_is_owed_until_delivered() {
    let mut owing = Owing::new().await;
    owing.ask().await;
    assert!(owing.resets.take().is_empty(), "nobody has delivered it");
    assert_eq!(owing.outbox().await.len(), 1);
    assert_eq!(owing.deliver().await, 1);
    let sent = owing.resets.take();
    assert_eq!((sent.len(), sent[0].email.as_str()), (1, ANNS_EMAIL));
    assert_eq!(owing.outbox().await, []);
    assert_eq!(owing.deliver().await, 0);

    let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
    let new = Password::new(STAPLE);
    let reset = owing
        .accounts
        .reset_password(parts[3], parts[4], &new, &new);
    assert_eq!(reset.await.unwrap().username, "ann");
}

#[tokio::test]
async fn envelope_has_key_language_and_times() {
    let mut owing = Owing::new().await;
    let german = owing
        .accounts
        .speaking(Some(Language::parse("de-CH").unwrap()));
    german.request_password_reset(ANNS_EMAIL).await.unwrap();
    let owed = owing.outbox().await[0].message.clone();
    owing.kit.clock.advance(Duration::from_mins(30));
    owing.deliver().await;
    let envelope = owing.resets.take().remove(0).envelope;
    assert_eq!(envelope.idempotency_key, Some(owed.key));
    assert_eq!(envelope.promised_at, Some(owed.created_at.into()));
    assert_eq!(envelope.expires_at, Some(owed.expires_at.into()));
    assert_eq!(envelope.language.as_deref(), Some("de-ch"));
    assert_eq!(envelope.lifetime, Some(Duration::from_mins(24 * 60 - 30)));
}

#[tokio::test]
async fn unknown_name_owes_nobody() {
    let mut owing = Owing::new().await;
    for name in ["nobody@example.org", "+442079460123", "ann"] {
        owing.accounts.request_password_reset(name).await.unwrap();
    }
    let owed = owing.outbox().await;
    let recipients: Vec<_> = owed.iter().map(|it| it.message.recipient).collect();
    assert_eq!(recipients, [None, None, None]);
    assert_eq!(owed[1].message.kind, AddressKind::Phone);
    assert_eq!(owing.deliver().await, 3);
    assert!(owing.resets.take().is_empty());
    assert_eq!(owing.outbox().await, []);
}

#[tokio::test]
async fn store_that_fails_promises_nothing() {
    let mut owing = Owing::new().await;
    // The look-up succeeds, the promise does not.
    owing.kit.store.fail_after(1, StoreErrorKind::Unavailable);
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let asked = owing.accounts.request_password_reset(name).await;
        let kind = asked.unwrap_err().kind();
        assert_eq!(kind, ResetRequestErrorKind::Unavailable, "{name}");
    }
    owing.kit.store.recover();
    owing.deliver().await;
    assert!(owing.resets.take().is_empty());
}

#[tokio::test]
async fn newer_request_supersedes_older() {
    let mut owing = Owing::new().await;
    for _ in 0..3 {
        owing.kit.clock.advance(Duration::from_secs(1));
        owing.ask().await;
    }
    assert_eq!(owing.deliver().await, 1);
    assert_eq!(owing.resets.take().len(), 1);
}

#[tokio::test]
async fn moot_messages_are_not_sent() {
    // What makes a reset moot between the promise and its delivery.
    for case in ["password", "log-in", "disabled", "address", "person"] {
        let mut owing = Owing::new().await;
        owing.ask().await;
        let kit = &owing.kit;
        let found = kit.visitor("ann", HORSE);
        match case {
            "password" => {
                let visitor = found.await;
                owing.ask().await;
                let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
                let change = owing
                    .accounts
                    .change_password(&visitor, &old, &new, &new)
                    .await;
                assert!(change.is_ok());
            }
            "log-in" => drop(found.await),
            "disabled" => {
                owing.accounts.set_active("ann", false).await.unwrap();
            }
            "address" => {
                let visitor = found.await;
                owing.ask().await;
                let row = kit.address(&visitor, AddressKind::Email).await;
                let edit = OutsideChange::EditAddress(row.kind, row.id, "x@example.org".into());
                kit.store.make(edit).await;
            }
            _ => {
                let visitor = found.await;
                owing.ask().await;
                let gone = OutsideChange::DeletePerson(visitor.person().id);
                kit.store.make(gone).await;
            }
        }
        owing.deliver().await;
        assert!(owing.resets.take().is_empty(), "{case}");
        assert_eq!(owing.outbox().await, [], "{case}");
    }
}

#[tokio::test]
async fn verified_address_gets_no_link() {
    let owing = Owing::new().await;
    let visitor = owing.kit.visitor("ann", HORSE).await;
    let row = owing.kit.address(&visitor, AddressKind::Email).await;
    let mut sent = owing.kit.signals.capture::<VerifyEmail>();
    let ask = || {
        owing
            .accounts
            .request_verification(&visitor, row.kind, row.id)
    };
    let _ = ask().await.unwrap();
    owing.deliver().await;
    assert_eq!(sent.take().len(), 1);
    let _ = ask().await.unwrap();
    let verified = OutsideChange::SetVerified(row.kind, row.id, true);
    owing.kit.store.make(verified).await;
    assert_eq!(owing.deliver().await, 1);
    assert!(sent.take().is_empty());
}

#[tokio::test]
async fn failed_receiver_alone_is_called_again() {
    let mut owing = Owing::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _broken = owing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to host"),
            _ => Ok(()),
        }
    });
    let mut tokens = owing.kit.signals.capture::<TokenIssued>();
    owing.ask().await;
    assert_eq!(owing.deliver().await, 1);
    let first = owing.resets.take().remove(0);
    let owed = owing.outbox().await.remove(0);
    let outcomes: Vec<_> = owed.receipts.iter().map(|it| it.outcome).collect();
    assert_eq!(
        outcomes.len(),
        2 + 1,
        "the capture, the record and the broken one"
    );
    assert_eq!(
        owing.deliver().await,
        0,
        "not before the back-off has passed"
    );
    owing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(owing.deliver().await, 1);
    assert!(owing.resets.take().is_empty(), "who has it is not called");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(owing.outbox().await, []);
    assert_eq!(
        tokens.take().len(),
        1,
        "one token, however often it is sent"
    );
    assert!(first.url.as_str().contains("password_reset_confirm"));
}

#[tokio::test]
async fn receivers_connected_in_a_loop_are_apart() {
    let owing = Owing::new().await;
    let calls: Arc<[AtomicUsize; 3]> = Arc::default();
    let connect = |index: usize| {
        let calls = Arc::clone(&calls);
        owing.kit.signals.connect(move |_: &ResetPasswordEmail| {
            // Each works at another attempt.
            match calls[index].fetch_add(1, Ordering::SeqCst) {
                earlier if earlier < index => Err("no route to host"),
                _ => Ok(()),
            }
        })
    };
    let _connections = [0, 1, 2].map(connect);
    owing.ask().await;
    for expected in [[1, 1, 1], [1, 2, 2], [1, 2, 3], [1, 2, 3]] {
        owing.deliver().await;
        owing.kit.clock.advance(Duration::from_secs(30));
        let calls: Vec<_> = calls.iter().map(|it| it.load(Ordering::SeqCst)).collect();
        assert_eq!(calls, expected);
    }
    assert_eq!(owing.outbox().await, []);
}

/// What becomes of a receiver that is disconnected while an earlier one is at work.
#[tokio::test]
async fn missed_receiver_keeps_its_message() {
    for (is_earlier_well, comes_back) in [(true, true), (false, true), (true, false)] {
        let owing = Owing::new().await;
        let (signals, calls) = (&owing.kit.signals, Arc::new(AtomicUsize::new(0)));
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
        owing.ask().await;
        assert_eq!(owing.deliver().await, 1);
        let owed = owing.outbox().await.remove(0);
        assert!(owed.dead.is_none());
        assert!(owed.receipts.iter().all(|it| it.receiver != "second"));
        assert_eq!(calls.load(Ordering::SeqCst), 0);

        let back = comes_back.then(connect);
        owing.kit.clock.advance(Duration::from_secs(2));
        assert_eq!(owing.deliver().await, 1);
        assert_eq!(owing.outbox().await, []);
        let expected = usize::from(back.is_some());
        assert_eq!(calls.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn receipt_holds_no_token() {
    let owing = Owing::new().await;
    let seen = Arc::new(Mutex::new(String::new()));
    let token = Arc::clone(&seen);
    let _broken = owing
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
    owing.ask().await;
    owing.deliver().await;
    let letter = owing.outbox().await.remove(0);
    let reasons = letter.receipts.iter().map(|it| it.reason.clone());
    let kept: String = reasons.chain([letter.dead.unwrap().reason]).collect();
    assert!(kept.contains("refused: <a"), "{kept}");
    let seen = seen.lock().unwrap();
    let (_, tag) = seen.split_once('-').unwrap();
    assert!(!kept.contains(tag), "{kept}");
}

#[tokio::test]
async fn repeat_has_the_same_link() {
    let owing = Owing::new().await;
    let urls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&urls);
    let _broken = owing
        .kit
        .signals
        .connect(move |event: &ResetPasswordEmail| {
            let mut envelope = event.envelope.clone();
            envelope.lifetime = None;
            let link = (event.url.as_str().to_owned(), envelope);
            seen.lock().unwrap().push(link);
            Err::<(), _>("busy")
        });
    owing.ask().await;
    for _ in 0..3 {
        owing.deliver().await;
        owing.kit.clock.advance(Duration::from_mins(10));
    }
    let urls = urls.lock().unwrap();
    assert_eq!(urls.len(), 3);
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
}

#[tokio::test]
async fn panic_is_tried_again() {
    let owing = Owing::new().await;
    let _panics = owing.kit.signals.connect(|event: &ResetPasswordEmail| {
        event.email.parse::<u8>().unwrap();
    });
    owing.ask().await;
    assert_eq!(owing.deliver().await, 1);
    let owed = owing.outbox().await.remove(0);
    let failed = owed
        .receipts
        .iter()
        .find(|receipt| receipt.outcome == ReceiptOutcome::Failed);
    assert_eq!(failed.unwrap().reason, "panic");
}

#[tokio::test(start_paused = true)]
async fn hanging_receiver_is_timed_out() {
    let mut owing = Owing::new().await;
    let _hangs = owing
        .kit
        .signals
        .connect_async(|_: ResetPasswordEmail| std::future::pending::<Result<(), &str>>());
    owing.ask().await;
    assert_eq!(owing.deliver().await, 1);
    assert_eq!(owing.resets.take().len(), 1, "the others have it");
    let owed = owing.outbox().await.remove(0);
    assert!(owed.dead.is_none());
    assert!(
        owed.receipts
            .iter()
            .any(|receipt| receipt.reason == "timed out")
    );
}

#[tokio::test]
async fn refusal_is_a_dead_letter() {
    let owing = Owing::new().await;
    let link = "http://x.example/accounts/password_reset_confirm/MQ/abc-def/";
    let _refuses = owing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(
            Retry::Never,
            format!("no mailbox for {link}"),
        ))
    });
    owing.ask().await;
    owing.deliver().await;
    let letter = owing.outbox().await.remove(0);
    let reason = letter.dead.clone().unwrap().reason;
    assert!(reason.ends_with("no mailbox for …"), "{reason}");
    owing.kit.clock.advance(Duration::from_hours(1));
    assert_eq!(owing.deliver().await, 0);
}

#[tokio::test]
async fn retry_after_is_obeyed() {
    let owing = Owing::new().await;
    let _busy = owing.kit.signals.connect(|_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(
            Retry::After(Duration::from_mins(5)),
            "busy",
        ))
    });
    owing.ask().await;
    owing.deliver().await;
    owing.kit.clock.advance(Duration::from_secs(299));
    assert_eq!(owing.deliver().await, 0);
    owing.kit.clock.advance(Duration::from_secs(1));
    assert_eq!(owing.deliver().await, 1);
}

#[tokio::test]
async fn trying_ends_with_the_link() {
    let mut owing = Owing::new().await;
    let mut phones = owing.kit.signals.capture::<ResetPasswordPhone>();
    let fails = owing
        .kit
        .signals
        .connect(|_: &ResetPasswordPhone| Err::<(), _>("no network"));
    owing
        .accounts
        .request_password_reset(ANNS_PHONE)
        .await
        .unwrap();
    let mut attempts = 0;
    for _ in 0..600 {
        attempts += owing.deliver().await;
        owing.kit.clock.advance(Duration::from_secs(1));
    }
    assert!((7..=10).contains(&attempts), "{attempts}");
    assert_eq!(phones.take().len(), 1, "who has it is called once");
    let letter = owing.outbox().await.remove(0);
    let dead = letter.dead.clone().unwrap();
    assert!(
        dead.reason.starts_with("its link would expire"),
        "{}",
        dead.reason
    );

    drop(fails);
    owing.accounts.retry_dead_letter(letter.id).await.unwrap();
    let revived = owing.outbox().await.remove(0);
    assert_ne!(
        revived.message.key, letter.message.key,
        "its link is another"
    );
    assert_eq!(owing.deliver().await, 1);
    assert!(phones.take().is_empty(), "who has it is not called again");
    assert_eq!(owing.outbox().await, []);
    assert!(owing.resets.take().is_empty());
}

#[tokio::test]
async fn late_worker_sends_no_dead_link() {
    let mut owing = Owing::new().await;
    owing.ask().await;
    owing.kit.clock.advance(Duration::from_hours(24));
    assert_eq!(owing.deliver().await, 1);
    assert!(owing.resets.take().is_empty());
    let letter = owing.outbox().await.remove(0);
    assert!(letter.dead.unwrap().reason.contains("expired"));
}

#[tokio::test]
async fn signal_without_receiver_is_tried_again() {
    let kit = Kit::with_ann().await;
    let accounts = kit.owing(&Signals::isolated());
    let worker = accounts.outbox_worker(options()).unwrap();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker.deliver_due().await.unwrap();
    let owed = accounts.outbox_after(None, 9).await.unwrap();
    assert_eq!((owed.len(), owed[0].attempts), (1, 1));
    let ignoring = options().ignoring(["reset_password_email"]);
    let worker = accounts.outbox_worker(ignoring).unwrap();
    kit.clock.advance(Duration::from_secs(2));
    worker.deliver_due().await.unwrap();
    assert_eq!(accounts.outbox_after(None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn running_worker_is_woken() {
    let mut owing = Owing::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let worker = owing.worker.clone();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    for _ in 0..3 {
        owing.kit.clock.advance(Duration::from_secs(1));
        owing.ask().await;
        let sent = tokio::time::timeout(Duration::from_secs(5), owing.resets.next()).await;
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
    let owing = Owing::new().await;
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    let _slow = owing
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
    let worker = owing.worker.clone();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    owing.ask().await;
    at_work.recv().await.unwrap();
    drop(stop);
    tokio::task::yield_now().await;
    assert!(!running.is_finished(), "a receiver is at work");
    go.send(true).unwrap();
    running.await.unwrap();
    assert_eq!(owing.outbox().await, []);
}

#[tokio::test]
async fn lost_lease_records_nothing() {
    let owing = Owing::new().await;
    let store = owing.kit.store.clone();
    let clock = owing.kit.clock.clone();
    let _thief = owing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordEmail| {
            let (store, clock) = (store.clone(), clock.clone());
            async move {
                // While this receiver is at work its lease ends, and another worker claims the message.
                clock.advance(Duration::from_secs(15));
                let claim = Claim {
                    now: clock.now(),
                    until: clock.now() + chrono::TimeDelta::minutes(1),
                    limit: 9,
                };
                let claimed = store.claim_messages(&claim).await.unwrap();
                assert_eq!(claimed.len(), 1);
            }
        });
    owing.ask().await;
    owing.deliver().await;
    let owed = owing.outbox().await.remove(0);
    assert_eq!(owed.attempts, 2, "it is the other worker's now");
}

#[tokio::test]
async fn only_dead_letters_are_revived() {
    let owing = Owing::new().await;
    owing.ask().await;
    let owed = owing.outbox().await[0].id;
    for id in [owed, MessageId::new(99)] {
        let error = owing.accounts.retry_dead_letter(id).await.unwrap_err();
        assert_eq!(error.kind(), DeadLetterErrorKind::NoSuchLetter);
    }
    let without = &owing.kit.accounts;
    assert!(without.outbox_worker(options()).is_none());
    let error = without.outbox_after(None, 1).await.unwrap_err();
    assert_eq!(error.kind(), DeadLetterErrorKind::NoOutbox);
}

#[tokio::test]
async fn receiver_that_asks_for_time_delays_no_other() {
    let owing = Owing::new().await;
    let _busy = owing.kit.signals.connect(|_: &ResetPasswordPhone| {
        let pause = Retry::After(Duration::from_mins(15));
        Err::<(), _>(Undelivered::new(pause, "busy"))
    });
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _broken = owing.kit.signals.connect(move |_: &ResetPasswordPhone| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to host"),
            _ => Ok(()),
        }
    });
    let phone = owing.accounts.request_password_reset(ANNS_PHONE);
    phone.await.unwrap();
    owing.deliver().await;
    owing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(owing.deliver().await, 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2, "after its own back-off");
    // The link lives for ten minutes: the other one will not have it in time.
    let reason = owing.outbox().await.remove(0).dead.unwrap().reason;
    assert!(reason.ends_with("busy"), "{reason}");
}

#[tokio::test]
async fn receiver_that_is_gone_is_owed_nothing() {
    let mut owing = Owing::new().await;
    let fails = owing
        .kit
        .signals
        .connect(|_: &ResetPasswordEmail| Err::<(), _>("no route to host"));
    owing.ask().await;
    owing.deliver().await;
    assert_eq!(owing.outbox().await.len(), 1);
    drop(fails);
    owing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(owing.deliver().await, 1);
    assert_eq!(owing.outbox().await, [], "the others have it");
    assert_eq!(owing.resets.take().len(), 1);
}

#[tokio::test]
async fn late_message_to_nobody_is_no_dead_letter() {
    let owing = Owing::new().await;
    let nobody = owing.accounts.request_password_reset("nobody@example.org");
    nobody.await.unwrap();
    owing.kit.clock.advance(Duration::from_hours(25));
    assert_eq!(owing.deliver().await, 1);
    assert_eq!(owing.outbox().await, []);
}

#[tokio::test]
async fn stopped_worker_begins_no_more_than_it_may() {
    let owing = Owing::new().await;
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let _hangs = owing
        .kit
        .signals
        .connect_async(move |event: ResetPasswordEmail| {
            begin.send(event.email).unwrap();
            std::future::pending::<()>()
        });
    let mut options = options();
    options.concurrency = 1;
    let worker = owing.accounts.outbox_worker(options).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    owing.ask().await;
    at_work.recv().await.unwrap();
    let other = owing.accounts.request_password_reset(ANNS_PHONE);
    other.await.unwrap();
    drop(stop);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let attempts: Vec<_> = owing.outbox().await.iter().map(|it| it.attempts).collect();
    assert_eq!(attempts, [1, 0]);
    running.abort();
}
