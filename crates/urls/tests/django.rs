//! Ids as Django and django-phone-auth write them in links.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;

use phone_auth_urls::AddressKind;
use phone_auth_urls::id::{decode_address, decode_user, encode_address, encode_user};
use serde_json::Value;

/// The vectors of this kind, of Django or of the file that the environment names.
fn cases(kind: &str) -> Vec<Value> {
    let path = std::env::var_os("PHONE_AUTH_VECTORS").map_or_else(
        || {
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("../django/tests/data/django-vectors.json")
        },
        PathBuf::from,
    );
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = vectors.get(kind).and_then(Value::as_array).unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

/// The number that must be accepted.
fn accepted(case: &Value) -> Option<i64> {
    let must_accept = case.get("must_accept").and_then(Value::as_bool).unwrap();
    must_accept.then(|| case.get("pk").and_then(Value::as_i64).unwrap())
}

#[test]
fn ids_of_users_hold() {
    for case in cases("uidb64") {
        let text = case.get("uidb64").and_then(Value::as_str).unwrap();
        assert_eq!(decode_user(text), accepted(&case), "{case}");
        if let Some(id) = accepted(&case) {
            assert_eq!(encode_user(id), text);
        }
    }
}

#[test]
fn ids_of_addresses_hold() {
    for case in cases("idb64") {
        let text = case.get("idb64").and_then(Value::as_str).unwrap();
        let kind = case.get("kind").and_then(Value::as_str);
        let expected = accepted(&case).map(|id| match kind {
            Some("email") => (AddressKind::Email, id),
            _ => (AddressKind::Phone, id),
        });
        assert_eq!(decode_address(text), expected, "{case}");
        if let Some((method, id)) = expected {
            assert_eq!(encode_address(method, id), text);
        }
    }
}
