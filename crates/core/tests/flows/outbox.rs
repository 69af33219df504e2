//! What flows put into the outbox, and how much of it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use crate::common;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::mailing::{Mailing, messages, options};
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE, failure};
use phone_auth_core::accounts::{Accounts, FailureKind};
use phone_auth_core::address::AddressKind;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Password;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_events::{ResetPasswordEmail, VerifyEmail};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

#[tokio::test]
async fn message_is_pending_until_delivered() {
    let mut mailing = Mailing::new().await;
    mailing.ask().await;
    assert!(mailing.resets.take().is_empty(), "nothing has delivered it");
    assert_eq!(mailing.outbox().await.len(), 1);
    assert_eq!(mailing.deliver().await, 1);
    let sent = mailing.resets.take();
    assert_eq!((sent.len(), sent[0].email.as_str()), (1, ANNS_EMAIL));
    assert_eq!(mailing.outbox().await, []);
    assert_eq!(mailing.deliver().await, 0);

    let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
    let new = Password::new(STAPLE);
    let reset = mailing
        .accounts
        .reset_password(parts[3], parts[4], &new, &new);
    assert_eq!(reset.await.unwrap().username, "ann");
}

#[tokio::test]
async fn envelope_has_key_language_and_times() {
    let mut mailing = Mailing::new().await;
    let german = mailing
        .accounts
        .with_language(Some(Language::parse("de-CH").unwrap()));
    german.request_password_reset(ANNS_EMAIL).await.unwrap();
    let enqueued = mailing.outbox().await[0].message.clone();
    mailing.kit.clock.advance(Duration::from_mins(30));
    mailing.deliver().await;
    let envelope = mailing.resets.take().remove(0).envelope;
    assert_eq!(envelope.idempotency_key, Some(enqueued.key));
    assert_eq!(envelope.enqueued_at, Some(enqueued.created_at.into()));
    assert_eq!(envelope.expires_at, Some(enqueued.expires_at.into()));
    assert_eq!(envelope.language.as_deref(), Some("de-ch"));
    assert_eq!(envelope.lifetime, Some(Duration::from_mins(24 * 60 - 30)));
}

#[tokio::test]
async fn unknown_name_leaves_nothing() {
    let mut mailing = Mailing::new().await;
    for name in ["nobody@example.org", "+442079460123", "ann"] {
        mailing.accounts.request_password_reset(name).await.unwrap();
        assert_eq!(mailing.outbox().await, [], "{name}");
    }
    assert_eq!(mailing.deliver().await, 0);
    assert!(mailing.resets.take().is_empty());
}

/// Whatever call of the store fails: a request by username, to two addresses, is enqueued whole or not at all, and whole when it
/// is sent once more.
#[tokio::test]
async fn request_to_two_addresses_is_enqueued_whole() {
    let mailing = Mailing::new().await;
    let ann = mailing.kit.current_user("ann", HORSE).await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let address = mailing.kit.address(&ann, kind).await;
        let verified = mailing.accounts.set_verified(ann.user(), &address, true);
        assert!(verified.await.unwrap().is_changed());
    }
    for calls in 0.. {
        mailing
            .kit
            .store
            .fail_after(calls, StoreErrorKind::Unavailable);
        let asked = mailing.accounts.begin_reset("ann", None).await;
        mailing.kit.store.recover();
        let mut pending = mailing.outbox().await;
        pending.retain(|it| it.message.purpose == Purpose::ResetPassword);
        let Ok(key) = asked else {
            assert_eq!(pending.len(), 0, "after {calls} calls");
            continue;
        };
        assert!(calls > 2, "it takes more than {calls} calls");
        assert_eq!(pending.len(), 2);
        let code = mailing.accounts.pending_code(&key, Purpose::ResetPassword);
        assert_eq!(code.await.unwrap().unwrap().attempts_left, 5);
        break;
    }
}

#[tokio::test]
async fn store_that_fails_enqueues_nothing() {
    let mut mailing = Mailing::new().await;
    // The look-up succeeds, the enqueueing does not.
    mailing.kit.store.fail_after(1, StoreErrorKind::Unavailable);
    for name in [ANNS_EMAIL, "nobody@example.org"] {
        let asked = mailing.accounts.request_password_reset(name).await;
        assert_eq!(failure(asked).kind(), FailureKind::Unavailable, "{name}");
    }
    mailing.kit.store.recover();
    mailing.deliver().await;
    assert!(mailing.resets.take().is_empty());
}

#[tokio::test]
async fn newer_request_supersedes_older() {
    let mut mailing = Mailing::new().await;
    for _ in 0..3 {
        mailing.kit.clock.advance(Duration::from_secs(1));
        mailing.ask().await;
    }
    assert_eq!(mailing.deliver().await, 1);
    assert_eq!(mailing.resets.take().len(), 1);
}

#[tokio::test]
async fn full_outbox_is_full_for_everybody() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let mut settings = common::unlimited();
    settings.max_pending_messages = 2;
    let accounts = Accounts::builder(Arc::new(kit.store.clone()), common::keyring(common::SECRET))
        .outbox(Arc::new(kit.store.clone()))
        .settings(settings)
        .signals(kit.signals.clone())
        .clock(kit.clock.clone())
        .hasher(kit.hasher.clone())
        .build()
        .unwrap();
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Phone).await;
    for name in [ANNS_EMAIL, ANNS_PHONE] {
        accounts.request_password_reset(name).await.unwrap();
    }
    let before = messages(&accounts).await;
    // Someone new, someone whose message is pending, and nobody.
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
    let verification = accounts.request_verification(&current_user, row.kind, row.id);
    assert_eq!(failure(verification.await).kind(), FailureKind::OutboxFull);
    assert_eq!(messages(&accounts).await, before);

    let worker = accounts.outbox().unwrap().worker(options());
    assert_eq!(worker.deliver_due().await.unwrap(), 2);
    tokio::time::sleep(Duration::from_millis(150)).await;
    for name in ["bob@example.net", "nobody@example.org"] {
        accounts.request_password_reset(name).await.unwrap();
    }
}

#[tokio::test]
async fn superseding_postpones_and_hammers_nothing() {
    let mut mailing = Mailing::new().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _fails = mailing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err::<(), _>("no route to host")
    });
    // A stranger asks every second; the other receiver has each link at once, for the older ones are void.
    for second in 0..300 {
        mailing.ask().await;
        mailing.deliver().await;
        assert_eq!(mailing.resets.take().len(), 1, "{second}");
        mailing.kit.clock.advance(Duration::from_secs(1));
    }
    let calls = calls.load(Ordering::SeqCst);
    assert!(
        (6..=10).contains(&calls),
        "{calls} calls in 300 s of back-off"
    );
    assert_eq!(mailing.outbox().await.len(), 1);
}

#[tokio::test]
async fn verified_address_gets_no_link() {
    let mailing = Mailing::new().await;
    let current_user = mailing.kit.current_user("ann", HORSE).await;
    let row = mailing.kit.address(&current_user, AddressKind::Email).await;
    let mut sent = mailing.kit.signals.capture::<VerifyEmail>();
    let ask = || {
        mailing
            .accounts
            .request_verification(&current_user, row.kind, row.id)
    };
    let _ = ask().await.unwrap();
    mailing.deliver().await;
    assert_eq!(sent.take().len(), 1);
    let _ = ask().await.unwrap();
    let verified = ExternalChange::SetVerified(row.kind, row.id, true);
    mailing.kit.store.make(verified).await;
    assert_eq!(mailing.deliver().await, 1);
    assert!(sent.take().is_empty());
}
