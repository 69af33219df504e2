//! Making and checking tokens, against an HMAC that has its key cached and does nothing else.
//!
//! Run it with `cargo bench -p phone-auth-tokens`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed benchmark")]
#![expect(
    clippy::indexing_slicing,
    reason = "the limit is the least code, and its indices are constants"
)]

use std::hint::black_box;
use std::time::Duration;

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use phone_auth_test_bench::Table;
use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey};
use sha2::Sha256;

const HOUR: Duration = Duration::from_hours(1);
const RESET: Purpose = Purpose::new("reset-password");
const VERIFY: Purpose = Purpose::new("verify-email");
const KEY: &str = "9f1c4be7203d58a6e5b07c92d1f48a36";
const HASH: &[u8] =
    b"argon2$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$Zm9yIGEgYmVuY2htYXJrIG9ubHkuLi4uLi4uLi4uLi4";

fn main() {
    let reset: &[&[u8]] = &[b"17", HASH, b"2026-11-22 12:00:00", b"ada@example.org"];
    let email: &[&[u8]] = &[b"7", b"ada@example.org", b"unverified"];
    let table = Table::new("HMAC-SHA256 with its key cached, over the same fields, as text");
    compare(&table, "reset", RESET, reset);
    compare(&table, "email", VERIFY, email);
    println!("\ngood against bad, both ours; the figure to hold is 1");
    bad_costs_the_same(&table, email);
}

fn tokens() -> OneTimeTokens {
    OneTimeTokens::new(Keyring::new(SecretKey::new(KEY).unwrap()))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_392_000, 0).unwrap()
}

fn compare(table: &Table, name: &str, purpose: Purpose, state: &[&[u8]]) {
    let (tokens, now) = (tokens(), now());
    let mac: Hmac<Sha256> = Hmac::new_from_slice(KEY.as_bytes()).unwrap();
    table.compare(
        &format!("make a token ({name})"),
        1.3,
        || tokens.issue(&purpose, black_box(now), black_box(state)),
        || bare_make(&mac, black_box(now), black_box(state)),
    );
    let ours = tokens.issue(&purpose, now, state);
    let bare = bare_make(&mac, now, state);
    assert!(bare_check(&mac, &bare, now, state));
    table.compare(
        &format!("check a token ({name})"),
        1.3,
        || {
            let text = black_box(ours.as_str());
            tokens.check(&purpose, text, black_box(now), HOUR, black_box(state))
        },
        || bare_check(&mac, black_box(&bare), black_box(now), black_box(state)),
    );
}

fn bad_costs_the_same(table: &Table, state: &[&[u8]]) {
    let (tokens, now) = (tokens(), now());
    let good = tokens.issue(&VERIFY, now, state);
    let other = tokens.issue(&RESET, now, state);
    let first = good.as_str().replace('-', "-0");
    for (name, bad) in [
        ("forged", other.as_str()),
        ("too long", &first),
        ("empty", ""),
        ("of another script", "пароль"),
    ] {
        table.compare(
            &format!("check a bad token ({name})"),
            1.05,
            || tokens.check(&VERIFY, black_box(bad), now, HOUR, black_box(state)),
            || {
                tokens.check(
                    &VERIFY,
                    black_box(good.as_str()),
                    now,
                    HOUR,
                    black_box(state),
                )
            },
        );
    }
}

/// The bare work: fields run into each other, nothing is wiped, the time is not looked at.
fn bare_make(mac: &Hmac<Sha256>, now: DateTime<Utc>, state: &[&[u8]]) -> String {
    let seconds = now.timestamp().unsigned_abs();
    let tag = bare_tag(mac, seconds, state);
    let mut text = [0_u8; 39];
    let mut rest = seconds;
    for place in text.iter_mut().take(6).rev() {
        *place = b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize];
        rest /= 36;
    }
    text[6] = b'-';
    for (pair, byte) in text[7..].chunks_exact_mut(2).zip(tag) {
        pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
        pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
    }
    core::str::from_utf8(&text).unwrap().to_owned()
}

fn bare_check(mac: &Hmac<Sha256>, text: &str, now: DateTime<Utc>, state: &[&[u8]]) -> bool {
    let (time, tag) = text.split_once('-').unwrap();
    let seconds = u64::from_str_radix(time, 36).unwrap();
    let expected = bare_tag(mac, seconds, state);
    let mut given = [0_u8; 16];
    for (byte, pair) in given.iter_mut().zip(tag.as_bytes().chunks_exact(2)) {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => digit - b'0',
            _ => digit - b'a' + 10,
        };
        *byte = (digit(pair[0]) << 4) | digit(pair[1]);
    }
    given == expected && seconds <= now.timestamp().unsigned_abs()
}

fn bare_tag(mac: &Hmac<Sha256>, seconds: u64, state: &[&[u8]]) -> [u8; 16] {
    let mut mac = mac.clone();
    mac.update(&seconds.to_be_bytes());
    for field in state {
        mac.update(field);
    }
    let tag: [u8; 32] = mac.finalize().into_bytes().into();
    core::array::from_fn(|index| tag[index])
}
