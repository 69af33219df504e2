//! Channels: messages go by the one that was asked for, and receivers pass on what is not theirs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::common::mailing::{messages, options};
use crate::common::{ANNS_PHONE, HORSE, Kit};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::Purpose;
use phone_auth_events::{
    Channel, LoginEmail, LoginPhone, ResetPasswordEmail, ResetPasswordPhone, Retry, Signals,
    Undelivered, VerifyPhone,
};

/// Nobody has it.
const NOBODYS_PHONE: &str = "+12125550147";

fn with_voice() -> Kit {
    Kit::with_settings(|settings| settings.phone_channels = vec![Channel::Sms, Channel::Voice])
}

#[tokio::test]
async fn message_goes_by_the_channel_that_was_asked_for() {
    let kit = with_voice();
    kit.sign_up_ann().await;
    let user = kit.current_user("ann", HORSE).await;
    let phone = kit.address(&user, AddressKind::Phone).await;
    let mut resets = kit.signals.capture::<ResetPasswordPhone>();
    let mut verifications = kit.signals.capture::<VerifyPhone>();
    for (asked, gone) in [
        (None, Channel::Sms),
        (Some(Channel::Sms), Channel::Sms),
        (Some(Channel::Voice), Channel::Voice),
        // This site does not offer it.
        (Some(Channel::Whatsapp), Channel::Sms),
    ] {
        let enqueueing = kit.with_outbox(&kit.signals).with_channel(asked);
        enqueueing.begin_reset(ANNS_PHONE, None).await.unwrap();
        let worker = enqueueing.outbox().unwrap().worker(options());
        worker.deliver_due().await.unwrap();
        assert_eq!(resets.take()[0].channel(), gone, "{asked:?}, by the worker");
        let accounts = kit.accounts.with_channel(asked);
        accounts.begin_reset(ANNS_PHONE, None).await.unwrap();
        assert_eq!(resets.take()[0].envelope.channel, Some(gone), "{asked:?}");
        accounts
            .begin_verification(&user, AddressKind::Phone, phone.id)
            .await
            .unwrap();
        assert_eq!(verifications.take()[0].channel(), gone, "{asked:?}");
    }
}

/// What a receiver answers.
type Answer = fn() -> Result<(), Undelivered>;

/// What each of two receivers answers, and what becomes of the message: how many stay pending, and why it was given up.
#[tokio::test]
async fn receivers_pass_on_what_is_not_theirs() {
    let not_mine = || Err(Undelivered::not_mine());
    let busy = || Err(Undelivered::new(Retry::Later, "busy"));
    let cases: [(Answer, Answer, Option<&str>, [usize; 2]); 4] = [
        (not_mine, || Ok(()), None, [1, 1]),
        (|| Ok(()), not_mine, None, [1, 1]),
        (
            not_mine,
            not_mine,
            Some("no receiver sends by its channel"),
            [1, 1],
        ),
        // The one that it is for is tried again, and the other is not.
        (not_mine, busy, Some("busy"), [1, 2]),
    ];
    for (first, second, dead, calls) in cases {
        let kit = Kit::with_ann().await;
        let signals = Signals::isolated();
        let accounts = kit.with_outbox(&signals);
        let worker = accounts.outbox().unwrap().worker(options());
        let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
        let [counted, also_counted] = counts.clone();
        let _first = signals.connect(move |_: &ResetPasswordPhone| {
            counted.fetch_add(1, Ordering::SeqCst);
            first()
        });
        let _second = signals.connect(move |_: &ResetPasswordPhone| {
            also_counted.fetch_add(1, Ordering::SeqCst);
            second()
        });
        accounts.request_password_reset(ANNS_PHONE).await.unwrap();
        worker.deliver_due().await.unwrap();
        kit.clock.advance(Duration::from_secs(2));
        worker.deliver_due().await.unwrap();
        kit.clock.advance(Duration::from_mins(10));
        worker.deliver_due().await.unwrap();
        let called = counts.map(|count| count.load(Ordering::SeqCst));
        assert_eq!(called, calls, "{dead:?}");
        let letter = messages(&accounts).await.pop();
        let reason = letter.map(|letter| letter.dead.unwrap().reason);
        match dead {
            Some(why) => assert!(reason.unwrap().contains(why), "{why}"),
            None => assert_eq!(reason, None),
        }
    }
}

/// Where nobody took a message, all are asked again when it is requeued: the settings may be others by then.
#[tokio::test]
async fn requeued_message_is_passed_on_again() {
    let kit = Kit::with_ann().await;
    let signals = Signals::isolated();
    let _deaf = signals.connect(|_: &ResetPasswordPhone| Err::<(), _>(Undelivered::not_mine()));
    let accounts = kit.with_outbox(&signals);
    let outbox = accounts.outbox().unwrap();
    accounts.request_password_reset(ANNS_PHONE).await.unwrap();
    outbox.worker(options()).deliver_due().await.unwrap();
    let letter = messages(&accounts).await.remove(0);
    assert!(letter.receipts.iter().all(|it| it.is_passed_on));
    outbox.requeue(letter.id).await.unwrap();
    let requeued = messages(&accounts).await.remove(0);
    assert_eq!(requeued.receipts.iter().count(), 0);
}

/// Who asked by a phone number can have the message sent by email. It goes to a verified address alone, and the answer tells
/// neither whether there is one nor whether anyone has the number.
#[tokio::test]
async fn reset_by_email_goes_to_the_verified_address() {
    let mut walks = Vec::new();
    for (name, is_verified, is_sent) in [
        (ANNS_PHONE, true, true),
        (ANNS_PHONE, false, false),
        (NOBODYS_PHONE, true, false),
    ] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        if is_verified {
            verify_anns_email(&kit).await;
        }
        let mut mails = kit.signals.capture::<ResetPasswordEmail>();
        let mut texts = kit.signals.capture::<ResetPasswordPhone>();
        let accounts = kit.with_outbox(&Signals::isolated());
        let by_email = accounts.with_channel(Some(Channel::Email));
        let key = accounts.begin_reset(name, None).await.unwrap();
        // At once: another address is another message.
        let mail = by_email.begin_reset(name, Some(&key)).await.unwrap();
        let again = by_email.begin_reset(name, Some(&mail)).await.unwrap();
        let pending = pending(&accounts, &mail).await;
        walks.push((
            mail.reveal() == key.reveal(),
            again.reveal() == mail.reveal(),
            pending,
        ));
        let kinds: Vec<_> = messages(&accounts)
            .await
            .iter()
            .map(|it| it.message.kind)
            .collect();
        let texted = usize::from(name == ANNS_PHONE);
        let expected = [AddressKind::Phone, AddressKind::Email];
        assert_eq!(kinds, expected[1 - texted..=usize::from(is_sent)], "{name}");
        assert_eq!((mails.take().len(), texts.take().len()), (0, 0));

        kit.accounts
            .with_channel(Some(Channel::Email))
            .request_password_reset(name)
            .await
            .unwrap();
        assert_eq!(mails.take().len(), usize::from(is_sent), "{name}");
        assert_eq!(texts.take().len(), 0, "{name}");
    }
    assert_eq!(walks[0], (false, true, Some(5)));
    assert!(walks.iter().all(|walk| *walk == walks[0]), "{walks:?}");
}

async fn verify_anns_email(kit: &Kit) {
    let user = kit.current_user("ann", HORSE).await;
    let email = kit.address(&user, AddressKind::Email).await;
    let (id, token) = kit.verification_link(&user, &email).await;
    let client = phone_auth_core::client::Client::new().signed_in(&user);
    let in_session = kit.accounts.for_client(client);
    let _ = in_session.verify_address(&id, &token).await.unwrap();
}

/// How many attempts are left of a reset.
async fn pending(
    accounts: &Accounts,
    key: &phone_auth_core::challenge::ChallengeKey,
) -> Option<u32> {
    let pending = accounts.pending_code(key, Purpose::ResetPassword).await;
    pending.unwrap().map(|pending| pending.attempts_left)
}

/// A code to sign in that is asked for by a phone number goes by email to who has a verified address, and the answer is the
/// same for everybody.
#[tokio::test]
async fn log_in_by_email_goes_to_the_verified_address() {
    let mut walks = Vec::new();
    for (name, is_verified, is_sent) in [
        (ANNS_PHONE, true, true),
        (ANNS_PHONE, false, false),
        (NOBODYS_PHONE, true, false),
    ] {
        let kit = Kit::with_settings(|settings| settings.login_by_code = true);
        kit.sign_up_ann().await;
        if is_verified {
            verify_anns_email(&kit).await;
        }
        let mut mails = kit.signals.capture::<LoginEmail>();
        let mut texts = kit.signals.capture::<LoginPhone>();
        let by_email = kit.accounts.with_channel(Some(Channel::Email));
        let key = by_email.begin_log_in(name, None).await.unwrap();
        let sent = mails.take();
        assert_eq!(sent.len(), usize::from(is_sent), "{name}");
        assert_eq!(texts.take().len(), 0, "{name}");
        walks.push(kit.accounts.channels(Purpose::LogIn, name));
        let code = sent.first().and_then(|it| it.envelope.code.clone());
        let code = code.as_ref().map_or("123456", |code| code.as_str());
        let logged_in = kit.accounts.log_in_by_code(&key, code, None).await;
        assert_eq!(logged_in.is_ok(), is_sent, "{name}");
    }
    assert_eq!(walks[0], [Channel::Sms, Channel::Email]);
    assert!(walks.iter().all(|walk| *walk == walks[0]), "{walks:?}");
}
