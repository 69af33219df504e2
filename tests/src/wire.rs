//! Text as it goes over the wire.

use std::fmt::Write as _;

/// Percent-encodes whatever is not a letter, a digit or one of `-._~`.
pub fn encode(text: impl AsRef<[u8]>) -> String {
    text.as_ref()
        .iter()
        .fold(String::new(), |mut encoded, &byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                write!(encoded, "%{byte:02X}").unwrap();
            }
            encoded
        })
}

/// Fields as the body of a form.
pub(crate) fn form(fields: &[(String, String)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    pairs.join("&")
}
