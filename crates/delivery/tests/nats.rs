//! Messages to a stream of a real NATS server.
#![cfg(feature = "nats")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};

use async_nats::jetstream::{self, stream};
use async_nats::{Client, ConnectOptions};
use phone_auth_delivery::nats::{Nats, NatsBuilder};
use phone_auth_delivery::{BuildErrorKind, Secret};
use phone_auth_events::{
    Envelope, RelativeUrl, ResetPasswordPhone, Retry, Sender, Signals, SiteOrigin, Undelivered,
    User, VerifyEmail,
};
use phone_auth_tests::{NatsAccounts, NatsServer};
use serde_json::json;

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

fn to(server: &NatsServer) -> NatsBuilder {
    Nats::builder(site(), format!("nats://127.0.0.1:{}", server.port()))
}

fn message() -> VerifyEmail {
    let user = User::new(1, "ann", "Ann", "Lee");
    let url = RelativeUrl::new("/accounts/5ec7e7/").unwrap();
    VerifyEmail::new(
        Sender::new("request_verification"),
        user,
        url,
        "ann@example.org".to_owned(),
    )
    .with_envelope(
        Envelope::new("0190-7f3c").expiring_at(UNIX_EPOCH + Duration::from_secs(1_795_529_401)),
    )
}

async fn refusal(nats: &Nats) -> Undelivered {
    let error = nats.send(&message()).await.unwrap_err();
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(
        !said.contains("5ec7e7") && !said.contains("hunter"),
        "{said}"
    );
    error
}

/// The stream that takes what is published, seen by another client.
async fn stream(server: &NatsServer, options: ConnectOptions) -> stream::Stream {
    let address = format!("127.0.0.1:{}", server.port());
    let client: Client = options.connect(address).await.unwrap();
    let stream = stream::Config {
        name: "messages".to_owned(),
        subjects: vec!["phone_auth.>".to_owned()],
        ..stream::Config::default()
    };
    jetstream::new(client).create_stream(stream).await.unwrap()
}

#[tokio::test]
async fn repeat_is_stored_once() {
    let server = NatsServer::start("", false).await;
    let mut stream = stream(&server, ConnectOptions::new()).await;
    let nats = to(&server).build().unwrap();
    for _ in 0..2 {
        nats.send(&message()).await.unwrap();
    }
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
    let other = message().with_envelope(Envelope::new("0190-7f3d"));
    nats.send(&other).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 2);

    let stored = stream.get_raw_message(1).await.unwrap();
    assert_eq!(stored.subject.as_str(), "phone_auth.verify_email");
    assert_eq!(
        stored.headers.get("Nats-Msg-Id").unwrap().as_str(),
        "0190-7f3c"
    );
    let body: serde_json::Value = serde_json::from_slice(&stored.payload).unwrap();
    assert_eq!(body.pointer("/type"), Some(&json!("verify_email")));
    let data = json!({
        "user": { "id": 1, "username": "ann", "first_name": "Ann", "last_name": "Lee" },
        "url": "https://example.org/accounts/5ec7e7/",
        "email": "ann@example.org",
        "channel": "email",
        "sender": "request_verification",
        "expires_at": "2026-11-24T14:10:01Z",
    });
    assert_eq!(body.pointer("/data"), Some(&data));
}

#[tokio::test]
async fn missing_stream_is_told() {
    let server = NatsServer::start("", false).await;
    let nats = to(&server).build().unwrap();
    let error = refusal(&nats).await;
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(error.to_string(), "no stream of NATS takes this subject");
    // The same state sends as soon as there is one.
    let mut stream = stream(&server, ConnectOptions::new()).await;
    nats.send(&message()).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn log_in_by_password_over_tls() {
    let server = NatsServer::start("user: ann, password: hunter2", true).await;
    let root = || std::fs::read(server.certificates().root()).unwrap();
    let over_tls = || Nats::builder(site(), format!("tls://localhost:{}", server.port()));
    let trusting = || {
        over_tls()
            .root_certificate(root())
            .timeout(Duration::from_secs(5))
    };

    let right = trusting()
        .log_in("ann", Secret::new("hunter2"))
        .build()
        .unwrap();
    let error = refusal(&right).await;
    assert_eq!(error.to_string(), "no stream of NATS takes this subject");
    let refused = "NATS refused the login";
    for (wrong, said) in [
        (trusting().log_in("ann", Secret::new("hunter3")), refused),
        (trusting(), refused),
        (
            over_tls().log_in("ann", Secret::new("hunter2")),
            "NATS cannot be reached",
        ),
    ] {
        let error = refusal(&wrong.build().unwrap()).await;
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(error.to_string(), said);
    }
}

#[tokio::test]
async fn log_in_by_credentials() {
    let accounts = NatsAccounts::new();
    let server = NatsServer::start_for(&accounts).await;
    let options = ConnectOptions::with_credentials(&accounts.credentials()).unwrap();
    let mut stream = stream(&server, options).await;
    let with = |credentials: String| to(&server).credentials(Secret::new(credentials)).build();
    let right = with(accounts.credentials()).unwrap();
    right.send(&message()).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);

    // Another user's, and the right token with another user's key.
    let (ours, others) = (accounts.credentials(), NatsAccounts::new().credentials());
    let (token, _) = ours.split_once("-----BEGIN USER").unwrap();
    let (_, key) = others.split_once("-----BEGIN USER").unwrap();
    let mixed = format!("{token}-----BEGIN USER{key}");
    for wrong in [others.clone(), mixed] {
        let error = refusal(&with(wrong).unwrap()).await;
        assert_eq!(error.retry(), Retry::Later);
        assert_eq!(error.to_string(), "NATS refused the login");
    }
    let error = refusal(&to(&server).build().unwrap()).await;
    assert_eq!(error.to_string(), "NATS refused the login");
}

#[tokio::test]
async fn log_in_by_token() {
    let server = NatsServer::start("token: hunter2", false).await;
    let options = ConnectOptions::with_token("hunter2".to_owned());
    let mut stream = stream(&server, options).await;
    let nats = to(&server).token(Secret::new("hunter2")).build().unwrap();
    nats.send(&message()).await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn closed_port_is_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    let silent = Nats::builder(site(), &url).timeout(Duration::from_millis(500));
    let error = refusal(&silent.build().unwrap()).await;
    assert_eq!(error.retry(), Retry::Later);
    drop(listener);
    let error = refusal(&Nats::builder(site(), &url).build().unwrap()).await;
    assert_eq!(error.retry(), Retry::Later);
    assert_eq!(error.to_string(), "NATS cannot be reached");
}

#[tokio::test]
async fn chosen_signals_are_published() {
    let server = NatsServer::start("", false).await;
    let mut stream = stream(&server, ConnectOptions::new()).await;
    let nats = to(&server).only(["reset_password_phone"]).build().unwrap();
    let dispatcher = Signals::builder().provide(nats).build().unwrap();
    let left = dispatcher.send(&message()).await.unwrap_err();
    assert_eq!(Undelivered::retry_after(&left), Retry::NotMine);
    let url = RelativeUrl::new("/x/").unwrap();
    let user = User::new(2, "bob", "", "");
    let reset = ResetPasswordPhone::new("test".into(), user, url, "+41446681800".to_owned());
    dispatcher.send(&reset).await.unwrap();
    let state = stream.info().await.unwrap().state.clone();
    assert_eq!(state.messages, 1);
    let stored = stream.get_raw_message(state.last_sequence).await.unwrap();
    assert_eq!(stored.subject.as_str(), "phone_auth.reset_password_phone");
}

#[test]
fn unfit_settings_are_refused() {
    let builder = |url: &str| Nats::builder(site(), url);
    let good = "tls://nats.example.org";
    for (builder, kind) in [
        (builder("://"), BuildErrorKind::Url),
        (builder("http://nats.example.org"), BuildErrorKind::Url),
        (
            builder("tls://ann:hunter2@nats.example.org"),
            BuildErrorKind::LogInUrl,
        ),
        (
            builder("nats://nats.example.org"),
            BuildErrorKind::Plaintext,
        ),
        (builder("nats.example.org"), BuildErrorKind::Plaintext),
        (
            builder(good).credentials(Secret::new("none")),
            BuildErrorKind::Secret,
        ),
        (builder(good).subject("a.*"), BuildErrorKind::Subject),
        (builder(good).subject("a..b"), BuildErrorKind::Subject),
        (builder(good).only(["verify_fax"]), BuildErrorKind::Signal),
        (
            builder(good).root_certificate(*b"none"),
            BuildErrorKind::Certificate,
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(*error.kind(), kind);
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
