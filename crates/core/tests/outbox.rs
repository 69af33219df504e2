//! Messages that are owed, and the worker that delivers them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

mod common;

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, failure, refusal};
use phone_auth_core::accounts::{
    Accounts, DeadLetterRefusal, FailureKind, NoOutbox, OutboxWorker, WorkerOptions,
};
use phone_auth_core::address::AddressKind;
use phone_auth_core::clock::Clock;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    BackOff, Binding, Claim, MessageId, Obsolete, OutboxMessage, Queues, ReceiptOutcome,
};
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::{AddressStore, OutboxStore, StoreErrorKind};
use phone_auth_events::{
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
        messages(&self.accounts).await
    }
}

/// Everything in the outbox of these flows, all of which can be read.
async fn messages(accounts: &Accounts) -> Vec<OutboxMessage> {
    let rows = accounts.outbox_after(None, 100).await.unwrap();
    rows.into_iter()
        .map(|row| row.into_message().unwrap())
        .collect()
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
async fn unknown_name_leaves_nothing() {
    let mut owing = Owing::new().await;
    for name in ["nobody@example.org", "+442079460123", "ann"] {
        owing.accounts.request_password_reset(name).await.unwrap();
        assert_eq!(owing.outbox().await, [], "{name}");
    }
    assert_eq!(owing.deliver().await, 0);
    assert!(owing.resets.take().is_empty());
}

#[tokio::test]
async fn store_that_fails_promises_nothing() {
    let mut owing = Owing::new().await;
    // The look-up succeeds, the promise does not.
    owing.kit.store.fail_after(1, StoreErrorKind::Unavailable);
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let asked = owing.accounts.request_password_reset(name).await;
        assert_eq!(failure(asked).kind(), FailureKind::Unavailable, "{name}");
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

/// What can happen between the promise of a reset to Ann and its delivery.
const CHANGES: [&str; 5] = ["password", "disabled", "address", "person", "row"];

/// Makes such a change.
async fn change(owing: &Owing, case: &str) {
    let kit = &owing.kit;
    let visitor = kit.visitor("ann", HORSE).await;
    let row = kit.address(&visitor, AddressKind::Email).await;
    match case {
        "password" => {
            let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
            let change = owing
                .accounts
                .change_password(&visitor, &old, &new, &new)
                .await;
            assert!(change.is_ok());
        }
        "disabled" => {
            owing.accounts.set_active("ann", false).await.unwrap();
        }
        "address" => {
            let edit = OutsideChange::EditAddress(row.kind, row.id, "x@example.org".into());
            kit.store.make(edit).await;
        }
        "row" => {
            // As when the row is another's whose number was used again.
            let bob = kit.sign_up_bob().await;
            let moved = OutsideChange::MoveAddress(row.kind, row.id, bob.id);
            kit.store.make(moved).await;
        }
        _ => {
            let gone = OutsideChange::DeletePerson(visitor.person().id);
            kit.store.make(gone).await;
        }
    }
}

/// Why a message is given up after a change that makes it not obsolete.
fn given_up(case: &str) -> Option<&'static str> {
    match case {
        "disabled" => Some("the user is disabled"),
        "address" => Some("the address was changed"),
        "row" => Some("the address was removed, or is another user's now"),
        _ => None,
    }
}

#[tokio::test]
async fn changed_messages_are_not_sent() {
    for case in CHANGES {
        // Obsolete is what nobody waits for, however late it is.
        for late in [false, true] {
            let mut owing = Owing::new().await;
            owing.ask().await;
            change(&owing, case).await;
            if late {
                owing.kit.clock.advance(Duration::from_hours(25));
            }
            owing.deliver().await;
            assert!(owing.resets.take().is_empty(), "{case}");
            // What goes with a user who is deleted is not even found.
            let obsolete = u64::from(case == "password");
            assert_eq!(owing.worker.obsolete_messages(), obsolete, "{case}");
            let letters = owing.outbox().await;
            let reasons: Vec<_> = letters
                .into_iter()
                .map(|it| it.dead.unwrap().reason)
                .collect();
            assert_eq!(reasons, Vec::from_iter(given_up(case)), "{case}");
        }
    }
}

#[tokio::test]
async fn letter_is_sent_once_its_reason_is_gone() {
    for case in ["disabled", "address"] {
        let mut owing = Owing::new().await;
        owing.ask().await;
        change(&owing, case).await;
        owing.deliver().await;
        let id = owing.outbox().await[0].id;
        if case == "disabled" {
            let retried = owing.accounts.retry_dead_letter(id).await;
            assert_eq!(refusal(retried), DeadLetterRefusal::Disabled);
            owing.accounts.set_active("ann", true).await.unwrap();
        }
        owing.accounts.retry_dead_letter(id).await.unwrap();
        assert_eq!(owing.deliver().await, 1);
        assert_eq!(owing.resets.take().len(), 1, "{case}");
        assert_eq!(owing.outbox().await, [], "{case}");
    }
}

#[tokio::test]
async fn only_newer_request_makes_obsolete() {
    // Where the newest request is known to be, in microseconds after that of the message.
    for (newest, obsolete) in [(Some(1), true), (Some(-1), false), (None, false)] {
        let mut owing = Owing::new().await;
        owing.ask().await;
        let pending = owing.outbox().await.remove(0);
        owing.kit.store.lose_requests();
        if let Some(micros) = newest {
            let at = pending.requested_at.unwrap() + TimeDelta::microseconds(micros);
            let request = pending.message.request(at);
            owing.kit.store.request_link(&request).await.unwrap();
        }
        owing.deliver().await;
        assert!(owing.resets.take().is_empty(), "{newest:?}");
        assert_eq!(owing.worker.obsolete_messages(), u64::from(obsolete));
        if obsolete {
            assert_eq!(owing.outbox().await, []);
            continue;
        }
        let letter = owing.outbox().await.remove(0);
        let reason = letter.dead.unwrap().reason;
        assert!(reason.contains("the record of its request"), "{reason}");
        owing.accounts.retry_dead_letter(letter.id).await.unwrap();
        owing.deliver().await;
        assert_eq!(owing.resets.take().len(), 1, "{newest:?}");
    }
}

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
    for (retry, outcome) in [
        (Retry::Never, "refused"),
        (Retry::After(Duration::from_hours(25)), "failed"),
    ] {
        let owing = Owing::new().await;
        let _fails = owing.kit.signals.connect(move |_: &ResetPasswordEmail| {
            Err::<(), _>(Undelivered::new(retry, "no mailbox for zoe@example.org"))
        });
        owing.ask().await;
        let logged = Logged::default();
        let guard = tracing::subscriber::set_default(logged.clone());
        owing.deliver().await;
        drop(guard);
        let reason = owing.outbox().await.remove(0).dead.unwrap().reason;
        assert!(reason.ends_with("zoe@example.org"), "{reason}");
        let logged = logged.0.lock().unwrap().clone();
        assert!(logged.contains("a message was given up"), "{logged}");
        assert!(
            logged.contains(&format!("outcome=\"{outcome}\"")),
            "{logged}"
        );
        assert!(!logged.contains("zoe@"), "{logged}");
    }
}

#[tokio::test]
async fn replaced_letter_is_not_sent_again() {
    let mut owing = Owing::new().await;
    let refuses = owing.kit.signals.connect(|_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(Retry::Never, "no mailbox"))
    });
    owing.ask().await;
    owing.deliver().await;
    let id = owing.outbox().await[0].id;
    drop(refuses);
    owing.resets.take();
    owing.kit.clock.advance(Duration::from_mins(1));
    owing.ask().await;
    owing.deliver().await;
    let newer = owing.resets.take().remove(0);
    let retried = owing.accounts.retry_dead_letter(id).await;
    let why = DeadLetterRefusal::Obsolete(Obsolete::NewerRequest);
    assert_eq!(refusal(retried), why);
    let parts: Vec<&str> = newer.url.as_str().split('/').collect();
    let link = owing.accounts.check_reset_link(parts[3], parts[4]).await;
    assert!(link.is_ok(), "the newer link still works");
}

#[tokio::test]
async fn other_changes_end_no_message() {
    for case in ["log-in", "own email", "other reading"] {
        let mut owing = Owing::new().await;
        let visitor = owing.kit.visitor("ann", HORSE).await;
        owing.ask().await;
        let id = visitor.person().id;
        match case {
            "log-in" => drop(owing.kit.visitor("ann", HORSE).await),
            "own email" => {
                let change = OutsideChange::SetOwnEmail(id, "other@example.org".into());
                owing.kit.store.make(change).await;
            }
            _ => {
                // As a worker reads it whose setting `django_use_tz` is another.
                let time = visitor.person().last_login.unwrap() + TimeDelta::hours(5);
                let change = OutsideChange::SetLastLogin(id, Some(time));
                owing.kit.store.make(change).await;
            }
        }
        owing.deliver().await;
        let sent = owing.resets.take();
        assert_eq!(sent.len(), 1, "{case}");
        let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
        let link = owing.accounts.check_reset_link(parts[3], parts[4]).await;
        assert!(link.is_ok(), "the link works: {case}");
    }
}

/// Owes what Ann asked for anew, as another version would have bound it.
async fn rebind(owing: &Owing, bind: impl Fn(&Binding) -> Binding) {
    let mut message = owing.outbox().await.remove(0).message;
    message.binding = bind(&message.binding);
    message.key.push('x');
    owing.kit.store.owe_message(&message).await.unwrap();
}

#[tokio::test]
async fn message_of_the_first_version_is_sent() {
    let mut owing = Owing::new().await;
    owing.ask().await;
    rebind(&owing, |binding| {
        Binding::from_stored(binding.digest(), None)
    })
    .await;
    owing.deliver().await;
    assert_eq!(owing.resets.take().len(), 1);
    assert_eq!(owing.outbox().await, []);
}

#[tokio::test]
async fn unexplained_message_is_a_dead_letter() {
    type Bind = fn(&Binding) -> Binding;
    let cases: [(Bind, &str); 4] = [
        (
            |binding| Binding::from_stored(binding.digest(), Some("3 a=b".to_owned())),
            "the version 3",
        ),
        (
            |binding| {
                let parts = binding.parts().map(|parts| format!("{parts} new=00"));
                Binding::from_stored(binding.digest(), parts)
            },
            "does not know",
        ),
        (|_| Binding::from_stored([0; 32], None), "cannot tell"),
        (|_| Binding::from_stored([], None), "cannot tell"),
    ];
    for (bind, says) in cases {
        let mut owing = Owing::new().await;
        owing.ask().await;
        rebind(&owing, bind).await;
        assert_eq!(owing.deliver().await, 1);
        assert!(owing.resets.take().is_empty(), "{says}");
        let letter = owing.outbox().await.remove(0);
        let reason = letter.dead.unwrap().reason;
        assert!(reason.contains(says), "{reason}");
        assert_eq!(owing.worker.obsolete_messages(), 0);
        // The operator who sends it again has it bound to the state as it is.
        owing.accounts.retry_dead_letter(letter.id).await.unwrap();
        assert_eq!(owing.deliver().await, 1);
        assert_eq!(owing.resets.take().len(), 1, "{says}");
    }
}

#[tokio::test]
async fn retry_sends_or_says_why_not() {
    for case in CHANGES {
        let mut owing = Owing::new().await;
        owing.ask().await;
        rebind(&owing, |binding| {
            // A part that nobody knows beside those of today.
            let parts = binding.parts().map(|parts| format!("{parts} new=00"));
            Binding::from_stored(binding.digest(), parts)
        })
        .await;
        owing.deliver().await;
        let id = owing.outbox().await[0].id;
        change(&owing, case).await;
        let why = match case {
            "password" => DeadLetterRefusal::Obsolete(Obsolete::PasswordChanged),
            "disabled" => DeadLetterRefusal::Disabled,
            "row" => DeadLetterRefusal::Gone,
            "person" => DeadLetterRefusal::NoSuchLetter,
            _ => {
                // Somebody has corrected it.
                owing.accounts.retry_dead_letter(id).await.unwrap();
                owing.deliver().await;
                assert_eq!(owing.resets.take()[0].email, "x@example.org");
                continue;
            }
        };
        let retried = owing.accounts.retry_dead_letter(id).await;
        assert_eq!(refusal(retried), why, "{case}");
        let kept = usize::from(case != "person");
        assert_eq!(owing.outbox().await.len(), kept, "it stays a dead letter");
    }
    // A newer message was requested.
    let owing = Owing::new().await;
    owing.ask().await;
    rebind(&owing, |_| Binding::from_stored([], None)).await;
    owing.deliver().await;
    let id = owing.outbox().await[0].id;
    owing.ask().await;
    let retried = owing.accounts.retry_dead_letter(id).await;
    let newer = DeadLetterRefusal::Obsolete(Obsolete::NewerRequest);
    assert_eq!(refusal(retried), newer);
}

#[tokio::test]
async fn revived_message_backs_off_anew() {
    let owing = Owing::new().await;
    let _fails = owing
        .kit
        .signals
        .connect(|_: &ResetPasswordPhone| Err::<(), _>("no network"));
    let phone = owing.accounts.request_password_reset(ANNS_PHONE);
    phone.await.unwrap();
    for _ in 0..600 {
        owing.deliver().await;
        owing.kit.clock.advance(Duration::from_secs(1));
    }
    let letter = owing.outbox().await.remove(0);
    owing.accounts.retry_dead_letter(letter.id).await.unwrap();
    let mut tokens = owing.kit.signals.capture::<TokenIssued>();
    assert_eq!(owing.deliver().await, 1);
    let revived = owing.outbox().await.remove(0);
    assert!(revived.attempts > letter.attempts, "attempts never go back");
    assert_eq!(revived.failures, 1);
    assert_eq!(tokens.take().len(), 1, "its link is a new one");
    owing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(owing.deliver().await, 1, "as after a first failure");
    assert!(tokens.take().is_empty());
}

#[tokio::test]
async fn full_outbox_is_full_for_everybody() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let mut settings = Settings::default();
    settings.max_pending_messages = 2;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), common::keyring(common::SECRET))
        .outbox(Arc::new(kit.store.clone()))
        .settings(settings)
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    let visitor = kit.visitor("ann", HORSE).await;
    let row = kit.address(&visitor, AddressKind::Phone).await;
    for name in [ANNS_EMAIL, ANNS_PHONE] {
        accounts.request_password_reset(name).await.unwrap();
    }
    let before = messages(&accounts).await;
    // Somebody new, somebody whose message is pending, and nobody.
    for name in [
        "bob@example.net",
        ANNS_EMAIL,
        "nobody@example.org",
        "+442079460123",
    ] {
        let failure = failure(accounts.request_password_reset(name).await);
        assert_eq!(failure.kind(), FailureKind::OutboxFull, "{name}");
        assert!(failure.is_retryable());
    }
    let verification = accounts.request_verification(&visitor, row.kind, row.id);
    assert_eq!(failure(verification.await).kind(), FailureKind::OutboxFull);
    assert_eq!(messages(&accounts).await, before);

    let worker = accounts.outbox_worker(options()).unwrap();
    assert_eq!(worker.deliver_due().await.unwrap(), 2);
    tokio::time::sleep(Duration::from_millis(150)).await;
    for name in ["bob@example.net", "nobody@example.org"] {
        accounts.request_password_reset(name).await.unwrap();
    }
}

#[tokio::test]
async fn superseding_postpones_and_hammers_nothing() {
    let mut owing = Owing::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _fails = owing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err::<(), _>("no route to host")
    });
    // A stranger asks every second; the other receiver has each link at once, for the older ones are void.
    for second in 0..300 {
        owing.ask().await;
        owing.deliver().await;
        assert_eq!(owing.resets.take().len(), 1, "{second}");
        owing.kit.clock.advance(Duration::from_secs(1));
    }
    let calls = calls.load(Ordering::SeqCst);
    assert!(
        (6..=10).contains(&calls),
        "{calls} calls in 300 s of back-off"
    );
    assert_eq!(owing.outbox().await.len(), 1);
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

/// A worker as it is by default, and time that passes by its clock and by that of the store.
struct Running {
    owing: Owing,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Running {
    async fn new() -> Self {
        let owing = Owing::new().await;
        for number in 1..100 {
            let name = format!("p{number}");
            owing.kit.store_person(&name, "pbkdf2_sha256$1$a$b").await;
        }
        Self::of(owing)
    }

    fn of(owing: Owing) -> Self {
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let worker = owing
            .accounts
            .outbox_worker(WorkerOptions::default())
            .unwrap();
        tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
        Self { owing, _stop: stop }
    }

    /// Asks for a reset at these numbers.
    async fn ask(&self, logins: impl Iterator<Item = String>) {
        for login in logins {
            let asked = self.owing.accounts.request_password_reset(&login);
            asked.await.unwrap();
        }
    }

    async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.owing.kit.clock.advance(Duration::from_secs(1));
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
    let signals = running.owing.kit.signals.clone();
    signals
        .connect_async::<ResetPasswordPhone>(silent(&gateway))
        .forever();
    running.ask(phones(1..100)).await;
    running.pass(1).await;
    let calls = || gateway.0.load(Ordering::SeqCst);
    assert_eq!(calls(), 16, "as many as there are places");
    running.owing.ask().await;
    let sent = tokio::time::timeout(Duration::from_secs(1), running.owing.resets.next());
    assert_eq!(sent.await.unwrap().unwrap().email, ANNS_EMAIL);
    assert_eq!(calls(), 16, "none of them has timed out meanwhile");
}

#[tokio::test(start_paused = true)]
async fn silent_receiver_is_left_alone() {
    // Beside others that have had the message, and alone, so that none of its signal is claimed meanwhile.
    for is_alone in [false, true] {
        let mut running = Running::new().await;
        if is_alone {
            let mut owing = running.owing;
            owing.accounts = owing.kit.owing(&Signals::isolated());
            running = Running::of(owing);
        }
        let signals = running.owing.accounts.signals().clone();
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
    let pending = running.owing.outbox().await;
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
    assert_eq!(running.owing.outbox().await, []);
    assert!(calls() <= 18 + 40);
}

#[tokio::test(start_paused = true)]
async fn silent_receiver_keeps_no_message_from_others() {
    let running = Running::new().await;
    let gateway = Gateway::default();
    let signals = running.owing.kit.signals.clone();
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
    assert_eq!((mailed(), running.owing.outbox().await), (28, vec![]));
    drop(mail);
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
    let owed = messages(&accounts).await;
    assert_eq!((owed.len(), owed[0].attempts), (1, 1));
    kit.clock.advance(Duration::from_secs(2));
    worker.deliver_due().await.unwrap();
    let owed = messages(&accounts).await;
    assert_eq!((owed.len(), owed[0].attempts), (1, 2));
    // So it is until its link expires.
    kit.clock.advance(Duration::from_hours(24));
    worker.deliver_due().await.unwrap();
    let letter = messages(&accounts).await.remove(0);
    assert!(letter.dead.unwrap().reason.contains("expired"));
}

#[tokio::test]
async fn running_worker_is_woken() {
    let mut owing = Owing::new().await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let mut options = options();
    // By itself it would look far too late.
    options.idle = Duration::from_hours(1);
    let worker = owing.accounts.outbox_worker(options).unwrap();
    let running = tokio::spawn(async move {
        // Ends when the other side is dropped.
        worker.run(async { drop(stopped.await) }).await;
    });
    for _ in 0..3 {
        owing.kit.clock.advance(Duration::from_secs(1));
        owing.ask().await;
        let sent = tokio::time::timeout(Duration::from_mins(1), owing.resets.next()).await;
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
                    until: clock.now() + TimeDelta::minutes(1),
                    limit: 9,
                    without: Queues::default(),
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
        let retried = owing.accounts.retry_dead_letter(id).await;
        assert_eq!(refusal(retried), DeadLetterRefusal::NoSuchLetter);
    }
    let without = &owing.kit.accounts;
    assert!(without.outbox_worker(options()).is_none());
    assert_eq!(refusal(without.outbox_after(None, 1).await), NoOutbox);
    let retried = without.retry_dead_letter(owed).await;
    assert_eq!(refusal(retried), DeadLetterRefusal::NoOutbox(NoOutbox));
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

#[tokio::test]
async fn worker_begins_no_more_than_it_may() {
    let owing = Owing::new().await;
    owing.kit.sign_up_bob().await;
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
    let _emails = owing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordEmail| work());
    let _phones = owing
        .kit
        .signals
        .connect_async(move |_: ResetPasswordPhone| by_phone());
    for name in [ANNS_EMAIL, ANNS_PHONE, "bob@example.net", "+442079460018"] {
        owing.accounts.request_password_reset(name).await.unwrap();
    }
    let mut options = options();
    options.concurrency = 3;
    options.idle = Duration::from_hours(1);
    let worker = owing.accounts.outbox_worker(options).unwrap();
    let running = tokio::spawn(async move { worker.run(std::future::pending()).await });
    for _ in 0..3 {
        beginnings.recv().await.unwrap();
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let attempts: u32 = owing.outbox().await.iter().map(|it| it.attempts).sum();
    assert_eq!(attempts, 3, "one waits unclaimed");
    go.send(true).unwrap();
    // The fourth begins when one of the three is done, without anybody asking again.
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
        let mut owing = Owing::new().await;
        owing.ask().await;
        let clock = &owing.kit.clock;
        clock.set(clock.now() + set_back);
        assert_eq!(owing.deliver().await, 1, "{set_back}");
        let sent = owing.resets.take();
        assert_eq!(sent.len(), 1, "{set_back}");
        let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
        let link = owing.accounts.check_reset_link(parts[3], parts[4]).await;
        assert!(link.is_ok(), "the link works at once: {set_back}");
    }
}
