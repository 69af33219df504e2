//! The pattern of a route: literal segments, and parameters in braces.

use crate::{ReverseError, ReverseErrorKind, percent};

/// A path with places for parameters, read once so that filling it in is only copying.
#[derive(Clone)]
pub(crate) struct Pattern {
    /// What stands before each parameter, and the parameter.
    places: Vec<Place>,
    /// What stands after the last one.
    rest: String,
}

#[derive(Clone)]
struct Place {
    before: String,
    parameter: String,
}

impl Pattern {
    /// Reads `/a/{b}/`: begins with `/`, no empty segment, each segment either unreserved characters
    /// or one parameter, no parameter twice.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/')?;
        let mut places: Vec<Place> = Vec::new();
        let mut literal = String::from("/");
        let mut parts = segments.split('/').peekable();
        while let Some(segment) = parts.next() {
            let last = parts.peek().is_none();
            if let Some(parameter) = parameter(segment) {
                if places.iter().any(|place| place.parameter == parameter) {
                    return None;
                }
                places.push(Place {
                    before: core::mem::take(&mut literal),
                    parameter: parameter.to_owned(),
                });
            } else if is_literal(segment) || (last && segment.is_empty()) {
                literal.push_str(segment);
            } else {
                return None;
            }
            if !last {
                literal.push('/');
            }
        }
        Some(Self {
            places,
            rest: literal,
        })
    }

    /// How many bytes stand before the first parameter: all of them when there is none.
    pub(crate) fn literal(&self) -> usize {
        self.places
            .first()
            .map_or(self.rest.len(), |place| place.before.len())
    }

    /// The path with the values in place, percent-encoded.
    pub(crate) fn fill(&self, values: &[(&str, &str)]) -> Result<String, ReverseError> {
        if values.len() > self.places.len() {
            return Err(ReverseError::new(ReverseErrorKind::UnexpectedParameter));
        }
        let mut path = String::with_capacity(self.length(values));
        for place in &self.places {
            let (_, value) = values
                .iter()
                .find(|(name, _)| *name == place.parameter)
                .ok_or(ReverseError::new(ReverseErrorKind::MissingParameter))?;
            if !is_safe(value) {
                return Err(ReverseError::new(ReverseErrorKind::UnsafeValue));
            }
            path.push_str(&place.before);
            percent::push_segment(value, &mut path);
        }
        path.push_str(&self.rest);
        Ok(path)
    }

    /// How long the path will be if nothing needs encoding.
    fn length(&self, values: &[(&str, &str)]) -> usize {
        let literal: usize = self.places.iter().map(|place| place.before.len()).sum();
        let filled: usize = values.iter().map(|(_, value)| value.len()).sum();
        literal + filled + self.rest.len()
    }
}

/// Whether a value can stand in a path. An empty one would make `//`. Browsers resolve `.` and `..`
/// even when they are encoded (WHATWG URL, "double-dot path segment"), so no encoding saves them.
pub(crate) fn is_safe(value: &str) -> bool {
    !matches!(value, "" | "." | "..")
}

/// Whether a mount is `/`, or segments between slashes: `/accounts/`, `/en/accounts/`.
pub(crate) fn is_mount(text: &str) -> bool {
    text == "/"
        || text
            .strip_prefix('/')
            .and_then(|text| text.strip_suffix('/'))
            .is_some_and(|text| text.split('/').all(is_literal))
}

fn is_literal(segment: &str) -> bool {
    is_safe(segment) && segment.bytes().all(percent::is_unreserved)
}

fn parameter(segment: &str) -> Option<&str> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    let mut bytes = name.bytes();
    let first = bytes.next()?;
    let is_name = (first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some(name)
}
