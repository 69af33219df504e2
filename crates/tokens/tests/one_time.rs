//! What a token is good for, and everything it is not good for.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_tokens::{CLOCK_SKEW, Keyring, OneTimeTokens, Purpose, SecretKey, TokenErrorKind};
use proptest::prelude::*;

const VERIFY: Purpose = Purpose::new("verify-email");
const RESET: Purpose = Purpose::new("reset-password");
const HOUR: Duration = Duration::from_hours(1);
const STATE: &[&[u8]] = &[b"58", b"john@gmail.com", b"unverified"];

const FIRST: &str = "9f1c4be7203d58a6e5b07c92d1f48a36";
const SECOND: &str = "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa";
const THIRD: &str = "Tq4nW8xC1vB6kM3jH9gF5dS2aP7oI0uY";

fn keyring(current: &str, fallbacks: &[&str]) -> Keyring {
    fallbacks.iter().fold(
        Keyring::new(SecretKey::new(current).unwrap()),
        |keyring, key| keyring.with_fallback(SecretKey::new(*key).unwrap()),
    )
}

fn tokens() -> OneTimeTokens {
    OneTimeTokens::new(keyring(FIRST, &[]))
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_392_000, 0).unwrap()
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

/// Issues at noon with one and checks a minute later with the other.
#[track_caller]
fn check_later(
    issuer: &OneTimeTokens,
    checker: &OneTimeTokens,
    expected: Result<(), TokenErrorKind>,
) {
    let token = issuer.issue(&VERIFY, noon(), STATE);
    let outcome = checker.check(&VERIFY, token.as_str(), after(60), HOUR, STATE);
    assert_eq!(outcome.map_err(|error| error.kind()), expected);
}

fn kind_of(text: &str) -> Option<TokenErrorKind> {
    tokens()
        .check(&VERIFY, text, after(60), HOUR, STATE)
        .err()
        .map(|error| error.kind())
}

#[test]
fn issued_token_is_accepted() {
    check_later(&tokens(), &tokens(), Ok(()));
}

#[test]
fn format_stays_the_same() {
    // Tokens outlive the program that issued them: a change here ends everybody's links. The figure
    // was computed apart from this crate, with Python's hmac module.
    let token = tokens().issue(&VERIFY, noon(), STATE);
    assert_eq!(token.as_str(), "toxhc0-1ba45e48c0a1001a941bbf9b323d5f87");
}

#[test]
fn fields_never_run_together() {
    // Accounts 58 and 5 of django-phone-auth: "58" ‖ "john@gmail.com" is "5" ‖ "8john@gmail.com".
    let own = tokens().issue(&VERIFY, noon(), &[b"58", b"john@gmail.com", b"False"]);
    let stolen: [&[&[u8]]; 4] = [
        &[b"5", b"8john@gmail.com", b"False"],
        &[b"58john@gmail.com", b"False"],
        &[b"58", b"john@gmail.comFalse"],
        &[b"58", b"john@gmail.com", b"False", b""],
    ];
    for state in stolen {
        let refused = tokens()
            .check(&VERIFY, own.as_str(), after(60), HOUR, state)
            .unwrap_err();
        assert_eq!(refused.kind(), TokenErrorKind::Forged);
    }
}

#[test]
fn time_is_not_a_field() {
    // The digits of the time cannot be moved into the state either.
    let token = tokens().issue(&VERIFY, noon(), &[b"1"]);
    let tag = token.as_str().split_once('-').unwrap().1.to_owned();
    for time in ["toxhc01", "toxhc", "oxhc0", "t"] {
        let moved = format!("{time}-{tag}");
        let refused = tokens().check(&VERIFY, &moved, after(60), HOUR, &[b"1"]);
        // Not for its age, which another time would help.
        let kind = refused.unwrap_err().kind();
        assert_eq!(kind, TokenErrorKind::Forged, "{time}");
    }
    let whole = tokens().check(&VERIFY, token.as_str(), after(60), HOUR, &[b"1"]);
    assert!(whole.is_ok());
}

#[test]
fn time_of_issue_is_read() {
    let issued = noon() + TimeDelta::milliseconds(999);
    let token = tokens().issue(&RESET, issued, STATE);
    assert_eq!(OneTimeTokens::issued_at(token.as_str()), Some(noon()));
    for text in ["", "-", "a-b", "a", &format!("{}0", token.as_str())] {
        assert_eq!(OneTimeTokens::issued_at(text), None, "{text}");
    }
}

#[test]
fn other_purpose_is_refused() {
    let tokens = tokens();
    for (issued, checked) in [(RESET, VERIFY), (VERIFY, RESET)] {
        let token = tokens.issue(&issued, noon(), STATE);
        let refused = tokens
            .check(&checked, token.as_str(), after(1), HOUR, STATE)
            .unwrap_err();
        assert_eq!(refused.kind(), TokenErrorKind::Forged);
        assert!(
            tokens
                .check(&issued, token.as_str(), after(1), HOUR, STATE)
                .is_ok()
        );
    }
}

#[test]
fn changed_state_is_refused() {
    let token = tokens().issue(&VERIFY, noon(), STATE);
    let used: &[&[u8]] = &[b"58", b"john@gmail.com", b"verified"];
    let refused = tokens()
        .check(&VERIFY, token.as_str(), after(1), HOUR, used)
        .unwrap_err();
    assert_eq!(refused.kind(), TokenErrorKind::Forged);
}

#[test]
fn every_flipped_character_is_refused() {
    let token = tokens().issue(&VERIFY, noon(), STATE);
    let text = token.as_str();
    for (place, old) in text.char_indices() {
        for new in (' '..='~').chain(['\0', 'é', '０']) {
            if new == old {
                continue;
            }
            let flipped: String = text
                .char_indices()
                .map(|(index, c)| if index == place { new } else { c })
                .collect();
            assert!(kind_of(&flipped).is_some(), "{new:?} at {place}");
        }
    }
}

#[test]
fn cut_and_padded_tokens_are_refused() {
    let token = tokens().issue(&VERIFY, noon(), STATE);
    let text = token.as_str();
    for length in 0..text.len() {
        let cut = text.get(..length).unwrap();
        assert_eq!(kind_of(cut), Some(TokenErrorKind::Malformed), "{length}");
    }
    for padded in [
        format!(" {text}"),
        format!("{text} "),
        format!("{text}\n"),
        format!("{text}\0"),
        format!("0{text}"),
        format!("+{text}"),
        text.to_uppercase(),
        text.replace('-', "--"),
        "0".repeat(1_000_000),
    ] {
        assert_eq!(kind_of(&padded), Some(TokenErrorKind::Malformed));
    }
}

/// Checks at so many seconds after noon a token issued at noon.
fn kind_at(seconds: i64, lifetime: Duration) -> Option<TokenErrorKind> {
    let token = tokens().issue(&VERIFY, noon(), STATE);
    tokens()
        .check(&VERIFY, token.as_str(), after(seconds), lifetime, STATE)
        .err()
        .map(|error| error.kind())
}

#[test]
fn expiry_is_exact() {
    assert_eq!(kind_at(3600, HOUR), None);
    assert_eq!(kind_at(3601, HOUR), Some(TokenErrorKind::Expired));
    assert_eq!(kind_at(0, Duration::ZERO), None);
    assert_eq!(kind_at(1, Duration::ZERO), Some(TokenErrorKind::Expired));
    assert_eq!(kind_at(100_000_000, Duration::MAX), None);
}

#[test]
fn future_tokens_are_refused() {
    let skew = i64::try_from(CLOCK_SKEW.as_secs()).unwrap();
    assert_eq!(kind_at(-skew, HOUR), None);
    assert_eq!(
        kind_at(-skew - 1, HOUR),
        Some(TokenErrorKind::FromTheFuture)
    );
    assert_eq!(
        kind_at(-100_000_000, Duration::MAX),
        Some(TokenErrorKind::FromTheFuture)
    );
}

#[test]
fn forged_tokens_hide_their_age() {
    let old = tokens().issue(&RESET, noon() - TimeDelta::days(900), STATE);
    let early = tokens().issue(&RESET, noon() + TimeDelta::days(900), STATE);
    for token in [old, early] {
        assert_eq!(kind_of(token.as_str()), Some(TokenErrorKind::Forged));
    }
}

#[test]
fn fractions_of_seconds_are_cut() {
    let late = noon() + TimeDelta::milliseconds(999);
    let token = tokens().issue(&VERIFY, late, STATE);
    assert_eq!(token, tokens().issue(&VERIFY, noon(), STATE));
    let checked = tokens().check(
        &VERIFY,
        token.as_str(),
        noon() + TimeDelta::milliseconds(1_999),
        Duration::from_millis(1_001),
        STATE,
    );
    assert!(checked.is_ok());
}

#[test]
fn odd_times_are_survived() {
    for time in [
        DateTime::<Utc>::MIN_UTC,
        DateTime::from_timestamp(-1, 0).unwrap(),
        DateTime::UNIX_EPOCH,
        DateTime::<Utc>::MAX_UTC,
    ] {
        let token = tokens().issue(&VERIFY, time, STATE);
        assert!(
            tokens()
                .check(&VERIFY, token.as_str(), time, HOUR, STATE)
                .is_ok()
        );
    }
}

#[test]
fn rotated_key_needs_its_fallback() {
    let old = OneTimeTokens::new(keyring(FIRST, &[]));
    let new = OneTimeTokens::new(keyring(SECOND, &[]));
    let both = OneTimeTokens::new(keyring(SECOND, &[FIRST]));
    let three = OneTimeTokens::new(keyring(THIRD, &[SECOND, FIRST]));
    check_later(&old, &both, Ok(()));
    check_later(&old, &three, Ok(()));
    check_later(&old, &new, Err(TokenErrorKind::Forged));
    // New tokens are made with the current key.
    check_later(&both, &new, Ok(()));
    check_later(&both, &old, Err(TokenErrorKind::Forged));
}

#[test]
fn fallback_expires_like_current() {
    let old = OneTimeTokens::new(keyring(FIRST, &[]));
    let both = OneTimeTokens::new(keyring(SECOND, &[FIRST]));
    let token = old.issue(&VERIFY, noon(), STATE);
    let refused = both
        .check(&VERIFY, token.as_str(), after(3601), HOUR, STATE)
        .unwrap_err();
    assert_eq!(refused.kind(), TokenErrorKind::Expired);
}

#[test]
fn purposes_keep_their_keys() {
    // Each purpose gets its keys at its first use, in any order, on any thread.
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let shared = tokens();
    std::thread::scope(|scope| {
        for turn in 0..NAMES.len() {
            let shared = &shared;
            scope.spawn(move || {
                for name in NAMES.iter().cycle().skip(turn).take(3 * NAMES.len()) {
                    let purpose = Purpose::new(name);
                    assert_eq!(
                        shared.issue(&purpose, noon(), STATE),
                        tokens().issue(&purpose, noon(), STATE)
                    );
                }
            });
        }
    });
}

#[test]
fn debug_shows_nothing() {
    let tokens = OneTimeTokens::new(keyring(FIRST, &[SECOND]));
    let token = tokens.issue(&VERIFY, noon(), STATE);
    let refused = tokens
        .check(&RESET, token.as_str(), noon(), HOUR, STATE)
        .unwrap_err();
    let subkey = tokens.keyring().derive("csrf");
    let shown = format!(
        "{tokens:?} {:?} {token:?} {refused:?} {refused} {:?} {subkey:?} {:?}",
        tokens.keyring(),
        SecretKey::new(FIRST).unwrap(),
        SecretKey::new("brief secret").unwrap_err(),
    );
    for secret in [FIRST, SECOND, token.as_str(), "brief secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(format!("{token:?}"), "Token(..)");
    assert_eq!(format!("{subkey:?}"), "Subkey(..)");
}

#[test]
fn shared_values_cross_threads() {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<OneTimeTokens>();
    shared::<Keyring>();
    shared::<phone_auth_tokens::Token>();
}

fn field() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..20)
}

fn state() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(field(), 0..5)
}

fn views(state: &[Vec<u8>]) -> Vec<&[u8]> {
    state.iter().map(Vec::as_slice).collect()
}

proptest! {
    #[test]
    fn different_states_never_share(one in state(), other in state()) {
        let token = |state: &[Vec<u8>]| tokens().issue(&VERIFY, noon(), &views(state));
        prop_assert_eq!(one == other, token(&one) == token(&other));
    }

    #[test]
    fn moved_boundaries_never_share(text in prop::collection::vec(any::<u8>(), 1..40),
                                    a: prop::sample::Index, b: prop::sample::Index) {
        let token = |at: usize| {
            let (left, right) = text.split_at(at);
            tokens().issue(&VERIFY, noon(), &[left, right])
        };
        let (a, b) = (a.index(text.len()), b.index(text.len()));
        prop_assert_eq!(a == b, token(a) == token(b));
    }

    #[test]
    fn different_times_never_share(a in 0..4_000_000_000_i64, b in 0..4_000_000_000_i64) {
        let token = |seconds| {
            tokens().issue(&VERIFY, DateTime::from_timestamp(seconds, 0).unwrap(), STATE)
        };
        prop_assert_eq!(a == b, token(a) == token(b));
    }

    #[test]
    fn different_purposes_never_share(state in state(), a in 0..5_usize, b in 0..5_usize) {
        const PURPOSES: [Purpose; 5] = [
            VERIFY,
            RESET,
            Purpose::new(""),
            Purpose::new("verify-emai"),
            Purpose::new("verify-email "),
        ];
        let token = |index: usize| {
            tokens().issue(PURPOSES.get(index).unwrap(), noon(), &views(&state))
        };
        prop_assert_eq!(a == b, token(a) == token(b));
    }

    #[test]
    fn own_tokens_are_accepted(state in state(), age in 0..=3600_i64) {
        let state = views(&state);
        let token = tokens().issue(&VERIFY, noon(), &state);
        prop_assert!(tokens().check(&VERIFY, token.as_str(), after(age), HOUR, &state).is_ok());
    }

    #[test]
    fn any_text_is_refused(text in any::<String>()) {
        prop_assert_eq!(kind_of(&text), Some(TokenErrorKind::Malformed));
    }

    #[test]
    fn made_up_tokens_are_refused(text in "[0-9a-z]{1,9}-[0-9a-f]{32}") {
        prop_assert!(kind_of(&text).is_some());
    }
}
