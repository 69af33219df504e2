//! The building blocks of Django's formats, against its own values for them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;

use chrono::DateTime;
use serde_json::Value;

use super::calling_code;
use super::keys::{hex, salted_hmac};
use super::session_data::push_base62;
use super::state::ResetState;
use super::time_zone::TimeZone;
use super::tokens::write;

/// The vectors of this kind, of Django or of the file that the environment names.
fn primitives(kind: &str) -> Vec<Value> {
    let path = std::env::var_os("PHONE_AUTH_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/django-vectors.json"),
        PathBuf::from,
    );
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = vectors.get("primitives").and_then(|it| it.get(kind));
    let cases = cases.and_then(Value::as_array).unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn text<'a>(case: &'a Value, name: &str) -> &'a str {
    case.get(name).and_then(Value::as_str).unwrap()
}

fn number<T: TryFrom<i64>>(case: &Value, name: &str) -> T {
    let number = case.get(name).and_then(Value::as_i64).unwrap();
    T::try_from(number).ok().unwrap()
}

#[test]
fn macs_are_djangos() {
    for case in primitives("salted_hmac_sha256") {
        let mac = salted_hmac(
            text(&case, "key_salt"),
            text(&case, "secret"),
            text(&case, "value"),
        );
        assert_eq!(hex(&mac), text(&case, "hexdigest"));
        let token = write(0, &mac);
        assert_eq!(token.strip_prefix("0-"), Some(text(&case, "every_second")));
    }
}

#[test]
fn numbers_are_djangos() {
    for case in primitives("base36") {
        let token = write(number(&case, "n"), &[]);
        assert_eq!(token.strip_suffix('-'), Some(text(&case, "s")));
    }
    for case in primitives("base62") {
        let mut written = String::new();
        push_base62(&mut written, number(&case, "n"));
        assert_eq!(written, text(&case, "s"));
    }
}

#[test]
fn clocks_are_djangos() {
    for case in primitives("timestamp") {
        let zone = TimeZone::named(text(&case, "time_zone")).unwrap();
        let time = DateTime::from_timestamp(number(&case, "unix"), 0).unwrap();
        assert_eq!(
            zone.token_seconds(time),
            number::<i64>(&case, "ts"),
            "{case}"
        );
    }
}

#[test]
fn log_in_is_written_by_zone() {
    // str(pk) + password + str(last_login.replace(microsecond=0, tzinfo=None)) + str(ts) + email, where
    // last_login is as the connection reads it.
    let state = ResetState {
        user: 7,
        password: "hash",
        last_login: "2026-01-02T20:04:05.678901Z".parse().ok(),
        email: "ann@example.org",
    };
    for (zone, read) in [
        ("UTC", "2026-01-02 20:04:05"),
        ("America/Chicago", "2026-01-02 14:04:05"),
        ("Asia/Tokyo", "2026-01-03 05:04:05"),
    ] {
        let value = state.value(9, TimeZone::named(zone).unwrap());
        assert_eq!(value, format!("7hash{read}9ann@example.org"), "{zone}");
    }
}

#[test]
fn numbers_split_at_calling_codes() {
    for case in primitives("e164_split") {
        let split = (
            number(&case, "country_code"),
            number(&case, "national_number"),
        );
        assert_eq!(
            calling_code::split(text(&case, "e164")),
            Some(split),
            "{case}"
        );
    }
    for code in primitives("calling_codes") {
        let split = calling_code::split(&format!("+{code}5550123"));
        assert_eq!(split, Some((code.as_u64().unwrap(), 5_550_123)), "{code}");
    }
}
