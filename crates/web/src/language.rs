//! The language that a browser asks for.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use phone_auth_core::language::Language;

/// The most entries that are looked at: browsers send a few.
const MOST: usize = 20;

/// The language that is wanted most, by `Accept-Language` (RFC 9110, 12.5.4): the highest weight, of equal ones the first.
/// What cannot be read is passed over.
pub(crate) fn preferred(headers: &HeaderMap) -> Option<Language> {
    let header = headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
    let mut best = None;
    for entry in header.split(',').take(MOST) {
        let (tag, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let (Ok(language), Some(weight)) = (Language::parse(tag.trim()), weight(parameters)) else {
            continue;
        };
        if weight > best.as_ref().map_or(0, |(best, _)| *best) {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

/// A weight in thousandths: `q=0.8` is 800, nothing is 1000.
fn weight(parameters: &str) -> Option<u32> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let number = parameters
        .strip_prefix("q=")
        .or_else(|| parameters.strip_prefix("Q="))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u32 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(header: &'static [u8], expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_bytes(header) {
            headers.insert(ACCEPT_LANGUAGE, value);
        }
        let language = preferred(&headers);
        assert_eq!(language.as_ref().map(Language::as_str), expected);
    }

    #[test]
    fn most_wanted_language_is_taken() {
        check(b"de-AT,de;q=0.9,en;q=0.8", Some("de-at"));
        check(b"en;q=0.5, fr;q=0.75 , de;q=0.7", Some("fr"));
        check(b"en;q=0, fr; q=0.001", Some("fr"));
        check(b"*, en;q=0.1", Some("en"));
    }

    #[test]
    fn twenty_languages_are_looked_at() {
        for (before, expected) in [(19, Some("de")), (20, Some("en"))] {
            let header = format!("{}de", "en;q=0.1,".repeat(before));
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::try_from(header) {
                headers.insert(ACCEPT_LANGUAGE, value);
            }
            let language = preferred(&headers);
            assert_eq!(language.as_ref().map(Language::as_str), expected);
        }
    }

    #[test]
    fn odd_headers_ask_for_nothing() {
        check(b"", None);
        check(b"*", None);
        check(b"en;q=0", None);
        check(b"en;q=2, de;q=1.5, fr;q=x, it;q=0.1234, ,;;", None);
        check(b"\xff\xfe", None);
        check(b"../../etc;q=1", None);
    }
}
