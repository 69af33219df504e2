//! Keys derived for other uses.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_tokens::{Keyring, SecretKey};

const FIRST: &str = "9f1c4be7203d58a6e5b07c92d1f48a36";
const SECOND: &str = "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa";

fn keyring(current: &str) -> Keyring {
    Keyring::new(SecretKey::new(current).unwrap())
}

#[test]
fn labels_give_different_keys() {
    let keyring = keyring(FIRST);
    assert_eq!(keyring.derive("csrf"), keyring.derive("csrf"));
    for label in ["", "csr", "csrf ", "CSRF", "cookies"] {
        assert_ne!(keyring.derive("csrf"), keyring.derive(label), "{label}");
    }
}

#[test]
fn secrets_give_different_keys() {
    assert_ne!(
        keyring(FIRST).derive("csrf"),
        keyring(SECOND).derive("csrf")
    );
}

#[test]
fn every_accepted_secret_derives() {
    let both = keyring(SECOND).with_fallback(SecretKey::new(FIRST).unwrap());
    assert_eq!(both.accepted(), 2);
    assert_eq!(
        both.derive_all("csrf"),
        [
            keyring(SECOND).derive("csrf"),
            keyring(FIRST).derive("csrf")
        ]
    );
    assert_eq!(both.derive("csrf"), keyring(SECOND).derive("csrf"));
}

#[test]
fn signed_fields_verify() {
    let key = keyring(FIRST).derive("csrf");
    let tag = key.sign(&[b"ab", b"c"]);
    assert!(key.verify(&[b"ab", b"c"], &tag));
    for fields in [&[&b"a"[..], b"bc"][..], &[b"abc"], &[b"ab", b"c", b""], &[]] {
        assert!(!key.verify(fields, &tag));
    }
}

#[test]
fn other_tags_are_refused() {
    let key = keyring(FIRST).derive("csrf");
    let tag = key.sign(&[b"a"]);
    for place in 0..tag.len() {
        for bit in 0..8 {
            let mut flipped = tag;
            *flipped.get_mut(place).unwrap() ^= 1 << bit;
            assert!(!key.verify(&[b"a"], &flipped));
        }
        assert!(!key.verify(&[b"a"], tag.get(..place).unwrap()));
    }
    assert!(!key.verify(&[b"a"], &[&tag[..], b"\0"].concat()));
}

#[test]
fn derived_keys_stay_the_same() {
    // Computed apart from this crate, with Python's hmac module.
    assert_eq!(
        keyring(FIRST).derive("csrf").as_bytes(),
        &[
            0x7e, 0xc7, 0x52, 0x75, 0x93, 0x90, 0x16, 0x53, 0x17, 0x94, 0xf0, 0x95, 0x77, 0xc7,
            0xcb, 0x3e, 0x82, 0xfd, 0x56, 0x7b, 0x92, 0x87, 0x46, 0x68, 0x2c, 0x75, 0x3e, 0x25,
            0xaa, 0xac, 0x8f, 0x37
        ]
    );
}
