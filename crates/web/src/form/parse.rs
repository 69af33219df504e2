//! Reads `application/x-www-form-urlencoded` strictly.
//!
//! Browsers never send a field of these forms twice, nor bytes that are not UTF-8: anyone who does wants
//! two programs to read one request differently (ASVS 5.0, 15.3.7).

use zeroize::Zeroizing;

/// The most fields a form may have. The longest of ours has nine.
pub(crate) const MAX_FIELDS: usize = 100;

/// The fields of a form, in the order in which they came.
#[derive(Default)]
pub(crate) struct Fields(Vec<(String, Text)>);

/// What a field holds.
pub(crate) enum Text {
    /// What was typed.
    Good(Zeroizing<String>),
    /// Bytes that are not UTF-8, or a NUL among them. What can be shown of it.
    Bad(String),
}

/// Why a body is not a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotAForm {
    /// More than [`MAX_FIELDS`] fields.
    TooManyFields,
    /// A field came twice.
    Repeated,
    /// A field's name is not UTF-8.
    BadName,
}

impl Fields {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, NotAForm> {
        let pairs = || {
            body.split(|byte| *byte == b'&')
                .filter(|pair| !pair.is_empty())
        };
        if pairs().nth(MAX_FIELDS).is_some() {
            return Err(NotAForm::TooManyFields);
        }
        let mut fields: Vec<(String, Text)> = Vec::new();
        for pair in pairs() {
            let mut parts = pair.splitn(2, |byte| *byte == b'=');
            let name = decode(parts.next().unwrap_or_default());
            let name = std::str::from_utf8(&name).map_err(|_| NotAForm::BadName)?;
            if fields.iter().any(|(known, _)| known == name) {
                return Err(NotAForm::Repeated);
            }
            let value = decode(parts.next().unwrap_or_default());
            fields.push((name.to_owned(), Text::read(&value)));
        }
        Ok(Self(fields))
    }

    /// What a field holds; `None` when the form does not have it.
    pub(crate) fn find(&self, name: &str) -> Option<&Text> {
        self.0
            .iter()
            .find_map(|(known, text)| (known == name).then_some(text))
    }
}

impl Text {
    fn read(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Self::Good(Zeroizing::new(text.to_owned())),
            _ => Self::Bad(String::from_utf8_lossy(bytes).replace('\0', "\u{FFFD}")),
        }
    }
}

/// Plus signs are spaces, `%` and two digits a byte; other percent signs stand for themselves, as the
/// URL standard has it.
fn decode(encoded: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut decoded = Zeroizing::new(Vec::with_capacity(encoded.len()));
    let mut rest = encoded;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'+', _) => decoded.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    decoded.push(high << 4 | low);
                    rest = after;
                }
                _ => decoded.push(b'%'),
            },
            (byte, _) => decoded.push(*byte),
        }
    }
    decoded
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn good(body: &str, name: &str) -> Option<String> {
        match Fields::parse(body.as_bytes()).unwrap().find(name) {
            Some(Text::Good(text)) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn fields_are_decoded() {
        let body = "login=%2B91+98765&password=%C3%A9%20%&empty=&bare";
        assert_eq!(good(body, "login").as_deref(), Some("+91 98765"));
        assert_eq!(good(body, "password").as_deref(), Some("é %"));
        assert_eq!(good(body, "empty").as_deref(), Some(""));
        assert_eq!(good(body, "bare").as_deref(), Some(""));
        assert_eq!(good(body, "other"), None);
    }

    #[test]
    fn repeated_field_is_refused() {
        for body in ["a=1&a=2", "a=1&%61=2", "a&b=1&a"] {
            assert_eq!(
                Fields::parse(body.as_bytes()).err(),
                Some(NotAForm::Repeated),
                "{body}"
            );
        }
    }

    #[test]
    fn hundred_fields_are_enough() {
        let body = |count: usize| {
            let pairs: Vec<_> = (0..count).map(|number| format!("f{number}=x")).collect();
            pairs.join("&")
        };
        assert!(Fields::parse(body(MAX_FIELDS).as_bytes()).is_ok());
        assert_eq!(
            Fields::parse(body(MAX_FIELDS + 1).as_bytes()).err(),
            Some(NotAForm::TooManyFields)
        );
    }

    #[test]
    fn odd_bytes_are_marked() {
        for body in ["a=%FF", "a=x%00y", "a=%ED%A0%80"] {
            let fields = Fields::parse(body.as_bytes()).unwrap();
            assert!(matches!(fields.find("a"), Some(Text::Bad(_))), "{body}");
        }
        assert_eq!(Fields::parse(b"%FF=1").err(), Some(NotAForm::BadName));
    }
}
