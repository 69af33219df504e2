//! Percent-encoding of path segments (RFC 3986, section 2.1).

use std::borrow::Cow;

const HEX: [char; 16] = [
    '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F',
];

/// Characters that need no encoding anywhere (RFC 3986, section 2.3).
pub(crate) const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends one byte as `%XX`.
pub(crate) fn push_encoded(byte: u8, out: &mut String) {
    out.push('%');
    for half in [byte >> 4, byte & 0x0f] {
        out.extend(HEX.get(usize::from(half)));
    }
}

/// Appends a segment, everything but unreserved characters encoded.
pub(crate) fn push_segment(segment: &str, out: &mut String) {
    if segment.bytes().all(is_unreserved) {
        out.push_str(segment);
        return;
    }
    for byte in segment.bytes() {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            push_encoded(byte, out);
        }
    }
}

/// Undoes the encoding once, or gives `None` when a `%` is not followed by two hexadecimal digits or
/// the bytes are not UTF-8.
pub(crate) fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, after @ ..] = after else {
            return None;
        };
        bytes.push((hex(*high)? << 4) | hex(*low)?);
        rest = after;
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(segment: &str) -> String {
        let mut out = String::new();
        push_segment(segment, &mut out);
        out
    }

    #[test]
    fn reserved_characters_are_encoded() {
        assert_eq!(encoded("az-AZ_09.~"), "az-AZ_09.~");
        assert_eq!(encoded("a/b?c#d%2F"), "a%2Fb%3Fc%23d%252F");
        assert_eq!(encoded("\\ \r\n\0\u{7f}é"), "%5C%20%0D%0A%00%7F%C3%A9");
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["%", "a%", "%1", "%g0", "%0g", "%é", "%ff", "%C3", "%+1"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(segment in any::<String>()) {
            let text = encoded(&segment);
            prop_assert!(text.bytes().all(|byte| is_unreserved(byte) || byte == b'%'));
            prop_assert_eq!(decode(&text), Some(Cow::Owned(segment)));
        }
    }
}
