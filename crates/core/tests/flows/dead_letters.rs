//! Messages that are not sent any more: what makes one obsolete, and what a dead letter.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::time::Duration;

use crate::common::mailing::Mailing;
use crate::common::{ANNS_PHONE, HORSE, STAPLE, refusal};
use chrono::TimeDelta;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::DeadLetterRefusal;
use phone_auth_core::outbox::{Binding, MessageId, Obsolete};
use phone_auth_core::password::Password;
use phone_auth_core::store::{AddressStore, OutboxStore};
use phone_auth_events::{ResetPasswordEmail, ResetPasswordPhone, Retry, Undelivered};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};
use phone_auth_tokens::TokenIssued;

/// What can happen between the enqueueing of a reset to Ann and its delivery.
const CHANGES: [&str; 5] = ["password", "disabled", "address", "user", "row"];

/// Makes such a change.
async fn change(mailing: &Mailing, case: &str) {
    let kit = &mailing.kit;
    let current_user = kit.current_user("ann", HORSE).await;
    let row = kit.address(&current_user, AddressKind::Email).await;
    match case {
        "password" => {
            let (old, new) = (Password::new(HORSE), Password::new(STAPLE));
            let change = mailing
                .accounts
                .change_password(&current_user, &old, &new, &new)
                .await;
            assert!(change.is_ok());
        }
        "disabled" => {
            mailing.accounts.set_active("ann", false).await.unwrap();
        }
        "address" => {
            let edit = ExternalChange::EditAddress(row.kind, row.id, "x@example.org".into());
            kit.store.make(edit).await;
        }
        "row" => {
            // As when the row is another's whose number was used again.
            let bob = kit.sign_up_bob().await;
            let moved = ExternalChange::MoveAddress(row.kind, row.id, bob.id);
            kit.store.make(moved).await;
        }
        _ => {
            let gone = ExternalChange::DeleteUser(current_user.user().id);
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
            let mut mailing = Mailing::new().await;
            mailing.ask().await;
            change(&mailing, case).await;
            if late {
                mailing.kit.clock.advance(Duration::from_hours(25));
            }
            mailing.deliver().await;
            assert!(mailing.resets.take().is_empty(), "{case}");
            // What goes with a user who is deleted is not even found.
            let obsolete = u64::from(case == "password");
            assert_eq!(mailing.worker.obsolete_messages(), obsolete, "{case}");
            let letters = mailing.outbox().await;
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
        let mut mailing = Mailing::new().await;
        mailing.ask().await;
        change(&mailing, case).await;
        mailing.deliver().await;
        let id = mailing.outbox().await[0].id;
        if case == "disabled" {
            let retried = mailing.accounts.outbox().unwrap().requeue(id).await;
            assert_eq!(refusal(retried), DeadLetterRefusal::Disabled);
            mailing.accounts.set_active("ann", true).await.unwrap();
        }
        mailing
            .accounts
            .outbox()
            .unwrap()
            .requeue(id)
            .await
            .unwrap();
        assert_eq!(mailing.deliver().await, 1);
        assert_eq!(mailing.resets.take().len(), 1, "{case}");
        assert_eq!(mailing.outbox().await, [], "{case}");
    }
}

#[tokio::test]
async fn only_newer_request_makes_obsolete() {
    // Where the newest request is known to be, in microseconds after that of the message.
    for (newest, obsolete) in [(Some(1), true), (Some(-1), false), (None, false)] {
        let mut mailing = Mailing::new().await;
        mailing.ask().await;
        let pending = mailing.outbox().await.remove(0);
        mailing.kit.store.lose_requests();
        if let Some(micros) = newest {
            let at = pending.requested_at.unwrap() + TimeDelta::microseconds(micros);
            let request = pending.message.request(at);
            mailing.kit.store.request_link(&request).await.unwrap();
        }
        mailing.deliver().await;
        assert!(mailing.resets.take().is_empty(), "{newest:?}");
        assert_eq!(mailing.worker.obsolete_messages(), u64::from(obsolete));
        if obsolete {
            assert_eq!(mailing.outbox().await, []);
            continue;
        }
        let letter = mailing.outbox().await.remove(0);
        let reason = letter.dead.unwrap().reason;
        assert!(reason.contains("the record of its request"), "{reason}");
        mailing
            .accounts
            .outbox()
            .unwrap()
            .requeue(letter.id)
            .await
            .unwrap();
        mailing.deliver().await;
        assert_eq!(mailing.resets.take().len(), 1, "{newest:?}");
    }
}

#[tokio::test]
async fn replaced_letter_is_not_sent_again() {
    let mut mailing = Mailing::new().await;
    let refuses = mailing.kit.signals.connect(|_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(Retry::Never, "no mailbox"))
    });
    mailing.ask().await;
    mailing.deliver().await;
    let id = mailing.outbox().await[0].id;
    drop(refuses);
    mailing.resets.take();
    mailing.kit.clock.advance(Duration::from_mins(1));
    mailing.ask().await;
    mailing.deliver().await;
    let newer = mailing.resets.take().remove(0);
    let retried = mailing.accounts.outbox().unwrap().requeue(id).await;
    let why = DeadLetterRefusal::Obsolete(Obsolete::NewerRequest);
    assert_eq!(refusal(retried), why);
    let parts: Vec<&str> = newer.url.as_str().split('/').collect();
    let link = mailing.accounts.open_reset_link(parts[3], parts[4]).await;
    assert!(link.is_ok(), "the newer link still works");
}

#[tokio::test]
async fn other_changes_end_no_message() {
    for case in ["log-in", "own email", "other reading"] {
        let mut mailing = Mailing::new().await;
        let current_user = mailing.kit.current_user("ann", HORSE).await;
        mailing.ask().await;
        let id = current_user.user().id;
        match case {
            "log-in" => drop(mailing.kit.current_user("ann", HORSE).await),
            "own email" => {
                let change = ExternalChange::SetOwnEmail(id, "other@example.org".into());
                mailing.kit.store.make(change).await;
            }
            _ => {
                // As a worker reads it whose setting `django_use_tz` is another.
                let time = current_user.user().last_login.unwrap() + TimeDelta::hours(5);
                let change = ExternalChange::SetLastLogin(id, Some(time));
                mailing.kit.store.make(change).await;
            }
        }
        mailing.deliver().await;
        let sent = mailing.resets.take();
        assert_eq!(sent.len(), 1, "{case}");
        let parts: Vec<&str> = sent[0].url.as_str().split('/').collect();
        let link = mailing.accounts.open_reset_link(parts[3], parts[4]).await;
        assert!(link.is_ok(), "the link works: {case}");
    }
}

/// Enqueues what Ann asked for once more, as another version would have bound it.
async fn rebind(mailing: &Mailing, bind: impl Fn(&Binding) -> Binding) {
    let mut message = mailing.outbox().await.remove(0).message;
    message.binding = bind(&message.binding);
    message.key.push('x');
    mailing.kit.store.enqueue_message(&message).await.unwrap();
}

#[tokio::test]
async fn message_of_the_first_version_is_sent() {
    let mut mailing = Mailing::new().await;
    mailing.ask().await;
    rebind(&mailing, |binding| {
        Binding::from_stored(binding.digest(), None)
    })
    .await;
    mailing.deliver().await;
    assert_eq!(mailing.resets.take().len(), 1);
    assert_eq!(mailing.outbox().await, []);
}

/// Lets a message be tried until its link has expired.
async fn until_dead(mailing: &Mailing) {
    for _ in 0..30 {
        mailing.deliver().await;
        mailing.kit.clock.advance(Duration::from_hours(1));
    }
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
        let mut mailing = Mailing::new().await;
        mailing.ask().await;
        rebind(&mailing, bind).await;
        assert_eq!(mailing.deliver().await, 1);
        // What a later version has enqueued is kept for a process of that version.
        let is_known = says == "cannot tell";
        let dead = mailing.outbox().await.remove(0).dead;
        assert_eq!(dead.is_some(), is_known, "{says}");
        until_dead(&mailing).await;
        assert!(mailing.resets.take().is_empty(), "{says}");
        let letter = mailing.outbox().await.remove(0);
        let reason = letter.dead.unwrap().reason;
        assert!(reason.contains(says), "{reason}");
        assert_eq!(mailing.worker.obsolete_messages(), 0);
        // The operator who sends it again has it bound to the state as it is.
        mailing
            .accounts
            .outbox()
            .unwrap()
            .requeue(letter.id)
            .await
            .unwrap();
        assert_eq!(mailing.deliver().await, 1);
        assert_eq!(mailing.resets.take().len(), 1, "{says}");
    }
}

#[tokio::test]
async fn retry_sends_or_says_why_not() {
    for case in CHANGES {
        let mut mailing = Mailing::new().await;
        mailing.ask().await;
        rebind(&mailing, |binding| {
            // A part that nobody knows beside those of today.
            let parts = binding.parts().map(|parts| format!("{parts} new=00"));
            Binding::from_stored(binding.digest(), parts)
        })
        .await;
        until_dead(&mailing).await;
        let id = mailing.outbox().await[0].id;
        change(&mailing, case).await;
        let why = match case {
            "password" => DeadLetterRefusal::Obsolete(Obsolete::PasswordChanged),
            "disabled" => DeadLetterRefusal::Disabled,
            "row" => DeadLetterRefusal::Gone,
            "user" => DeadLetterRefusal::NoSuchLetter,
            _ => {
                // Someone has corrected it.
                mailing
                    .accounts
                    .outbox()
                    .unwrap()
                    .requeue(id)
                    .await
                    .unwrap();
                mailing.deliver().await;
                assert_eq!(mailing.resets.take()[0].email, "x@example.org");
                continue;
            }
        };
        let retried = mailing.accounts.outbox().unwrap().requeue(id).await;
        assert_eq!(refusal(retried), why, "{case}");
        let kept = usize::from(case != "user");
        assert_eq!(mailing.outbox().await.len(), kept, "it stays a dead letter");
    }
    // A newer message was requested.
    let mailing = Mailing::new().await;
    mailing.ask().await;
    rebind(&mailing, |_| Binding::from_stored([], None)).await;
    mailing.deliver().await;
    let id = mailing.outbox().await[0].id;
    mailing.ask().await;
    let retried = mailing.accounts.outbox().unwrap().requeue(id).await;
    let newer = DeadLetterRefusal::Obsolete(Obsolete::NewerRequest);
    assert_eq!(refusal(retried), newer);
}

#[tokio::test]
async fn requeued_message_backs_off_anew() {
    let mailing = Mailing::new().await;
    let _fails = mailing
        .kit
        .signals
        .connect(|_: &ResetPasswordPhone| Err::<(), _>("no network"));
    let phone = mailing.accounts.request_password_reset(ANNS_PHONE);
    phone.await.unwrap();
    for _ in 0..600 {
        mailing.deliver().await;
        mailing.kit.clock.advance(Duration::from_secs(1));
    }
    let letter = mailing.outbox().await.remove(0);
    mailing
        .accounts
        .outbox()
        .unwrap()
        .requeue(letter.id)
        .await
        .unwrap();
    let mut tokens = mailing.kit.signals.capture::<TokenIssued>();
    assert_eq!(mailing.deliver().await, 1);
    let requeued = mailing.outbox().await.remove(0);
    assert!(
        requeued.attempts > letter.attempts,
        "attempts never go back"
    );
    assert_eq!(requeued.failures, 1);
    assert_eq!(tokens.take().len(), 1, "its link is a new one");
    mailing.kit.clock.advance(Duration::from_secs(2));
    assert_eq!(mailing.deliver().await, 1, "as after a first failure");
    assert!(tokens.take().is_empty());
}

#[tokio::test]
async fn refusal_is_a_dead_letter() {
    let mailing = Mailing::new().await;
    let link = "http://x.example/accounts/password_reset_confirm/MQ/abc-def/";
    let _refuses = mailing.kit.signals.connect(move |_: &ResetPasswordEmail| {
        Err::<(), _>(Undelivered::new(
            Retry::Never,
            format!("no mailbox for {link}"),
        ))
    });
    mailing.ask().await;
    mailing.deliver().await;
    let letter = mailing.outbox().await.remove(0);
    let reason = letter.dead.clone().unwrap().reason;
    assert!(reason.contains("no mailbox for …"), "{reason}");
    mailing.kit.clock.advance(Duration::from_hours(1));
    assert_eq!(mailing.deliver().await, 0);
}

#[tokio::test]
async fn only_dead_letters_are_requeued() {
    let mailing = Mailing::new().await;
    mailing.ask().await;
    let enqueued = mailing.outbox().await[0].id;
    for id in [enqueued, MessageId::new(99)] {
        let retried = mailing.accounts.outbox().unwrap().requeue(id).await;
        assert_eq!(refusal(retried), DeadLetterRefusal::NoSuchLetter);
    }
    let without = &mailing.kit.accounts;
    assert!(without.outbox().is_none());
}

#[tokio::test(start_paused = true)]
async fn worker_removes_old_letters() {
    let mailing = Mailing::new().await;
    let _refuses = mailing
        .kit
        .signals
        .connect(|_: &ResetPasswordEmail| Err::<(), _>(Undelivered::new(Retry::Never, "no room")));
    mailing.ask().await;
    assert_eq!(mailing.deliver().await, 1);
    let sweep = async || {
        let second = tokio::time::sleep(Duration::from_secs(1));
        mailing.worker.run(second).await;
        mailing.outbox().await.len()
    };
    let day = Duration::from_hours(24);
    for (days, left) in [(0, 1), (90, 1), (1, 1)] {
        mailing.kit.clock.advance(day * days);
        assert_eq!(
            sweep().await,
            left,
            "{days} days later, if the clock is right"
        );
    }
    // Someone has written something by then.
    mailing.kit.log_in("ann", HORSE).await;
    assert_eq!(sweep().await, 0);
}
