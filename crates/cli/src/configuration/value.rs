//! A value as it was given, before anyone knows what it should be.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use toml::de::DeValue;

use super::duration;
use super::error::Got;
use crate::secrets::secrecy::{Secrecy, may_hold_a_secret};
use crate::secrets::secret_file::BYTE_ORDER_MARK;
use crate::start::folder;
use crate::terminal::visible::{self, misleads};

/// A value from a text (an argument, the environment) or from TOML.
#[derive(Debug)]
pub(super) enum Given<'a> {
    Text(&'a str),
    /// An argument or a variable that is not UTF-8. A path may be that, and nothing else.
    NotUtf8(&'a OsStr),
    Toml(&'a DeValue<'a>),
}

impl<'a> Given<'a> {
    /// An argument, or the value of a variable.
    pub(super) fn of_system(value: &'a OsStr) -> Self {
        value.to_str().map_or(Self::NotUtf8(value), Self::Text)
    }

    /// How to show it to the one who gave it.
    pub(super) fn got(&self, secrecy: Secrecy) -> Got {
        let is_hidden = |text: &str| secrecy.hides(text);
        if let Some(unseen) = self.scalar().and_then(first_unseen) {
            let shown = self.scalar().filter(|text| !is_hidden(text));
            return Got::unseen(shown, unseen);
        }
        match self {
            Self::Text(text) if is_hidden(text) => Got::hidden(),
            Self::Text(text) if names_home(text) => Got::home(text),
            Self::Text(text) => Got::text(text),
            Self::NotUtf8(value) => {
                let text = visible::bytes(value);
                Got::not_utf8(if is_hidden(&text) { None } else { Some(&text) })
            }
            Self::Toml(DeValue::String(text)) if is_hidden(text) => Got::hidden(),
            Self::Toml(DeValue::String(text)) if names_home(text) => Got::home(text),
            Self::Toml(DeValue::Array(items))
                if items
                    .iter()
                    .any(|item| item.get_ref().as_str().is_some_and(is_hidden)) =>
            {
                Got::hidden()
            }
            Self::Toml(_) if secrecy == Secrecy::Secret => Got::hidden(),
            Self::Toml(value) => Got::value(value),
        }
    }

    /// Whether a value of a file holds a secret. In a table it is told by the name that it stands beside; a template of one
    /// is none.
    pub(super) fn holds_a_secret(&self, secrecy: Secrecy) -> bool {
        match self {
            Self::Toml(DeValue::String(text)) => {
                secrecy == Secrecy::Secret || may_hold_a_secret(text)
            }
            Self::Toml(DeValue::Table(entries)) => entries.iter().any(|(name, value)| {
                value.get_ref().as_str().is_some_and(|text| {
                    !text.contains("{{") && may_hold_a_secret(&format!("{}={text}", name.get_ref()))
                })
            }),
            _ => false,
        }
    }

    /// A single text, right or wrong.
    fn scalar(&self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Toml(DeValue::String(text)) => Some(text.as_ref()),
            Self::NotUtf8(_) | Self::Toml(_) => None,
        }
    }

    /// Whether a byte-order mark stands in it, or in a text of it. It came along when a file or a variable was written, and
    /// nobody sees that the value is another one.
    pub(super) fn has_byte_order_mark(&self) -> bool {
        match self {
            Self::Text(text) => text.contains(BYTE_ORDER_MARK),
            Self::NotUtf8(bytes) => {
                let mut chunks = bytes.as_encoded_bytes().utf8_chunks();
                chunks.any(|chunk| chunk.valid().contains(BYTE_ORDER_MARK))
            }
            Self::Toml(value) => is_marked(value),
        }
    }

    /// A text all of which is seen. Whatever else would come by a copy that went wrong, and anyone who types what is seen has
    /// another one.
    pub(super) fn seen_text(&self) -> Option<&'a str> {
        self.text().filter(|text| first_unseen(text).is_none())
    }

    /// A text that is not empty and holds no control character.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = self.scalar()?;
        (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
    }

    /// A path, byte for byte as the system has it.
    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::NotUtf8(value) => path(value.as_encoded_bytes()),
            _ => self.text().and_then(path_of_text),
        }
    }

    /// The path that stands after a prefix.
    pub(super) fn path_after(&self, prefix: &str) -> Option<PathBuf> {
        match self {
            Self::NotUtf8(value) => {
                let rest = value.as_encoded_bytes().strip_prefix(prefix.as_bytes());
                path(rest?)
            }
            _ => self.text()?.strip_prefix(prefix).map(PathBuf::from),
        }
    }

    /// Several paths, as [`list`](Self::list) has texts.
    pub(super) fn paths(&self) -> Option<Vec<PathBuf>> {
        match self {
            Self::NotUtf8(list) => list
                .as_encoded_bytes()
                .split(|byte| *byte == b',')
                .map(|item| path(item.trim_ascii()))
                .collect(),
            _ => self.list()?.into_iter().map(path_of_text).collect(),
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Text("true") | Self::Toml(DeValue::Boolean(true)) => Some(true),
            Self::Text("false") | Self::Toml(DeValue::Boolean(false)) => Some(false),
            _ => None,
        }
    }

    /// A whole number in decimal digits, not negative.
    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Text(text) => text.parse().ok(),
            Self::Toml(DeValue::Integer(number)) => {
                u64::from_str_radix(number.as_str(), number.radix()).ok()
            }
            Self::NotUtf8(_) | Self::Toml(_) => None,
        }
    }

    /// A length of time: `"14 days"`, or a number of seconds.
    pub(super) fn duration(&self) -> Option<Duration> {
        match self {
            Self::Toml(DeValue::Integer(_)) => duration::from_seconds(self.number()?),
            _ => duration::parse(self.text()?),
        }
    }

    /// A moment: date, time and offset from UTC.
    pub(super) fn time(&self) -> Option<DateTime<Utc>> {
        let text = match self {
            Self::Toml(DeValue::Datetime(time)) => time.to_string(),
            _ => self.text()?.to_owned(),
        };
        let time = DateTime::parse_from_rfc3339(&text).ok()?;
        Some(time.to_utc())
    }

    /// Names with texts: a table in TOML, an object of JSON elsewhere.
    pub(super) fn pairs(&self) -> Option<Vec<(String, String)>> {
        let serde_json::Value::Object(entries) = self.json()? else {
            return None;
        };
        let pair = |(name, value)| match value {
            serde_json::Value::String(text) => Some((name, text)),
            _ => None,
        };
        entries.into_iter().map(pair).collect()
    }

    /// JSON: a table in TOML, or a text of JSON.
    pub(super) fn json(&self) -> Option<serde_json::Value> {
        match self {
            Self::Text(text) => serde_json::from_str(text).ok(),
            Self::Toml(DeValue::String(text)) => serde_json::from_str(text).ok(),
            Self::Toml(value @ DeValue::Table(_)) => as_json(value),
            Self::NotUtf8(_) | Self::Toml(_) => None,
        }
    }

    /// Several texts: an array in TOML, where a text is a list of one, separated by commas elsewhere, or an array there
    /// too, as it is written in a file. The empty text is none.
    pub(super) fn list(&self) -> Option<Vec<&'a str>> {
        match self {
            Self::Text("") => Some(Vec::new()),
            Self::Text(text) => serde_json::from_str(text)
                .unwrap_or_else(|_| text.split(',').map(str::trim).collect::<Vec<&str>>())
                .into_iter()
                .map(|item| Self::Text(item).text())
                .collect(),
            Self::Toml(DeValue::Array(items)) => items
                .iter()
                .map(|item| Self::Toml(item.get_ref()).text())
                .collect(),
            Self::Toml(DeValue::String(_)) => Some(vec![self.text()?]),
            Self::NotUtf8(_) | Self::Toml(_) => None,
        }
    }
}

/// The first character that is no control character, and is not shown either.
fn first_unseen(text: &str) -> Option<char> {
    text.chars().find(|it| misleads(*it) && !it.is_control())
}

fn is_marked(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::String(text) => text.contains(BYTE_ORDER_MARK),
        DeValue::Array(items) => items.iter().any(|item| is_marked(item.get_ref())),
        DeValue::Table(entries) => entries.iter().any(|(name, value)| {
            name.get_ref().contains(BYTE_ORDER_MARK) || is_marked(value.get_ref())
        }),
        _ => false,
    }
}

/// Whether a value is a path, alone or after `sqlite:`, that begins in a home folder as a shell writes it.
fn names_home(text: &str) -> bool {
    folder::is_of_a_shell(text.strip_prefix("sqlite:").unwrap_or(text))
}

/// The path of a text, unless it names a home folder.
fn path_of_text(text: &str) -> Option<PathBuf> {
    (!folder::is_of_a_shell(text)).then(|| PathBuf::from(text))
}

/// A path of bytes that need not be UTF-8.
#[cfg(unix)]
fn path(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;

    let is_fit = !bytes.is_empty() && !bytes.iter().any(u8::is_ascii_control);
    is_fit.then(|| PathBuf::from(OsStr::from_bytes(bytes)))
}

/// Elsewhere paths are text.
#[cfg(not(unix))]
fn path(_bytes: &[u8]) -> Option<PathBuf> {
    None
}

/// A value of TOML as JSON, which knows no dates.
fn as_json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(yes) => (*yes).into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()?
            .into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok()?.into(),
        DeValue::Array(items) => {
            let items = items.iter().map(|item| as_json(item.get_ref()));
            serde_json::Value::Array(items.collect::<Option<_>>()?)
        }
        DeValue::Table(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| Some((name.get_ref().to_string(), as_json(value.get_ref())?)));
            serde_json::Value::Object(entries.collect::<Option<_>>()?)
        }
        DeValue::Datetime(_) => return None,
    })
}
