//! Signed requests to a service, checked as the service would.
#![cfg(feature = "webhook")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use phone_auth_delivery::webhook::{Webhook, WebhookBuilder};
use phone_auth_delivery::{BuildErrorKind, Secret};
use phone_auth_events::{
    Envelope, LoginEmail, RelativeUrl, ResetPasswordPhone, Retry, Sender, Signals, SiteOrigin,
    Undelivered, User, VerifyEmail,
};
use phone_auth_tests::{Gateway, Received, Reply};
use serde_json::json;
use sha2::Sha256;

const OLD: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NEW: &str = "bmV3IHNlY3JldCB0aGF0IGlzIGxvbmcgZW5vdWdo";

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

fn secret(base64: &str) -> Secret {
    Secret::new(format!("whsec_{base64}"))
}

fn to(gateway: &Gateway) -> WebhookBuilder {
    Webhook::builder(
        site(),
        format!("{}/hook?key=hunter2", gateway.origin()),
        secret(OLD),
    )
}

fn message() -> VerifyEmail {
    let user = User::new(1, "ann", "Ann", "Lee");
    let url = RelativeUrl::new("/accounts/5ec7e7/").unwrap();
    let enqueued = UNIX_EPOCH + Duration::from_secs(1_795_528_801);
    let envelope = Envelope::new("0190-7f3c")
        .in_language("de")
        .enqueued_at(enqueued)
        .expiring_at(enqueued + Duration::from_mins(10))
        .working_for(Duration::from_mins(9));
    VerifyEmail::new(
        Sender::new("request_verification"),
        user,
        url,
        "ann@example.org".to_owned(),
    )
    .with_envelope(envelope)
}

/// The signature by a secret, as the specification has it, made by other code than ours.
fn signature(base64: &str, request: &Received) -> String {
    let key = Base64::decode_vec(base64).unwrap();
    let (id, at) = (
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{at}.{}", request.body).as_bytes());
    format!("v1,{}", Base64::encode_string(&mac.finalize().into_bytes()))
}

#[tokio::test]
async fn request_is_signed() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).also_signed_with(secret(NEW)).build().unwrap();
    let before = chrono::Utc::now().timestamp();
    webhook.send(&message()).await.unwrap();
    let request = gateway.last();
    assert_eq!(request.method, "POST");
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.header("webhook-id"), "0190-7f3c");
    let at: i64 = request.header("webhook-timestamp").parse().unwrap();
    assert!((before..before + 60).contains(&at));
    let signatures = [signature(OLD, &request), signature(NEW, &request)].join(" ");
    assert_eq!(request.header("webhook-signature"), signatures);

    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    let expected = json!({
        "type": "verify_email",
        "timestamp": "2026-11-24T14:00:01Z",
        "data": {
            "user": { "id": 1, "username": "ann", "first_name": "Ann", "last_name": "Lee" },
            "url": "https://example.org/accounts/5ec7e7/",
            "email": "ann@example.org",
            "channel": "email",
            "sender": "request_verification",
            "language": "de",
            "expires_at": "2026-11-24T14:10:01Z",
        },
    });
    assert_eq!(body, expected);
}

/// The same signal as a message that signs in, and nothing but this field tells a service what to say.
#[tokio::test]
async fn code_that_confirms_says_so() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).build().unwrap();
    for confirms in [false, true] {
        let user = User::new(1, "ann", "Ann", "Lee");
        let url = RelativeUrl::new("/accounts/confirm_identity/").unwrap();
        let envelope = Envelope::new("0190-7f3c");
        let envelope = if confirms {
            envelope.confirming()
        } else {
            envelope
        };
        let email = "ann@example.org".to_owned();
        let message = LoginEmail::new(Sender::new("test"), user, url, email);
        webhook
            .send(&message.with_envelope(envelope))
            .await
            .unwrap();
        let body: serde_json::Value = serde_json::from_str(&gateway.last().body).unwrap();
        assert_eq!(body.pointer("/type"), Some(&json!("login_email")));
        let told = body.pointer("/data/confirms");
        assert_eq!(told, confirms.then_some(&json!(true)));
    }
}

/// The header has the time of the attempt; the body has that of the message.
#[tokio::test]
async fn repeat_has_same_body() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).build().unwrap();
    let mut message = message();
    webhook.send(&message).await.unwrap();
    message.envelope.lifetime = Some(Duration::from_mins(2));
    webhook.send(&message).await.unwrap();
    let received = gateway.received();
    assert_eq!(received.len(), 2);
    let (first, repeat) = (received.first().unwrap(), received.last().unwrap());
    assert_eq!(first.body, repeat.body);
    assert_eq!(first.header("webhook-id"), repeat.header("webhook-id"));
}

#[tokio::test]
async fn times_are_reckoned_without_any() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).build().unwrap();
    let before = chrono::Utc::now().timestamp();
    let envelope = Envelope::default().working_for(Duration::from_mins(10));
    let message = message().with_envelope(envelope);
    webhook.send(&message).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&gateway.last().body).unwrap();
    let time = |pointer: &str| {
        let text = body.pointer(pointer).unwrap().as_str().unwrap();
        chrono::DateTime::parse_from_rfc3339(text)
            .unwrap()
            .timestamp()
    };
    let enqueued = time("/timestamp");
    assert!((before..before + 60).contains(&enqueued));
    assert_eq!(time("/data/expires_at"), enqueued + 600);
}

#[tokio::test]
async fn id_is_made_up_without_key() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).build().unwrap();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let message = message().with_envelope(Envelope::default());
        webhook.send(&message).await.unwrap();
        ids.push(gateway.last().header("webhook-id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| id.starts_with("msg_")), "{ids:?}");
}

#[tokio::test]
async fn answers_are_told_apart() {
    let gateway = Gateway::start().await;
    let patient = to(&gateway).build().unwrap();
    let impatient = to(&gateway).timeout(Duration::from_secs(1));
    let impatient = impatient.build().unwrap();
    for (reply, retry) in [
        (Reply::status(204, "", ""), None),
        (
            Reply::status(410, "Retry-After: 3\r\n", ""),
            Some(Retry::Never),
        ),
        (
            Reply::status(429, "Retry-After: 7\r\n", ""),
            Some(Retry::After(Duration::from_secs(7))),
        ),
        (
            Reply::status(503, "Retry-After: 9\r\n", ""),
            Some(Retry::After(Duration::from_secs(9))),
        ),
        (Reply::status(400, "", "5ec7e7"), Some(Retry::Later)),
        (
            Reply::status(302, "Location: /x\r\n", ""),
            Some(Retry::Later),
        ),
        (Reply::status(500, "", ""), Some(Retry::Later)),
        (Reply::Hang, Some(Retry::Later)),
    ] {
        // What is answered is, however busy the machine.
        let webhook = match reply {
            Reply::Hang => &impatient,
            _ => &patient,
        };
        gateway.reply([reply]);
        let error = webhook.send(&message()).await.err();
        assert_eq!(error.as_ref().map(Undelivered::retry), retry);
        let said = format!("{error:?}");
        assert!(
            !said.contains("5ec7e7") && !said.contains("hunter2"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn chosen_signals_are_posted() {
    let gateway = Gateway::start().await;
    let webhook = to(&gateway).only(["reset_password_phone"]).build().unwrap();
    assert!(webhook.takes("reset_password_phone") && !webhook.takes("verify_email"));
    let dispatcher = Signals::builder().provide(webhook).build().unwrap();
    // What it does not take is not done: another receiver is to.
    let left = dispatcher.send(&message()).await.unwrap_err();
    assert_eq!(Undelivered::retry_after(&left), Retry::NotMine);
    assert_eq!(gateway.received().len(), 0);
    let url = RelativeUrl::new("/x/").unwrap();
    let user = User::new(2, "bob", "", "");
    let reset = ResetPasswordPhone::new("test".into(), user, url, "+41446681800".to_owned());
    dispatcher.send(&reset).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&gateway.last().body).unwrap();
    assert_eq!(body.pointer("/data/phone"), Some(&json!("+41446681800")));
    assert_eq!(body.pointer("/data/email"), None);
}

#[test]
fn unfit_settings_are_refused() {
    let builder = |url: &str| Webhook::builder(site(), url, secret(OLD));
    let good = "https://sender.example/";
    for (builder, kind) in [
        (builder("sender.example"), BuildErrorKind::Url),
        (builder("http://sender.example/"), BuildErrorKind::Plaintext),
        (
            builder(good).also_signed_with(Secret::new("short")),
            BuildErrorKind::OtherSecret,
        ),
        (
            Webhook::builder(site(), good, Secret::new("short")),
            BuildErrorKind::Secret,
        ),
        (
            builder("https://ann:hunter2@sender.example/"),
            BuildErrorKind::LogInUrl,
        ),
        (
            builder("https://:hunter2@x.example/"),
            BuildErrorKind::LogInUrl,
        ),
        (builder(good).only(["verify_fax"]), BuildErrorKind::Signal),
        (
            builder(good).only(Vec::<String>::new()),
            BuildErrorKind::Signal,
        ),
        (
            builder(good).root_certificate(*b"none"),
            BuildErrorKind::Certificate,
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(*error.kind(), kind);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for url in ["http://127.0.0.1/", "http://[::1]:1/", "http://localhost/"] {
        assert!(builder(url).build().is_ok(), "{url}");
    }
}
