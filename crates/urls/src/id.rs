//! Row ids as they stand in links: `uidb64` of a user, `idb64` of an address.
//!
//! The texts are those of django-phone-auth: base64url without padding, of the decimal id (`1` →
//! `MQ`), or of the kind of address and its row id (`email1` → `ZW1haWwx`). Each id has exactly one
//! text. Everything else is refused: padding, leading zeros, signs, underscores, full-width digits,
//! numbers that no database column holds.
//!
//! An id in a link says *which* row it is about and is no secret. What proves that someone may follow
//! the link is the token beside it.
//!
//! # Examples
//!
//! ```
//! use phone_auth_urls::{AddressKind, id};
//!
//! assert_eq!(id::encode_user(1), "MQ");
//! assert_eq!(id::decode_user("MQ"), Some(1));
//! assert_eq!(id::decode_user("MDE"), None); // "01"
//!
//! assert_eq!(id::encode_address(AddressKind::Phone, 7), "cGhvbmU3");
//! assert_eq!(id::decode_address("cGhvbmU3"), Some((AddressKind::Phone, 7)));
//! ```

use base64ct::{Base64UrlUnpadded, Encoding};
#[cfg(feature = "signals")]
use phone_auth_events::AddressKind;

/// The longest number: the digits of `i64::MAX`, and one place for a sign.
const MAX_NUMBER_BYTES: usize = 20;

/// The longest text before encoding: `email` or `phone`, and a number.
const MAX_BYTES: usize = 5 + MAX_NUMBER_BYTES;

/// The longest text after encoding.
const MAX_ENCODED_BYTES: usize = MAX_BYTES.div_ceil(3) * 4;

/// The `uidb64` of a user.
///
/// Ids of rows are positive. Others get a text too, which [`decode_user`] refuses.
pub fn encode_user(id: i64) -> String {
    encode("", id)
}

/// The id of the user, or `None` when the text is not exactly what [`encode_user`] gives for a
/// positive id.
pub fn decode_user(text: &str) -> Option<i64> {
    let mut buffer = [0; MAX_BYTES];
    read_number(decode(text, &mut buffer)?)
}

/// The `idb64` of an address.
///
/// Ids of rows are positive. Others get a text too, which [`decode_address`] refuses.
#[cfg(feature = "signals")]
pub fn encode_address(method: AddressKind, id: i64) -> String {
    encode(method.as_str(), id)
}

/// The kind and id of the address, or `None` when the text is not exactly what [`encode_address`]
/// gives for a positive id.
#[cfg(feature = "signals")]
pub fn decode_address(text: &str) -> Option<(AddressKind, i64)> {
    let mut buffer = [0; MAX_BYTES];
    let bytes = decode(text, &mut buffer)?;
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .find_map(|method| {
            let number = bytes.strip_prefix(method.as_str().as_bytes())?;
            Some((method, read_number(number)?))
        })
}

fn encode(kind: &'static str, id: i64) -> String {
    let mut digits = [0; MAX_NUMBER_BYTES];
    let number = write_number(id, &mut digits);
    let mut plain = [0; MAX_BYTES];
    let length = kind.len() + number.len();
    for (byte, source) in plain.iter_mut().zip(kind.as_bytes().iter().chain(number)) {
        *byte = *source;
    }
    let mut encoded = [0; MAX_ENCODED_BYTES];
    // Neither fallback is reached: the buffers hold the longest kind and number.
    Base64UrlUnpadded::encode(plain.get(..length).unwrap_or_default(), &mut encoded)
        .unwrap_or_default()
        .to_owned()
}

/// Decodes base64url without padding. Its decoder refuses unused bits that are not zero, so that one
/// text is left for each sequence of bytes.
fn decode<'b>(text: &str, buffer: &'b mut [u8; MAX_BYTES]) -> Option<&'b [u8]> {
    if text.len() > MAX_ENCODED_BYTES {
        return None;
    }
    Base64UrlUnpadded::decode(text, buffer).ok()
}

/// Writes the number in decimal at the end of the buffer.
fn write_number(number: i64, buffer: &mut [u8; MAX_NUMBER_BYTES]) -> &[u8] {
    let mut rest = number.unsigned_abs();
    let mut used = 0;
    for place in buffer.iter_mut().rev() {
        *place = digit(rest);
        rest /= 10;
        used += 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        if let Some(place) = buffer.iter_mut().rev().nth(used) {
            *place = b'-';
        }
        used += 1;
    }
    buffer.get(MAX_NUMBER_BYTES - used..).unwrap_or_default()
}

const fn digit(number: u64) -> u8 {
    b'0' + (number % 10) as u8
}

/// Reads a positive decimal number: ASCII digits, no sign, no leading zero, at most `i64::MAX`.
fn read_number(digits: &[u8]) -> Option<i64> {
    if !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    digits.iter().try_fold(0_i64, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(i64::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(all(test, feature = "signals"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_ids_have_known_texts() {
        for (id, text) in [
            (1, "MQ"),
            (12, "MTI"),
            (123, "MTIz"),
            (i64::MAX, "OTIyMzM3MjAzNjg1NDc3NTgwNw"),
        ] {
            assert_eq!(encode_user(id), text);
            assert_eq!(decode_user(text), Some(id));
        }
        for (method, id, text) in [
            (AddressKind::Email, 1, "ZW1haWwx"),
            (AddressKind::Phone, 7, "cGhvbmU3"),
            (
                AddressKind::Email,
                i64::MAX,
                "ZW1haWw5MjIzMzcyMDM2ODU0Nzc1ODA3",
            ),
        ] {
            assert_eq!(encode_address(method, id), text);
            assert_eq!(decode_address(text), Some((method, id)));
        }
    }

    /// Texts that a lenient number parser takes for an id.
    const ALIASES: [&str; 18] = [
        "",
        "0",
        "00",
        "01",
        "+1",
        "-1",
        "1_0",
        " 1",
        "1 ",
        "1\n",
        "1\0",
        "\x001",
        "1.0",
        "1e3",
        "0x1",
        "１",
        "9223372036854775808",
        "99999999999999999999",
    ];

    #[test]
    fn aliased_ids_are_refused() {
        for plain in ALIASES {
            let text = Base64UrlUnpadded::encode_string(plain.as_bytes());
            assert_eq!(decode_user(&text), None, "{plain:?}");
            for kind in ["email", "phone"] {
                let plain = format!("{kind}{plain}");
                let text = Base64UrlUnpadded::encode_string(plain.as_bytes());
                assert_eq!(decode_address(&text), None, "{plain:?}");
            }
        }
    }

    #[test]
    fn other_kinds_are_refused() {
        for plain in [
            "1",
            "Email1",
            "EMAIL1",
            "mail1",
            "emails1",
            "phoneemail1",
            "user1",
            "email",
            " email1",
            "ｅmail1",
        ] {
            let text = Base64UrlUnpadded::encode_string(plain.as_bytes());
            assert_eq!(decode_address(&text), None, "{plain:?}");
        }
    }

    #[test]
    fn odd_base64_is_refused() {
        for text in [
            "",
            "M",
            "MQ=",
            "MQ==",
            "MR",
            "MS",
            "Mf",
            " MQ",
            "MQ ",
            "MQ\n",
            "MQ\0",
            "M Q",
            "MTIzN",
            "MTI+",
            "MTI/",
            "ＭＱ",
            "set-password",
        ] {
            assert_eq!(decode_user(text), None, "{text:?}");
            assert_eq!(decode_address(text), None, "{text:?}");
        }
        let huge = "MTEx".repeat(250_000);
        assert_eq!(decode_user(&huge), None);
        assert_eq!(decode_address(&huge), None);
    }

    #[test]
    fn ids_without_rows_are_refused() {
        for id in [0, -1, i64::MIN] {
            assert_eq!(decode_user(&encode_user(id)), None);
            let text = encode_address(AddressKind::Email, id);
            assert_eq!(decode_address(&text), None);
        }
    }

    #[test]
    fn longest_texts_fit() {
        let plain = format!("email{}", i64::MIN);
        assert_eq!(
            encode_address(AddressKind::Email, i64::MIN),
            Base64UrlUnpadded::encode_string(plain.as_bytes())
        );
    }

    proptest! {
        #[test]
        fn ids_come_back(id in 1..=i64::MAX) {
            prop_assert_eq!(decode_user(&encode_user(id)), Some(id));
            for method in [AddressKind::Email, AddressKind::Phone] {
                prop_assert_eq!(decode_address(&encode_address(method, id)), Some((method, id)));
            }
        }

        #[test]
        fn accepted_texts_are_canonical(text in "[A-Za-z0-9_=-]{1,30}") {
            if let Some(id) = decode_user(&text) {
                prop_assert_eq!(encode_user(id), &*text);
            }
        }

        #[test]
        fn accepted_numbers_are_canonical(plain in "(email|phone)?[0-9+_ -]{1,20}") {
            let text = Base64UrlUnpadded::encode_string(plain.as_bytes());
            if let Some(id) = decode_user(&text) {
                prop_assert_eq!(encode_user(id), &*text);
            }
            if let Some((method, id)) = decode_address(&text) {
                prop_assert_eq!(encode_address(method, id), &*text);
            }
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _: Option<i64> = decode_user(&text);
            let _: Option<(AddressKind, i64)> = decode_address(&text);
        }
    }
}
