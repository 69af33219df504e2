//! The text of a token, `<base36 seconds>-<hexadecimal tag>`, written and read.
//!
//! One token has exactly one text: what is read is what would be written, or it is refused. This
//! module knows nothing of keys.

use zeroize::Zeroizing;

/// How many bytes of the MAC a token carries: 128 bits, so that a link fits into one text message.
/// RFC 2104, section 5, asks for at least half of the hash, which this is.
pub(crate) const TAG_BYTES: usize = 16;

/// Nine digits of base 36 reach past every date that chrono can hold.
const MAX_TIME_DIGITS: usize = 9;

const TAG_DIGITS: usize = 2 * TAG_BYTES;
const MAX_BYTES: usize = MAX_TIME_DIGITS + 1 + TAG_DIGITS;

/// What a token says: when it was issued, and the proof.
#[derive(Clone, Copy)]
pub(crate) struct Parts {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub(crate) seconds: u64,
    pub(crate) tag: [u8; TAG_BYTES],
}

/// Writes a token.
pub(crate) fn write(parts: &Parts) -> String {
    let mut buffer = Zeroizing::new([b'-'; MAX_BYTES]);
    let (head, tag) = buffer.split_at_mut(MAX_TIME_DIGITS + 1);
    for (digits, byte) in tag.as_chunks_mut::<2>().0.iter_mut().zip(parts.tag) {
        *digits = hex_digits(byte);
    }
    let mut rest = parts.seconds;
    let mut unused = MAX_TIME_DIGITS;
    for place in head.iter_mut().take(MAX_TIME_DIGITS).rev() {
        *place = base36_digit(rest % 36);
        rest /= 36;
        unused -= 1;
        if rest == 0 {
            break;
        }
    }
    let text = buffer.get(unused..).unwrap_or_default();
    core::str::from_utf8(text).unwrap_or_default().to_owned()
}

/// Reads a token, or gives `None` when it is not the text that [`write`] would have made.
pub(crate) fn read(text: &str) -> Option<Parts> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let (time, tag) = text
        .as_bytes()
        .split_at_checked(text.len().checked_sub(TAG_DIGITS)?)?;
    let (dash, time) = time.split_last()?;
    if *dash != b'-' {
        return None;
    }
    Some(Parts {
        seconds: read_time(time)?,
        tag: read_tag(tag)?,
    })
}

/// The two hexadecimal digits of a byte.
pub(crate) fn hex_digits(byte: u8) -> [u8; 2] {
    [hex_digit(byte >> 4), hex_digit(byte & 0x0f)]
}

const fn hex_digit(value: u8) -> u8 {
    if value < 10 {
        b'0' + value
    } else {
        b'a' + value - 10
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a remainder of 36 fits into a byte"
)]
const fn base36_digit(value: u64) -> u8 {
    hex_digit(value as u8)
}

fn read_time(digits: &[u8]) -> Option<u64> {
    match digits {
        [] | [b'0', _, ..] => return None,
        _ => {}
    }
    // At most nine digits arrive here, so this cannot overflow.
    digits.iter().try_fold(0_u64, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum * 36 + u64::from(value))
    })
}

fn read_tag(digits: &[u8]) -> Option<[u8; TAG_BYTES]> {
    let mut tag = [0_u8; TAG_BYTES];
    for (byte, pair) in tag.iter_mut().zip(digits.as_chunks::<2>().0) {
        let [high, low] = *pair;
        *byte = (read_hex(high)? << 4) | read_hex(low)?;
    }
    Some(tag)
}

const fn read_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    const TAG: [u8; TAG_BYTES] = [
        0x00, 0x01, 0x0a, 0x10, 0x1f, 0x7f, 0x80, 0x99, 0x9a, 0xa0, 0xaf, 0xc3, 0xd4, 0xe5, 0xf6,
        0xff,
    ];
    const TAG_TEXT: &str = "00010a101f7f80999aa0afc3d4e5f6ff";

    #[track_caller]
    fn check(seconds: u64, time: &str) {
        let text = write(&Parts { seconds, tag: TAG });
        assert_eq!(text, format!("{time}-{TAG_TEXT}"));
        let parts = read(&text).unwrap();
        assert_eq!((parts.seconds, parts.tag), (seconds, TAG));
    }

    #[test]
    fn written_text_is_known() {
        check(0, "0");
        check(35, "z");
        check(36, "10");
        check(1_795_392_000, "toxhc0");
        check(36_u64.pow(9) - 1, "zzzzzzzzz");
    }

    #[test]
    fn other_spellings_are_refused() {
        for time in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "A",
            "１",
            "1\0",
            "1-",
            "1000000000",
            "zzzzzzzzzz",
        ] {
            assert!(read(&format!("{time}-{TAG_TEXT}")).is_none(), "{time:?}");
        }
        for tag in [
            "",
            "00",
            "00010A101f7f80999aa0afc3d4e5f6ff",
            "00010a101f7f80999aa0afc3d4e5f6f",
            "00010a101f7f80999aa0afc3d4e5f6ff0",
            "00010a101f7f80999aa0afc3d4e5f6fg",
            "00010a101f7f80999aa0afc3d4e5f6é",
            " 0010a101f7f80999aa0afc3d4e5f6ff",
        ] {
            assert!(read(&format!("1-{tag}")).is_none(), "{tag:?}");
        }
    }

    proptest! {
        #[test]
        fn read_undoes_write(seconds in 0..36_u64.pow(9), tag: [u8; TAG_BYTES]) {
            let parts = read(&write(&Parts { seconds, tag })).unwrap();
            prop_assert_eq!((parts.seconds, parts.tag), (seconds, tag));
        }

        #[test]
        fn accepted_text_is_canonical(text in "[0-9a-zA-Z+_ -]{0,12}-[0-9a-f]{30,34}") {
            if let Some(parts) = read(&text) {
                prop_assert_eq!(write(&parts), text);
            }
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            prop_assert!(read(&text).is_none());
        }
    }
}
