//! One-time codes: what they are bound to, and that they are spread evenly.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_tokens::{Keyring, OneTimeCode, OneTimeCodes, Purpose, SecretKey};

const FIRST: &str = "9f1c4be7203d58a6e5b07c92d1f48a36";
const SECOND: &str = "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa";
const VERIFY: Purpose = Purpose::new("verify-phone");
const RESET: Purpose = Purpose::new("reset-phone");

fn keyring(key: &str) -> Keyring {
    Keyring::new(SecretKey::new(key).unwrap())
}

fn codes(key: &str) -> OneTimeCodes {
    OneTimeCodes::new(keyring(key))
}

/// The state of request `request`, issue `issue`.
fn derived(codes: &OneTimeCodes, purpose: &Purpose, request: u32, issue: u32) -> OneTimeCode {
    let (request, issue) = (request.to_be_bytes(), issue.to_be_bytes());
    codes.derive(purpose, &[b"phone 7", &request, &issue])
}

#[test]
fn codes_are_six_digits() {
    let codes = codes(FIRST);
    let all: Vec<_> = (0..5_000)
        .map(|it| derived(&codes, &VERIFY, it, 1))
        .collect();
    for code in &all {
        assert_eq!(code.as_str().len(), OneTimeCode::DIGITS);
        assert!(code.as_str().bytes().all(|byte| byte.is_ascii_digit()));
    }
    // Those with a zero in front are as many as others.
    let with_zero = all.iter().filter(|code| code.as_str().starts_with('0'));
    assert!((400..600).contains(&with_zero.count()));
}

#[test]
fn code_is_the_same_each_time() {
    let code = derived(&codes(FIRST), &VERIFY, 1, 1);
    assert_eq!(code, derived(&codes(FIRST), &VERIFY, 1, 1));
    // What is on its way must not die by an update of the program.
    assert_eq!(code.as_str(), "415170");
}

/// Each changes one thing that a code is bound to. Two codes are equal by chance once in a million, so several are compared.
#[test]
fn code_is_bound_to_each_part() {
    type Other = fn(u32) -> OneTimeCode;
    let table: [(&str, Other); 5] = [
        ("key", |it| derived(&codes(SECOND), &VERIFY, it, 1)),
        ("purpose", |it| derived(&codes(FIRST), &RESET, it, 1)),
        ("request", |it| derived(&codes(FIRST), &VERIFY, it + 8, 1)),
        ("issue", |it| derived(&codes(FIRST), &VERIFY, it, 2)),
        ("address", |it| {
            let (request, issue) = (it.to_be_bytes(), 1_u32.to_be_bytes());
            codes(FIRST).derive(&VERIFY, &[b"phone 8", &request, &issue])
        }),
    ];
    for (part, other) in table {
        let same = (0..8).filter(|it| derived(&codes(FIRST), &VERIFY, *it, 1) == other(*it));
        assert_eq!(same.count(), 0, "{part}");
    }
}

#[test]
fn only_the_exact_digits_are_right() {
    let codes = codes(FIRST);
    let state: &[&[u8]] = &[b"phone 7", b"request", b"1"];
    let code = codes.derive(&VERIFY, state);
    let right = code.as_str();
    assert!(codes.check(&VERIFY, right, state));
    assert!(!codes.check(&RESET, right, state));
    for place in 0..right.len() {
        for digit in '0'..='9' {
            let mut typed = right.to_owned();
            typed.replace_range(place..=place, &digit.to_string());
            assert_eq!(
                codes.check(&VERIFY, &typed, state),
                typed == right,
                "{place} {digit}"
            );
        }
    }
    let wide: String = right
        .chars()
        .map(|c| char::from_u32(u32::from(c) + 0xFEE0).unwrap())
        .collect();
    let long = right.repeat(20_000);
    for typed in [
        "",
        " ",
        right.trim_start_matches(|c| right.starts_with(c)),
        &format!("{right} "),
        &format!("0{right}"),
        &format!("{right}\0"),
        &wide,
        &long,
    ] {
        assert!(
            !codes.check(&VERIFY, typed, state),
            "{} characters",
            typed.len()
        );
    }
}

#[test]
fn codes_of_an_older_key_are_accepted() {
    let state: &[&[u8]] = &[b"phone 7", b"request", b"1"];
    let old = codes(FIRST).derive(&VERIFY, state);
    let rotated = keyring(SECOND).with_fallback(SecretKey::new(FIRST).unwrap());
    let rotated = OneTimeCodes::new(rotated);
    assert!(rotated.check(&VERIFY, old.as_str(), state));
    assert_eq!(
        rotated.derive(&VERIFY, state),
        codes(SECOND).derive(&VERIFY, state)
    );
    assert!(rotated.check(&VERIFY, rotated.derive(&VERIFY, state).as_str(), state));
    assert!(!codes(SECOND).check(&VERIFY, old.as_str(), state));
}

/// A million codes, each digit at each place: χ² with nine degrees of freedom is above 33.7 once in ten thousand. The keys are
/// fixed, so the figures are the same at each run.
#[test]
fn digits_are_spread_evenly() {
    let codes = codes(FIRST);
    let mut counts = [[0_u32; 10]; OneTimeCode::DIGITS];
    for request in 0..1_000_000 {
        let code = derived(&codes, &VERIFY, request, 1);
        for (count, digit) in counts.iter_mut().zip(code.as_str().bytes()) {
            if let Some(count) = count.get_mut(usize::from(digit - b'0')) {
                *count += 1;
            }
        }
    }
    let expected = 100_000.0;
    for (place, count) in counts.iter().enumerate() {
        let distance = |of: &u32| (f64::from(*of) - expected).powi(2) / expected;
        let chi_squared: f64 = count.iter().map(distance).sum();
        assert!(chi_squared < 33.7, "place {place}: {chi_squared}");
    }
}

#[test]
fn code_is_not_shown() {
    let codes = codes(FIRST);
    let code = derived(&codes, &VERIFY, 1, 1);
    let shown = format!("{code:?} {codes:?}");
    assert!(!shown.contains(code.as_str()), "{shown}");
    assert!(shown.contains("OneTimeCode(..)"), "{shown}");
}
