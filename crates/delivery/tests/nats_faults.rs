//! Messages to servers of NATS that name others, keep silent, or are gone.
#![cfg(feature = "nats")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use async_nats::jetstream::{self, stream};
use phone_auth_delivery::nats::Nats;
use phone_auth_delivery::{BuildErrorKind, Secret};
use phone_auth_events::{RelativeUrl, Retry, Sender, SiteOrigin, User, VerifyEmail};
use phone_auth_tests::{NatsServer, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn site() -> SiteOrigin {
    SiteOrigin::parse("https://example.org").unwrap()
}

fn message() -> VerifyEmail {
    let user = User::new(1, "ann", "", "");
    let url = RelativeUrl::new("/accounts/5ec7e7/").unwrap();
    VerifyEmail::new(Sender::new("test"), user, url, "ann@example.org".to_owned())
}

/// A listener on 127.0.0.1, and its URL.
async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("nats://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// Lets a client in and tells it of another server.
async fn let_in(stream: &mut TcpStream, other: &str) {
    let info = format!(
        "INFO {{\"server_id\":\"x\",\"server_name\":\"x\",\"version\":\"2.10.0\",\"go\":\"go1\",\
         \"host\":\"127.0.0.1\",\"port\":4222,\"headers\":true,\"max_payload\":1048576,\"proto\":1,\
         \"connect_urls\":[\"{other}\"]}}\r\n"
    );
    stream.write_all(info.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"PING\r\n") {
        if stream.read_buf(&mut said).await.unwrap_or(0) == 0 {
            return;
        }
    }
    drop(stream.write_all(b"PONG\r\n").await);
}

/// A server that drops each connection makes its client choose again where to connect to.
#[tokio::test]
async fn named_servers_are_not_connected_to() {
    let (named, url) = listen().await;
    let (stranger, other) = listen().await;
    let (count, mut counted) = watch::channel(0);
    tokio::spawn(async move {
        let other = other.trim_start_matches("nats://");
        while let Ok((mut stream, _)) = named.accept().await {
            let_in(&mut stream, other).await;
            count.send_modify(|count| *count += 1);
        }
    });
    let (reached, strangers) = watch::channel(0);
    tokio::spawn(async move {
        while stranger.accept().await.is_ok() {
            reached.send_modify(|reached| *reached += 1);
        }
    });
    let nats = Nats::builder(site(), url)
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    let error = nats.send(&message()).await.unwrap_err();
    assert_eq!(error.retry(), Retry::Later);
    let often = counted.wait_for(|count| *count >= 12);
    let often = tokio::time::timeout(PATIENCE, often).await;
    drop(often.unwrap().unwrap());
    assert_eq!(*strangers.borrow(), 0);
}

#[tokio::test]
async fn silent_server_is_passed_over() {
    let server = NatsServer::start("", false).await;
    let running = format!("nats://127.0.0.1:{}", server.port());
    let client = async_nats::connect(&running).await.unwrap();
    let stream = stream::Config {
        name: "messages".to_owned(),
        subjects: vec!["phone_auth.>".to_owned()],
        ..stream::Config::default()
    };
    let context = jetstream::new(client);
    let mut stream = context.create_stream(stream).await.unwrap();
    // It takes connections and says nothing.
    let (_silent, silent) = listen().await;
    // Which comes first is left to chance.
    for _ in 0..4 {
        let nats = Nats::builder(site(), format!("{silent}, {running}"))
            .timeout(Duration::from_secs(8))
            .build()
            .unwrap();
        nats.send(&message()).await.unwrap();
    }
    assert_eq!(stream.info().await.unwrap().state.messages, 4);
}

/// What an account may not do is told at once, not as a time-out; and what it may, is done.
#[tokio::test]
async fn missing_permission_is_named() {
    const NOT_PUBLISH: &str = "NATS does not permit us to publish to this subject";
    const NOT_ANSWERS: &str =
        "NATS does not permit us to receive its answers (subscribe to _INBOX.>)";
    let rights = |publish: &str, subscribe: &str| {
        format!(
            "users: [{{ user: ann, password: hunter2, permissions: \
             {{ publish: [{publish}], subscribe: [{subscribe}] }} }}]"
        )
    };
    let no_stream = "no stream of NATS takes this subject";
    for (publish, subscribe, said) in [
        (r#""other.>""#, r#""_INBOX.>""#, NOT_PUBLISH),
        (r#""phone_auth.verify_phone""#, r#""_INBOX.>""#, NOT_PUBLISH),
        (r#""phone_auth.>""#, r#""other.>""#, NOT_ANSWERS),
        (r#""phone_auth.>""#, r#""_INBOX.>""#, no_stream),
    ] {
        let server = NatsServer::start(&rights(publish, subscribe), false).await;
        let url = format!("nats://127.0.0.1:{}", server.port());
        let nats = Nats::builder(site(), url)
            .log_in("ann", Secret::new("hunter2"))
            .timeout(Duration::from_mins(5))
            .build()
            .unwrap();
        // Each attempt is told so, not the first alone.
        for _ in 0..2 {
            let sent = tokio::time::timeout(PATIENCE, nats.send(&message())).await;
            let error = sent.unwrap().unwrap_err();
            assert_eq!(error.retry(), Retry::Later);
            assert_eq!(error.to_string(), said, "{publish} {subscribe}");
        }
    }
}

#[test]
fn each_server_must_be_safe() {
    let build = |url: &str| Nats::builder(site(), url).build();
    assert!(build("tls://a.example,tls://b.example:4223, nats://127.0.0.1").is_ok());
    for (url, kind) in [
        (
            "tls://a.example,nats://b.example",
            BuildErrorKind::Plaintext,
        ),
        ("tls://a.example,", BuildErrorKind::Url),
        ("tls://a.example,ws://b.example", BuildErrorKind::Url),
        (
            "tls://a.example,tls://c:hunter2@b.example",
            BuildErrorKind::LogInUrl,
        ),
    ] {
        let error = build(url).unwrap_err();
        assert_eq!(*error.kind(), kind, "{url}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}
