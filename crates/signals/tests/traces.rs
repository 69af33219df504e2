//! What a trace holds: signal, receiver and outcome, and never what the event carries.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use futures_util::FutureExt;
use phone_auth_events::{
    ConnectOptions, LinkFollowed, Message, RelativeUrl, Sender, Signals, User, VerifyEmail,
    link_followed, receiver, verify_email, verify_phone,
};
use std::{
    future,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};
use tracing_subscriber::{fmt::format::FmtSpan, util::SubscriberInitExt};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_span_events(FmtSpan::CLOSE)
            .with_writer(move || writer.clone());
        (lines, subscriber.set_default())
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn event() -> VerifyEmail {
    let url = RelativeUrl::new("/accounts/SECRET/").unwrap();
    VerifyEmail::new(
        Sender::new("sign_up"),
        User::new(1, "ANNA", "", ""),
        url,
        "ANNA@example.org".into(),
    )
}

fn dispatcher() -> Signals {
    let signals = Signals::isolated();
    let named = |id: &str| ConnectOptions::new().id(id);
    signals
        .connect_with::<VerifyEmail>(named("good"), |_| ())
        .unwrap()
        .forever();
    let fails = |event: &VerifyEmail| Err(format!("cannot reach {}", event.email));
    signals
        .connect_with::<VerifyEmail>(named("bad"), fails)
        .unwrap()
        .forever();
    signals
        .connect_with::<LinkFollowed>(named("link"), |_| ())
        .unwrap()
        .forever();
    signals
}

fn check(text: &str, expected: &[&str]) {
    for part in expected {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
    for secret in ["SECRET", "ANNA", "cannot reach"] {
        assert!(!text.contains(secret), "{secret:?} in\n{text}");
    }
}

#[tokio::test]
async fn trace_holds_receivers_and_outcomes() {
    let (lines, _guard) = Lines::listen();
    let signals = dispatcher();
    assert!(signals.send(&event()).await.is_err());
    let expected = [
        r#"signal{signal="verify_email" how="send" receivers=2"#,
        r#"receiver{receiver="good" outcome=done}"#,
        r#"receiver{receiver="bad" outcome=error}"#,
    ];
    check(&lines.text(), &expected);
}

struct Missing;
struct AlsoMissing;

#[receiver(link_followed, optional = true, id = "gateway.texts")]
fn idle(_event: &LinkFollowed, _one: &Missing, _other: &AlsoMissing) {}

#[receiver(verify_email, verify_phone, optional = true, id = "gateway.notices")]
fn idle_at_two(_event: &dyn Message, _one: &Missing) {}

/// An optional receiver whose state nobody provides hears nothing: that is said once, when the dispatcher is built.
#[test]
fn idle_receivers_are_told_once() {
    let (lines, _guard) = Lines::listen();
    let idle = |provided: &str| {
        let builder = Signals::builder();
        let builder = match provided {
            "one" => builder.provide(Missing),
            "both" => builder.provide(Missing).provide(AlsoMissing),
            _ => builder,
        };
        builder.build().unwrap();
        let text = lines.text();
        lines.0.lock().unwrap().clear();
        text.matches(" is idle: ").count()
    };
    assert_eq!(idle("none"), 2);
    assert_eq!(idle("one"), 1);
    assert_eq!(idle("both"), 0);
    Signals::builder().build().unwrap();
    let expected = [
        "INFO",
        "receiver gateway.texts is idle: traces::Missing, traces::AlsoMissing is not provided",
        "receiver gateway.notices is idle: traces::Missing is not provided",
    ];
    check(&lines.text(), &expected);
    assert!(Signals::builder().isolated().build().is_ok());
}

/// What is sent in a task of its own is within the span of who sends it.
#[tokio::test]
async fn detached_trace_is_within_its_senders() {
    let (lines, _guard) = Lines::listen();
    let signals = dispatcher();
    let sends = || signals.send_detached(event());
    tracing::info_span!("request").in_scope(sends).unwrap();
    assert!(signals.drain(Duration::from_secs(10)).await);
    let within = r#"request:signal{signal="verify_email" how="send_robust""#;
    check(&lines.text(), &[within]);
}

#[tokio::test]
async fn robust_trace_warns_of_failures() {
    for how in ["send_robust", "send_concurrent"] {
        let (lines, _guard) = Lines::listen();
        let report = match how {
            "send_robust" => dispatcher().send_robust(&event()).await,
            _ => dispatcher().send_concurrent(&event()).await,
        };
        assert_eq!(report.failures().count(), 1);
        let how =
            format!(r#"signal{{signal="verify_email" how="{how}" receivers=2 outcome=failed}}"#);
        let warning = r#"a signal's receiver failed signal="verify_email" receiver="bad""#;
        check(
            &lines.text(),
            &[&how, "WARN", warning, r#"outcome="error""#],
        );
    }
}

#[test]
fn sync_trace_holds_the_same() {
    let (lines, _guard) = Lines::listen();
    let signals = dispatcher();
    let event = LinkFollowed::new(Sender::new("urls"), "SECRET".into());
    signals.send_sync(&event).unwrap();
    assert!(signals.send_robust_sync(&event).is_ok());
    let expected = [
        r#"signal{signal="link_followed" how="send_sync" receivers=1 outcome=done}"#,
        r#"signal{signal="link_followed" how="send_robust_sync" receivers=1 outcome=done}"#,
        r#"receiver{receiver="link" outcome=done}"#,
    ];
    check(&lines.text(), &expected);
}

#[tokio::test]
async fn unheard_signal_is_traced() {
    let (lines, _guard) = Lines::listen();
    let signals = Signals::isolated();
    signals.send(&event()).await.unwrap();
    check(
        &lines.text(),
        &[r#"signal{signal="verify_email" how="send" receivers=0 outcome=done}"#],
    );
}

#[tokio::test]
async fn panic_ends_the_trace() {
    #[expect(clippy::panic, reason = "what is watched")]
    fn fails_hard(_: &LinkFollowed) {
        panic!("SECRET");
    }
    let (lines, _guard) = Lines::listen();
    let signals = Signals::isolated();
    signals
        .connect_with::<LinkFollowed>(ConnectOptions::new().id("link"), fails_hard)
        .unwrap()
        .forever();
    let event = LinkFollowed::new(Sender::new("urls"), "SECRET".into());
    assert!(catch_unwind(AssertUnwindSafe(|| signals.send_sync(&event))).is_err());
    let sending = AssertUnwindSafe(signals.send(&event)).catch_unwind();
    assert!(sending.await.is_err());
    let expected = [
        r#"signal{signal="link_followed" how="send_sync" receivers=1 outcome=panic}"#,
        r#"signal{signal="link_followed" how="send" receivers=1 outcome=panic}"#,
        r#"receiver{receiver="link" outcome=panic}"#,
    ];
    check(&lines.text(), &expected);
}

#[tokio::test]
async fn dropped_dispatch_says_so() {
    let (lines, _guard) = Lines::listen();
    let signals = Signals::isolated();
    signals
        .connect_async_with::<VerifyEmail>(ConnectOptions::new().id("waits"), |_| {
            future::pending::<()>()
        })
        .unwrap()
        .forever();
    assert!(signals.send(&event()).now_or_never().is_none());
    assert!(signals.send_robust(&event()).now_or_never().is_none());
    let expected = [
        r#"signal{signal="verify_email" how="send" receivers=1 outcome=dropped}"#,
        r#"signal{signal="verify_email" how="send_robust" receivers=1 outcome=dropped}"#,
        r#"receiver{receiver="waits" outcome=dropped}"#,
    ];
    check(&lines.text(), &expected);
}
