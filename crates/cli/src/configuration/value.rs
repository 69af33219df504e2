//! A value as it was given, before anyone knows what it should be.

use std::time::Duration;

use chrono::{DateTime, Utc};
use toml::de::DeValue;

use super::duration;
use super::error::Got;

/// A value from a text (an argument, the environment) or from TOML.
#[derive(Debug)]
pub(super) enum Given<'a> {
    Text(&'a str),
    Toml(&'a DeValue<'a>),
}

impl<'a> Given<'a> {
    /// How to show it to whoever gave it.
    pub(super) fn got(&self) -> Got {
        match self {
            Self::Text(text) => Got::text(text),
            Self::Toml(value) => Got::value(value),
        }
    }

    /// Whether it looks like a URL with somebody in it, perhaps with their password.
    pub(super) fn may_hold_a_password(&self) -> bool {
        let text = match self {
            Self::Text(text) => text,
            Self::Toml(DeValue::String(text)) => text.as_ref(),
            Self::Toml(_) => return false,
        };
        text.split_once("://")
            .is_some_and(|(_, rest)| rest.contains('@'))
    }

    /// A text that is not empty and holds no control character.
    pub(super) fn text(&self) -> Option<&'a str> {
        let text = match self {
            Self::Text(text) => text,
            Self::Toml(DeValue::String(text)) => text.as_ref(),
            Self::Toml(_) => return None,
        };
        (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
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
            Self::Toml(_) => None,
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
            Self::Toml(_) => None,
        }
    }

    /// Several texts: an array in TOML, separated by commas elsewhere. The empty text is none.
    pub(super) fn list(&self) -> Option<Vec<&'a str>> {
        match self {
            Self::Text("") => Some(Vec::new()),
            Self::Text(text) => text
                .split(',')
                .map(|item| Self::Text(item.trim()).text())
                .collect(),
            Self::Toml(DeValue::Array(items)) => items
                .iter()
                .map(|item| Self::Toml(item.get_ref()).text())
                .collect(),
            Self::Toml(_) => None,
        }
    }
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
