//! What an answer must say besides its status: many gateways answer 200 and tell in the body that they took nothing.

use serde_json::Value;

use crate::{BuildError, BuildErrorKind};

/// What is looked for in a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// A value of the JSON, by its pointer (RFC 6901).
    Json { pointer: String, value: Value },
    /// A text that is in it.
    Contains(String),
    /// A text that is not in it.
    Lacks(String),
}

impl Condition {
    /// # Errors
    /// `Confirmation` for what no answer could meet, or every answer would.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let is_fit = match self {
            Self::Json { pointer, value } => is_pointer(pointer) && text_of(value).is_some(),
            Self::Contains(text) | Self::Lacks(text) => !text.is_empty(),
        };
        if is_fit {
            Ok(())
        } else {
            Err(BuildError::new(BuildErrorKind::Confirmation))
        }
    }

    /// # Errors
    /// What to say where the answer does not say that it was a success. Of the other side's words it repeats a number.
    pub(super) fn meets(&self, body: &[u8]) -> Result<(), String> {
        match self {
            Self::Json { pointer, value } => {
                let body: Option<Value> = serde_json::from_slice(body).ok();
                let found = body.as_ref().and_then(|body| body.pointer(pointer));
                let found = found.and_then(text_of);
                if found.is_some() && found == text_of(value) {
                    return Ok(());
                }
                let is_code = |text: &String| {
                    (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
                };
                Err(match found.filter(is_code) {
                    Some(code) => format!("{pointer} is {code}"),
                    None => format!("{pointer} is not as it must be"),
                })
            }
            Self::Contains(text) if !has(body, text) => {
                Err("without the text that it must have".to_owned())
            }
            Self::Lacks(text) if has(body, text) => {
                Err("with the text that it must not have".to_owned())
            }
            Self::Contains(_) | Self::Lacks(_) => Ok(()),
        }
    }
}

fn has(body: &[u8], text: &str) -> bool {
    body.windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Whether it points to something in JSON (RFC 6901, 3). The whole of it is no value to compare.
fn is_pointer(text: &str) -> bool {
    let mut rest = text.split('~').skip(1);
    text.starts_with('/') && rest.all(|rest| rest.starts_with(['0', '1']))
}

/// A single value as a text: gateways write `0` and `"0"`.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(_) | Value::Object(_) => None,
        single => Some(single.to_string()),
    }
}
