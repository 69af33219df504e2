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

/// Why an answer is no success.
#[derive(Debug)]
pub(super) struct Unmet {
    /// Of the other side's words it repeats a number.
    pub(super) why: String,
    /// Whether the answer says that nothing was taken. Else it does not say what became of the message.
    pub(super) is_refusal: bool,
}

impl Unmet {
    pub(super) fn untold(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_refusal: false,
        }
    }

    fn refused(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_refusal: true,
        }
    }
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
    /// What to say where the answer does not say that it was a success. Another value than that of a success is a refusal, and so
    /// is a text that a success has not; where there is none, the answer may be any, such as a page of a proxy.
    pub(super) fn meets(&self, body: &[u8]) -> Result<(), Unmet> {
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
                let other = format!("{pointer} is not as it must be");
                Err(match found {
                    Some(code) if is_code(&code) => Unmet::refused(format!("{pointer} is {code}")),
                    Some(text) if text != "null" => Unmet::refused(other),
                    _ => Unmet::untold(other),
                })
            }
            Self::Contains(text) if !has(body, text) => {
                Err(Unmet::untold("without the text that it must have"))
            }
            Self::Lacks(text) if has(body, text) => {
                Err(Unmet::refused("with the text that it must not have"))
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
