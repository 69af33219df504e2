//! What an outbox needs of the signals: to send again to some, to put a message in an envelope, to be told when to retry.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_events::{
    ConnectOptions, Destination, Envelope, Message, Outcome, RelativeUrl, Report,
    ResetPasswordEmail, ResetPasswordPhone, Retry, Sender, Signals, Undelivered, User, VerifyEmail,
    VerifyPhone, receiver, signal,
};
use serde_json::{Value, json};
use std::{
    error::Error,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

signal! {
    /// A parcel is to be delivered.
    parcel: Parcel;
}

struct Parcel {
    is_heavy: bool,
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn taken(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

#[receiver(parcel, id = "cart", priority = 1, when = |parcel| parcel.is_heavy)]
fn cart(_parcel: &Parcel) {}

#[receiver(parcel, id = "bicycle")]
async fn bicycle(parcel: &Parcel) -> Result<(), Undelivered> {
    tokio::task::yield_now().await;
    if parcel.is_heavy {
        let limit = Duration::from_mins(2);
        return Err(Undelivered::new(Retry::After(limit), "too heavy for now"));
    }
    Ok(())
}

fn outcomes(report: &Report) -> Vec<(&str, &'static str)> {
    let each = report.receivers();
    each.map(|one| (one.receiver().id(), one.outcome().name()))
        .collect()
}

#[tokio::test]
async fn unwanted_receivers_are_skipped() {
    let (signals, log) = (Signals::linked().unwrap(), Log::default());
    let noting = Arc::clone(&log);
    let named = |id: &str, priority| ConnectOptions::new().id(id).priority(priority);
    let _courier = signals.connect_with::<Parcel>(named("courier", -1), move |_| {
        noting.lock().unwrap().push("courier");
    });
    let _broken = signals.connect_with::<Parcel>(named("broken", -2), |_| Err("out of order"));

    let heavy = Parcel { is_heavy: true };
    let report = signals.send_robust(&heavy).await;
    assert_eq!(taken(&log), ["courier"]);
    let failed: Vec<_> = report
        .failures()
        .map(|failure| failure.receiver().id().to_owned())
        .collect();
    assert_eq!(failed, ["bicycle", "broken"]);

    let again = signals
        .send_robust_to(&heavy, |receiver| {
            failed.iter().any(|id| id == receiver.id())
        })
        .await;
    let expected = [
        ("cart", "skipped"),
        ("bicycle", "error"),
        ("courier", "skipped"),
        ("broken", "error"),
    ];
    assert_eq!(outcomes(&again), expected);
    assert_eq!(taken(&log), [""; 0]);
}

#[tokio::test]
async fn wanted_receiver_keeps_its_filter() {
    let signals = Signals::linked().unwrap();
    let light = Parcel { is_heavy: false };
    let report = signals.send_robust_to(&light, |_| true).await;
    assert_eq!(
        outcomes(&report),
        [("cart", "skipped"), ("bicycle", "done")]
    );
    assert!(report.is_ok());
}

#[tokio::test]
async fn nobody_wanted_is_no_failure() {
    let report = Signals::linked()
        .unwrap()
        .send_robust_to(&Parcel { is_heavy: true }, |_| false)
        .await;
    assert_eq!((report.len(), report.failures().count()), (2, 0));
    report.into_result().unwrap();
    let unheard = Signals::isolated();
    let report = unheard.send_robust_to(&Parcel { is_heavy: true }, |_| true);
    assert!(report.await.is_empty());
}

/// Each of the four messages in this envelope.
fn messages(envelope: &Envelope) -> [(Box<dyn Message>, Value); 4] {
    let sender = Sender::new("test");
    let user = || User::new(1, "anna", "", "");
    let url = || RelativeUrl::new("/accounts/x/").unwrap();
    let (email, phone) = ("a@example.org".to_owned(), "+15550100".to_owned());
    macro_rules! message {
        ($event:ident, $address:ident) => {{
            let event = $event::new(sender, user(), url(), $address.clone());
            let event = event.with_envelope(envelope.clone());
            let json = serde_json::to_value(&event).unwrap();
            (Box::new(event) as Box<dyn Message>, json)
        }};
    }
    [
        message!(ResetPasswordEmail, email),
        message!(ResetPasswordPhone, phone),
        message!(VerifyEmail, email),
        message!(VerifyPhone, phone),
    ]
}

#[test]
fn envelope_is_flat_in_json() {
    let envelope = Envelope::new("0190-7f3c")
        .in_language("de-AT")
        .enqueued_at(UNIX_EPOCH + Duration::from_millis(1_800_000_000_900))
        .expiring_at(UNIX_EPOCH + Duration::from_secs(1_800_000_601))
        .working_for(Duration::from_millis(600_900));
    for (message, mut json) in messages(&envelope) {
        assert_eq!(message.envelope(), &envelope);
        let json = json.as_object_mut().unwrap();
        assert_eq!(json.remove("idempotency_key"), Some(json!("0190-7f3c")));
        assert_eq!(json.remove("language"), Some(json!("de-AT")));
        assert_eq!(json.remove("enqueued_at"), Some(json!(1_800_000_000)));
        assert_eq!(json.remove("expires_at"), Some(json!(1_800_000_601)));
        assert_eq!(json.remove("lifetime"), Some(json!(600)));
        assert_eq!(json.len(), 4, "{json:?}");
    }
}

#[test]
fn empty_envelope_is_absent() {
    for (message, json) in messages(&Envelope::default()) {
        assert_eq!(message.envelope(), &Envelope::default());
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let address = match message.destination() {
            Destination::Email(_) => "email",
            Destination::Phone(_) => "phone",
        };
        assert_eq!(keys, [address, "sender", "url", "user"]);
    }
}

#[tokio::test]
async fn receiver_says_when_to_retry() {
    let signals = Signals::linked().unwrap();
    let report = signals.send_robust(&Parcel { is_heavy: true }).await;
    let failure = report.failures().next().unwrap();
    let Outcome::Failed(error) = failure.outcome() else {
        unreachable!("{failure:?}")
    };
    let expected = Retry::After(Duration::from_mins(2));
    assert_eq!(Undelivered::retry_after(&**error), expected);
    assert_eq!(error.to_string(), "too heavy for now");
}

#[test]
fn other_errors_are_retried_later() {
    let other = std::io::Error::other("the disk is full");
    assert_eq!(Undelivered::retry_after(&other), Retry::Later);
    let refused = Undelivered::with_source(Retry::Never, "no such mailbox", other);
    assert_eq!(refused.retry(), Retry::Never);
    assert_eq!(refused.to_string(), "no such mailbox");
    let retry = refused.source().unwrap();
    assert_eq!(retry.to_string(), "it is not tried again");
    assert_eq!(retry.source().unwrap().to_string(), "the disk is full");
    // Wrapped in another error it counts all the same.
    let wrapped = std::io::Error::other(refused);
    assert_eq!(Undelivered::retry_after(&wrapped), Retry::Never);
}
