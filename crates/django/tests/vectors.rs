//! What Django and django-phone-auth made is judged as it must be.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_django::{
    DJANGO_LIFETIME, DjangoAddress, DjangoKeys, DjangoTokens, FUTURE_TOLERANCE, ResetState,
    SessionAuthHash, TimeZone, VerificationState,
};
use phone_auth_tokens::TokenErrorKind;
use proptest::prelude::*;
use serde_json::Value;

/// The vectors of Django, or those that the environment names.
fn vectors() -> Value {
    let path = std::env::var_os("PHONE_AUTH_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/django-vectors.json"),
        PathBuf::from,
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases(vectors: &Value, kind: &str) -> Vec<Value> {
    let cases = vectors.get(kind).unwrap().as_array().unwrap();
    assert!(!cases.is_empty());
    cases.clone()
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap()
}

fn number(case: &Value, name: &str) -> i64 {
    case.get(name).and_then(Value::as_i64).unwrap()
}

fn is_true(case: &Value, name: &str) -> bool {
    case.get(name).and_then(Value::as_bool).unwrap()
}

fn keys(case: &Value) -> DjangoKeys {
    let fallbacks = case.get("secret_key_fallbacks").unwrap().as_array();
    fallbacks
        .unwrap()
        .iter()
        .fold(DjangoKeys::new(text(case, "secret_key")), |keys, key| {
            keys.with_fallback(key.as_str().unwrap())
        })
}

fn now(case: &Value) -> DateTime<Utc> {
    DateTime::from_timestamp(number(case, "now_unix"), 0).unwrap()
}

/// Tokens as the case has them set up, in a window that is open until just now.
fn tokens(case: &Value) -> DjangoTokens {
    let zone = TimeZone::named(text(case, "time_zone")).unwrap();
    let local = case.get("use_tz").and_then(Value::as_bool) == Some(false);
    let seconds = u64::try_from(number(case, "password_reset_timeout")).unwrap();
    DjangoTokens::new(keys(case), zone, now(case))
        .with_lifetime(Duration::from_secs(seconds))
        .with_last_login_zone(if local { zone } else { TimeZone::UTC })
}

/// Runs a check on each reset token.
fn each_reset(check: impl Fn(&Value, &DjangoTokens, ResetState<'_>)) {
    for case in cases(&vectors(), "password_reset_token") {
        let user = case.get("user").unwrap();
        let last_login = user.get("last_login_unix_us").and_then(Value::as_i64);
        let state = ResetState {
            user: number(user, "pk"),
            password: text(user, "password"),
            last_login: last_login.map(|micros| DateTime::from_timestamp_micros(micros).unwrap()),
            email: text(user, "email"),
        };
        check(&case, &tokens(&case), state);
    }
}

/// Runs a check on each verification token.
fn each_verification(check: impl Fn(&Value, &DjangoTokens, VerificationState<'_>)) {
    for case in cases(&vectors(), "verification_token") {
        let stored = text(&case, "value_in_db");
        let state = VerificationState {
            user: number(&case, "user_pk"),
            address: match text(&case, "kind") {
                "email" => DjangoAddress::Email(stored),
                _ => DjangoAddress::Phone(stored),
            },
            is_verified: is_true(&case, "is_verified"),
        };
        check(&case, &tokens(&case), state);
    }
}

#[test]
fn reset_vectors_hold() {
    each_reset(|case, tokens, state| {
        let result = tokens.check_reset(text(case, "token"), now(case), &state);
        assert_eq!(
            result.is_ok(),
            is_true(case, "must_accept"),
            "{}: {result:?}",
            text(case, "id")
        );
    });
}

#[test]
fn verification_vectors_hold() {
    each_verification(|case, tokens, state| {
        let result = tokens.check_verification(text(case, "token"), now(case), &state);
        assert_eq!(
            result.is_ok(),
            is_true(case, "must_accept"),
            "{}: {result:?}",
            text(case, "id")
        );
    });
}

#[test]
fn nothing_passes_a_closed_window() {
    let second = TimeDelta::seconds(1);
    each_reset(|case, tokens, state| {
        // A second later, with a life that is longer by more: only the window is closed.
        let longer = tokens.clone().with_lifetime(DJANGO_LIFETIME * 2);
        let later = now(case) + second;
        assert!(longer.is_open(now(case)) && !longer.is_open(later));
        let refused = longer.check_reset(text(case, "token"), later, &state);
        let refused = refused.unwrap_err();
        if is_true(case, "must_accept") {
            assert_eq!(refused, TokenErrorKind::Expired, "{}", text(case, "id"));
        }
    });
    each_verification(|case, tokens, state| {
        let longer = tokens.clone().with_lifetime(DJANGO_LIFETIME * 2);
        let refused = longer.check_verification(text(case, "token"), now(case) + second, &state);
        assert!(refused.is_err(), "{}", text(case, "id"));
    });
}

#[test]
fn session_hashes_hold() {
    for case in cases(&vectors(), "session_auth_hash") {
        // A few rows describe what else a session lacks; they have no hash to check.
        let Some(given) = case.get("session_auth_user_hash").and_then(Value::as_str) else {
            continue;
        };
        let keys = keys(&case);
        let expected = match text(&case, "result") {
            "current" => SessionAuthHash::Current,
            "fallback" => SessionAuthHash::Fallback,
            _ => SessionAuthHash::Refused,
        };
        let password = text(&case, "user_password");
        assert_eq!(
            keys.check_session_auth(password, given),
            expected,
            "{}",
            text(&case, "id")
        );
        if expected == SessionAuthHash::Current {
            assert_eq!(keys.session_auth_hash(password), given);
        }
    }
}

#[test]
fn session_vectors_hold() {
    for case in cases(&vectors(), "session_data") {
        let keys = keys(&case);
        let id = text(&case, "id");
        let read = keys.read_session(text(&case, "session_data"));
        assert_eq!(read.is_some(), is_true(&case, "must_accept"), "{id}");
        let Some(data) = read else {
            continue;
        };
        let expected = case.get("django_decodes_to").unwrap();
        let named = |key: &str| expected.get(key).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(
            data.user().map(|id| id.to_string()),
            named("_auth_user_id"),
            "{id}"
        );
        assert_eq!(data.auth_hash(), named("_auth_user_hash"), "{id}");
        assert_eq!(data.backend(), named("_auth_user_backend"), "{id}");
        // Written by us, it is read with the same keys, and by nobody with others.
        let written = keys.write_session(&data, Utc::now());
        assert_eq!(
            keys.read_session(&written).unwrap().user(),
            data.user(),
            "{id}"
        );
        assert!(DjangoKeys::new("another").read_session(&written).is_none());
        let (signed, signature) = written.rsplit_once(':').unwrap();
        for forged in [
            format!("{signed}x:{signature}"),
            format!("{signed}:{signature}="),
            format!("{signed}:"),
            signed.to_owned(),
        ] {
            assert!(keys.read_session(&forged).is_none(), "{forged}");
        }
    }
}

/// The first reset that must be accepted in UTC, at a moment, as seen from a zone.
fn check_first_at(after: TimeDelta, expected: Result<(), TokenErrorKind>) {
    let vectors = vectors();
    let all = cases(&vectors, "verification_token");
    let case = all
        .iter()
        .find(|case| is_true(case, "must_accept") && text(case, "time_zone") == "UTC")
        .unwrap();
    let state = VerificationState {
        user: number(case, "user_pk"),
        address: if text(case, "kind") == "email" {
            DjangoAddress::Email(text(case, "value_in_db"))
        } else {
            DjangoAddress::Phone(text(case, "value_in_db"))
        },
        is_verified: false,
    };
    let issued = DateTime::from_timestamp(number(case, "timestamp") + 978_307_200, 0).unwrap();
    let open = DjangoTokens::new(keys(case), TimeZone::UTC, issued + TimeDelta::days(365));
    let result = open.check_verification(text(case, "token"), issued + after, &state);
    assert_eq!(result, expected, "{after}");
}

#[test]
fn lifetime_and_future_are_exact() {
    let lifetime = TimeDelta::from_std(DJANGO_LIFETIME).unwrap();
    let ahead = TimeDelta::from_std(FUTURE_TOLERANCE).unwrap();
    let second = TimeDelta::seconds(1);
    check_first_at(TimeDelta::zero(), Ok(()));
    check_first_at(lifetime, Ok(()));
    check_first_at(lifetime + second, Err(TokenErrorKind::Expired));
    // The end of summer time sets the clock back by an hour.
    check_first_at(TimeDelta::hours(-1), Ok(()));
    check_first_at(-ahead, Ok(()));
    check_first_at(-ahead - second, Err(TokenErrorKind::FromTheFuture));
}

#[test]
fn debug_shows_no_secret() {
    let keys = DjangoKeys::new("the-old-secret").with_fallback("an-older-secret");
    let tokens = DjangoTokens::new(keys.clone(), TimeZone::UTC, Utc::now());
    let state = ResetState {
        user: 1,
        password: "the-hash-secret",
        last_login: None,
        email: "a-secret@example.org",
    };
    for shown in [
        format!("{keys:?}"),
        format!("{tokens:?}"),
        format!("{state:?}"),
    ] {
        assert!(!shown.contains("secret"), "{shown}");
    }
}

proptest! {
    #[test]
    fn made_up_tokens_are_refused(token in "[0-9a-z]{0,15}-[0-9a-f]{30,34}|\\PC{0,60}") {
        let tokens = DjangoTokens::new(DjangoKeys::new("old"), TimeZone::UTC, Utc::now());
        let state = ResetState { user: 1, password: "!", last_login: None, email: "" };
        prop_assert!(tokens.check_reset(&token, Utc::now(), &state).is_err());
    }
}

/// The text of a token of this time on a clock in Chicago in winter.
fn text_of(at: DateTime<Utc>) -> String {
    let mut rest = at.timestamp() - 978_307_200 - 6 * 3600;
    let mut digits = Vec::new();
    while rest > 0 {
        digits.push(char::from_digit(u32::try_from(rest % 36).unwrap(), 36).unwrap());
        rest /= 36;
    }
    let digits: String = digits.iter().rev().collect();
    format!("{digits}-{}", "0".repeat(32))
}

#[test]
fn age_is_read_from_the_text() {
    let time: DateTime<Utc> = "2026-01-02T20:04:05.678901Z".parse().unwrap();
    let zone = TimeZone::named("America/Chicago").unwrap();
    let tokens = DjangoTokens::new(DjangoKeys::new("some key or other"), zone, time);
    for (seconds, is_older) in [
        (-86_400, true),
        (-1, true),
        (0, false),
        (1, false),
        (7_200, false),
    ] {
        let text = text_of(time + TimeDelta::seconds(seconds));
        assert_eq!(tokens.is_older(&text, time), is_older, "{seconds}");
    }
    for text in ["", "nothing", "zzzzzzzzzzzzzzzzzzzz-0"] {
        assert!(tokens.is_older(text, time), "{text}");
    }
}
