//! How an address is shown on a page. What forms send, and what is stored, is written otherwise.

use std::borrow::Cow;

use minijinja::Value;
use phone_auth_core::address::PhoneNumber;

/// The filter `written`: a phone number as people write it, anything else as it is.
pub(crate) fn written(address: Value) -> Value {
    match address.as_str().map(as_people_do) {
        Some(Cow::Owned(number)) => number.into(),
        _ => address,
    }
}

/// The same, of what is no value of a template yet.
pub(crate) fn as_people_do(text: &str) -> Cow<'_, str> {
    let number = Some(text).filter(|text| text.starts_with('+'));
    let number = number.and_then(|text| PhoneNumber::parse(text).ok());
    number.map_or(Cow::Borrowed(text), |number| {
        number.to_international().into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_do() {
        for (stored, shown) in [
            ("+12125552368", "+1 212-555-2368"),
            ("+41446681800", "+41 44 668 18 00"),
            ("+999123", "+999123"),
            ("ann@example.org", "ann@example.org"),
            ("+ann@example.org", "+ann@example.org"),
            ("", ""),
        ] {
            assert_eq!(written(stored.into()), Value::from(shown));
        }
        assert!(written(Value::UNDEFINED).is_undefined());
    }
}
