//! Messages whose recipients have changed while they were pending, and more of them than a worker has places for.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::mailing::{Mailing, options};
use crate::common::{ANNS_EMAIL, ANNS_PHONE, HORSE, Kit, STAPLE};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_events::{ResetPasswordEmail, ResetPasswordPhone};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter as _};

/// The number of an address may be another user's by the time that a message is sent to it.
#[tokio::test]
async fn address_of_another_user_by_now_gets_nothing() {
    let mut mailing = Mailing::new().await;
    let bob = mailing.kit.sign_up_bob().await;
    mailing.ask().await;
    let to = mailing.outbox().await[0].message.recipient.unwrap();
    let moved = ExternalChange::MoveAddress(AddressKind::Email, to.address, bob.id);
    mailing.kit.store.make(moved).await;
    assert_eq!(mailing.deliver().await, 1);
    assert!(mailing.resets.take().is_empty());
    let letter = mailing.outbox().await.remove(0).dead.unwrap();
    assert_eq!(
        letter.reason,
        "the address was removed, or is another user's now"
    );
}

/// What has nothing left to do is no dead letter, however late it is.
#[tokio::test]
async fn obsolete_message_that_is_late_is_no_letter() {
    let mut mailing = Mailing::new().await;
    mailing.ask().await;
    let current_user = mailing.kit.current_user("ann", HORSE).await;
    let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
    let changed = mailing
        .accounts
        .change_password(&current_user, &old, &new, &new);
    changed.await.unwrap();
    mailing.kit.clock.advance(Duration::from_hours(25));
    assert_eq!(mailing.deliver().await, 1);
    assert_eq!(mailing.outbox().await, []);
    assert_eq!(mailing.worker.obsolete_messages(), 1);
    assert!(mailing.resets.take().is_empty());
}

/// A place that becomes free is taken at once: by the time of the test, which passes only while all wait.
#[tokio::test(start_paused = true)]
async fn free_place_is_taken_at_once() {
    const TAKES: Duration = Duration::from_millis(100);
    let kit = Kit::with_ann().await;
    let accounts = kit.with_outbox(&kit.signals);
    for name in [ANNS_EMAIL, ANNS_PHONE] {
        accounts.request_password_reset(name).await.unwrap();
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _email = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        counted.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(TAKES)
    });
    let counted = Arc::clone(&calls);
    let _phone = kit.signals.connect_async(move |_: ResetPasswordPhone| {
        counted.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(TAKES)
    });
    let mut options = options();
    options.concurrency = 1;
    options.idle = Duration::from_hours(1);
    let worker = accounts.outbox().unwrap().worker(options);
    worker.run(tokio::time::sleep(TAKES * 3)).await;
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
