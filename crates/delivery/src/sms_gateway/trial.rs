//! Trying the templates of a request before the first message, with numbers as there are.
//!
//! What a template asks for cannot be told by the names in it: `{{ to[1:] }}` has the number in it, and
//! `{% if to %}now{% endif %}` has not. So requests are made, and compared.

use reqwest::header::HeaderValue;
use serde_json::Value;

use super::body::Body;
use super::builder::of_request;
use super::request_template::{self, ADDRESS, Fields, RequestTemplate};
use crate::http::Endpoint;
use crate::{BuildError, BuildErrorKind};

/// A number, and what of it every request has in it, in whichever form it wants the whole: it may leave out the plus, or
/// take the code of the country apart.
const NUMBERS: [(&str, &str); 3] = [
    ("+41446681800", "6681800"),
    ("+12025550123", "5550123"),
    ("+919876543210", "6543210"),
];

/// A text, and the link in it, which must arrive as it is. Small and large letters stand in each, and what would show that
/// the text was cut.
const TEXTS: [(&str, &str); 2] = [
    (
        "Nummer best\u{e4}tigen & \"so\": https://example.org/accounts/Ab-1/toxjx0-5ec7e7/",
        "https://example.org/accounts/Ab-1/toxjx0-5ec7e7/",
    ),
    (
        "Confirm your number (10 min): https://accounts.example.org/accounts/user_verification_confirm/cGhvbmUx/toxjx0-0123456789abcdef0123456789abcdef/",
        "https://accounts.example.org/accounts/user_verification_confirm/cGhvbmUx/toxjx0-0123456789abcdef0123456789abcdef/",
    ),
];

const LANGUAGES: [&str; 3] = ["en", "de", "pt-BR"];

/// What a request says, with nothing encoded any more.
struct Said {
    origin: url::Origin,
    parts: Vec<String>,
}

/// Makes requests of many messages. Where they go must not depend on these; that is returned.
///
/// # Errors
/// `Url`, `LogInUrl`, `Plaintext`; `Request` when a template cannot be rendered; `Incomplete` when the request is the same
/// for another number or text, `Changed` when they do not arrive as they are.
pub(super) fn run(
    request: &RequestTemplate,
    endpoint: &Endpoint,
) -> Result<url::Origin, BuildError> {
    let say = |to, text, language| {
        let fields = Fields {
            to,
            text,
            key: "0190a7f3-5d1c-7c3e-9a55-3f2a9c1b7d5e",
            language,
            secret: request.secret(),
        };
        said(request, endpoint, &fields)
    };
    let mut origins = Vec::new();
    for language in LANGUAGES {
        let mut requests = Vec::new();
        for (to, digits) in NUMBERS {
            for (text, link) in TEXTS {
                let Said { origin, parts } = say(to, text, language)?;
                origins.push(origin);
                requests.push((digits, link, parts));
            }
        }
        for (at, (_, _, parts)) in requests.iter().enumerate() {
            let mut others = requests.iter().skip(at + 1);
            if others.any(|(_, _, others)| others == parts) {
                return Err(BuildError::new(BuildErrorKind::Incomplete));
            }
        }
        let is_changed = |(digits, link, parts): &(&str, &str, Vec<String>)| {
            !arrives(parts, digits) || !arrives(parts, link) || is_encoded_twice(parts)
        };
        if requests.iter().any(is_changed) {
            return Err(BuildError::new(BuildErrorKind::Changed));
        }
    }
    origins.dedup();
    match <[url::Origin; 1]>::try_from(origins) {
        Ok([origin]) => Ok(origin),
        Err(_several) => Err(BuildError::new(BuildErrorKind::Url)),
    }
}

fn arrives(parts: &[String], what: &str) -> bool {
    parts.iter().any(|part| part.contains(what))
}

/// Whether a plus is still encoded, which stands before each number.
fn is_encoded_twice(parts: &[String]) -> bool {
    let digits = |rest: &str| rest.starts_with(|sign: char| sign.is_ascii_digit());
    parts.iter().any(|part| {
        ["%2B", "%2b", "&#43;", "\\u002b", "\\u002B"]
            .iter()
            .any(|plus| part.split(plus).skip(1).any(digits))
    })
}

/// One request.
fn said(
    request: &RequestTemplate,
    endpoint: &Endpoint,
    fields: &Fields<'_>,
) -> Result<Said, BuildError> {
    let address =
        request_template::render(&request.address, ADDRESS, fields).map_err(of_request)?;
    let url = endpoint.url(&address)?;
    // A path has no form: a plus in it is one.
    let path = url.path().replace('+', "%2B");
    let path =
        form_urlencoded::parse(path.as_bytes()).map(|(name, value)| format!("{name}{value}"));
    let mut parts: Vec<String> = path.collect();
    parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    for (_, template) in &request.headers {
        let value =
            request_template::render(&request.plain, template, fields).map_err(of_request)?;
        HeaderValue::from_str(&value)
            .map_err(|error| BuildError::with_source(BuildErrorKind::Request, error))?;
        parts.push(value);
    }
    let body = request.body.bytes(&request.plain, fields);
    if let Some((_, bytes)) = body.map_err(of_request)? {
        match &request.body {
            Body::Json(_) => texts(serde_json::from_slice(&bytes).ok(), &mut parts),
            _ => parts.extend(form_urlencoded::parse(&bytes).map(|(_, value)| value.into_owned())),
        }
    }
    Ok(Said {
        origin: url.origin(),
        parts,
    })
}

/// The texts in JSON.
fn texts(value: Option<Value>, parts: &mut Vec<String>) {
    match value {
        Some(Value::String(text)) => parts.push(text),
        Some(Value::Array(items)) => items.into_iter().for_each(|item| texts(Some(item), parts)),
        Some(Value::Object(entries)) => {
            let items = entries.into_iter().map(|(_, item)| item);
            items.for_each(|item| texts(Some(item), parts));
        }
        _ => {}
    }
}
