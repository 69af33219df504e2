//! What a dispatcher hears of tokens: each issue and each refusal once, and never a secret.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{Sender, Signals};
use phone_auth_tokens::{
    Keyring, OneTimeTokens, Purpose, SecretKey, Token, TokenErrorKind, TokenIssued, TokenRefused,
};

const VERIFY: Purpose = Purpose::new("verify-email");
const RESET: Purpose = Purpose::new("reset-password");
const HOUR: Duration = Duration::from_hours(1);
const SENDER: Sender = Sender::new("tokens");
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
    tokens()
        .issue(&RESET, noon(), STATE)
        .announce(&signals, SENDER);
    let events = issued.take();
    assert_eq!(events.len(), 1);
    let event = events.first().unwrap();
    assert_eq!(event.sender.as_str(), "tokens");
    assert_eq!(event.purpose, "reset-password");
    assert!(refused.take().is_empty());
}

/// Checks an hour and so many seconds after noon; what the dispatcher hears of it.
#[track_caller]
fn told(tokens: &OneTimeTokens, signals: &Signals, text: &str, late: i64) -> Vec<TokenErrorKind> {
    let mut refused = signals.capture::<TokenRefused>();
    let now = noon() + TimeDelta::seconds(3600 + late);
    let checked = tokens.check(&VERIFY, text, now, HOUR, STATE);
    if let Err(error) = checked {
        error.announce(signals, SENDER);
    }
    let events = refused.take();
    assert_eq!(checked.is_err(), !events.is_empty());
    assert!(events.iter().all(|event| event.purpose == "verify-email"));
    events.into_iter().map(|event| event.reason).collect()
}

#[test]
fn refusal_is_told_with_reason() {
    let signals = Signals::isolated();
    let tokens = tokens();
    let good = tokens.issue(&VERIFY, noon(), STATE);
    let other = tokens.issue(&RESET, noon(), STATE);
    for (text, late, reasons) in [
        (good.as_str(), 0, &[][..]),
        (good.as_str(), 1, &[TokenErrorKind::Expired]),
        (good.as_str(), -7200, &[TokenErrorKind::FromTheFuture]),
        (other.as_str(), 0, &[TokenErrorKind::Forged]),
        ("set-password", 0, &[TokenErrorKind::Malformed]),
        ("", 0, &[TokenErrorKind::Malformed]),
    ] {
        assert_eq!(told(&tokens, &signals, text, late), reasons, "{late}");
    }
}

#[test]
fn flow_names_itself() {
    let signals = Signals::isolated();
    let mut issued = signals.capture::<TokenIssued>();
    let token = tokens().issue(&VERIFY, noon(), STATE);
    for sender in ["sign_up", "tokens"] {
        token.announce(&signals, Sender::new(sender));
    }
    let senders: Vec<&str> = issued
        .take()
        .iter()
        .map(|event| event.sender.as_str())
        .collect();
    assert_eq!(senders, ["sign_up", "tokens"]);
}

#[test]
fn failing_receivers_change_nothing() {
    let signals = Signals::isolated();
    let mut refused = signals.capture::<TokenRefused>();
    let _failing = signals.connect(|_: &TokenRefused| Err("no disk"));
    let _panicking = signals.connect(|event: &TokenIssued| {
        assert_eq!(event.purpose, "nothing", "a receiver that panics");
    });
    let tokens = tokens();
    let token: Token = tokens.issue(&VERIFY, noon(), STATE);
    token.announce(&signals, SENDER);
    assert!(
        tokens
            .check(&VERIFY, token.as_str(), noon(), HOUR, STATE)
            .is_ok()
    );
    tokens
        .check(&VERIFY, "", noon(), HOUR, STATE)
        .unwrap_err()
        .announce(&signals, SENDER);
    assert_eq!(refused.take().len(), 1);
}

#[test]
fn events_hold_no_secret() {
    let signals = Signals::isolated();
    let mut issued = signals.capture::<TokenIssued>();
    let mut refused = signals.capture::<TokenRefused>();
    let tokens = tokens();
    let token = tokens.issue(&RESET, noon(), STATE);
    token.announce(&signals, SENDER);
    let checked = tokens.check(&VERIFY, token.as_str(), noon(), HOUR, STATE);
    checked.unwrap_err().announce(&signals, SENDER);
    let shown = format!("{:?} {:?}", issued.take(), refused.take());
    let tag = token.as_str().split_once('-').unwrap().1;
    assert!(shown.contains("reset-password") && shown.contains("Forged"));
    assert!(!shown.contains(tag) && !shown.contains("ada@"), "{shown}");
}
