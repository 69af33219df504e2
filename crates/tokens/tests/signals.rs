//! What a hub hears of tokens: each issue and each refusal once, and never a secret.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{Sender, Signals, TokenIssued, TokenRefusal, TokenRefused};
use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey, Token};

const VERIFY: Purpose = Purpose::new("verify-email");
const RESET: Purpose = Purpose::new("reset-password");
const HOUR: Duration = Duration::from_hours(1);
const STATE: &[&[u8]] = &[b"7", b"ada@example.org"];

fn tokens() -> OneTimeTokens {
    OneTimeTokens::new(Keyring::new(SecretKey::generate().unwrap()))
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_392_000, 0).unwrap()
}

#[test]
fn issue_is_told_once() {
    let signals = Signals::isolated();
    let (mut issued, mut refused) = (
        signals.capture::<TokenIssued>(),
        signals.capture::<TokenRefused>(),
    );
    let tokens = tokens().with_signals(signals);
    let _token = tokens.issue(&RESET, noon(), STATE);
    let events = issued.take();
    assert_eq!(events.len(), 1);
    let event = events.first().unwrap();
    assert_eq!(event.sender.as_str(), "tokens");
    assert_eq!(event.purpose, "reset-password");
    assert!(refused.take().is_empty());
}

/// Checks an hour and so many seconds after noon; what the hub hears of it.
#[track_caller]
fn told(tokens: &OneTimeTokens, signals: &Signals, text: &str, late: i64) -> Vec<TokenRefusal> {
    let mut refused = signals.capture::<TokenRefused>();
    let now = noon() + TimeDelta::seconds(3600 + late);
    let checked = tokens.check(&VERIFY, text, now, HOUR, STATE);
    let events = refused.take();
    assert_eq!(checked.is_err(), !events.is_empty());
    assert!(events.iter().all(|event| event.purpose == "verify-email"));
    events.into_iter().map(|event| event.reason).collect()
}

#[test]
fn refusal_is_told_with_reason() {
    let signals = Signals::isolated();
    let tokens = tokens().with_signals(signals.clone());
    let good = tokens.issue(&VERIFY, noon(), STATE);
    let other = tokens.issue(&RESET, noon(), STATE);
    for (text, late, reasons) in [
        (good.as_str(), 0, &[][..]),
        (good.as_str(), 1, &[TokenRefusal::Expired]),
        (good.as_str(), -7200, &[TokenRefusal::FromTheFuture]),
        (other.as_str(), 0, &[TokenRefusal::Forged]),
        ("set-password", 0, &[TokenRefusal::Malformed]),
        ("", 0, &[TokenRefusal::Malformed]),
    ] {
        assert_eq!(told(&tokens, &signals, text, late), reasons, "{late}");
    }
}

#[test]
fn flow_names_itself() {
    let signals = Signals::isolated();
    let mut issued = signals.capture::<TokenIssued>();
    let tokens = tokens().with_signals(signals);
    let _one = tokens
        .clone()
        .with_sender(Sender::new("sign_up"))
        .issue(&VERIFY, noon(), STATE);
    let _other = tokens.issue(&VERIFY, noon(), STATE);
    let senders: Vec<&str> = issued
        .take()
        .iter()
        .map(|event| event.sender.as_str())
        .collect();
    assert_eq!(senders, ["sign_up", "tokens"]);
}

#[test]
fn quiet_tokens_tell_nobody() {
    let signals = Signals::isolated();
    let mut issued = signals.capture::<TokenIssued>();
    let quiet = tokens();
    let loud = quiet.clone().with_signals(signals);
    let token = quiet.issue(&VERIFY, noon(), STATE);
    assert!(issued.take().is_empty());
    // They are the same tokens all the same.
    assert_eq!(token, loud.issue(&VERIFY, noon(), STATE));
    assert_eq!(issued.take().len(), 1);
}

#[test]
fn failing_receivers_change_nothing() {
    let signals = Signals::isolated();
    let mut refused = signals.capture::<TokenRefused>();
    let _failing = signals.connect(|_: &TokenRefused| Err("no disk"));
    let _panicking = signals.connect(|event: &TokenIssued| {
        assert_eq!(event.purpose, "nothing", "a receiver that panics");
    });
    let tokens = tokens().with_signals(signals.clone());
    let token: Token = tokens.issue(&VERIFY, noon(), STATE);
    assert!(
        tokens
            .check(&VERIFY, token.as_str(), noon(), HOUR, STATE)
            .is_ok()
    );
    assert!(tokens.check(&VERIFY, "", noon(), HOUR, STATE).is_err());
    assert_eq!(refused.take().len(), 1);
}

#[test]
fn events_hold_no_secret() {
    let signals = Signals::isolated();
    let mut issued = signals.capture::<TokenIssued>();
    let mut refused = signals.capture::<TokenRefused>();
    let tokens = tokens().with_signals(signals);
    let token = tokens.issue(&RESET, noon(), STATE);
    let checked = tokens.check(&VERIFY, token.as_str(), noon(), HOUR, STATE);
    assert!(checked.is_err());
    let shown = format!("{:?} {:?}", issued.take(), refused.take());
    let tag = token.as_str().split_once('-').unwrap().1;
    assert!(shown.contains("reset-password") && shown.contains("Forged"));
    assert!(!shown.contains(tag) && !shown.contains("ada@"), "{shown}");
}
