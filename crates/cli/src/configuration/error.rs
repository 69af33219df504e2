//! What is wrong with the settings, one sentence for each.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::source::Source;
use crate::secrets::secrecy::HIDDEN;
use crate::terminal::visible::{Visible, VisiblePath};

/// How much of a wrong value is shown again.
const SHOWN: usize = 80;

/// So many items of a list are shown.
const ITEMS: usize = 5;

/// Something in the settings that will not do.
#[derive(Debug, Error)]
pub(crate) enum Mistake {
    /// A value that cannot be taken.
    #[error("{setting} ({source}): {got} is not {right}", source = .at)]
    BadValue {
        setting: &'static str,
        at: Source,
        got: Got,
        right: &'static str,
    },
    /// Settings that do not go together, or one that is missing.
    #[error("{setting} ({source}): {why}", source = .at)]
    Refused {
        setting: &'static str,
        at: Source,
        why: String,
    },
    /// A key that is no setting.
    #[error("{} ({at}): there is no such setting{}", Visible(.name), Hint(.meant))]
    Unknown {
        name: String,
        at: Source,
        meant: Option<String>,
    },
    /// The file of settings cannot be read.
    #[error("config ({at}): cannot read {}", VisiblePath(.path))]
    Unreadable {
        at: Source,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// The file of settings is not TOML.
    #[error("config ({}, line {line}): not TOML: {}", VisiblePath(.path), Visible(.why))]
    NotToml {
        path: PathBuf,
        line: usize,
        why: String,
    },
}

impl Mistake {
    /// The mistake of a file that is not text, at the line where that begins.
    pub(super) fn not_utf8(path: &Path, bytes: &[u8], valid: usize) -> Self {
        let before = bytes.get(..valid).map(str::from_utf8);
        let before = before.and_then(Result::ok).unwrap_or_default();
        Self::NotToml {
            path: path.to_owned(),
            line: line_of(before, before.len()),
            why: "a byte that is not UTF-8".to_owned(),
        }
    }

    /// The mistake of a file that is not TOML, at the line the parser stopped.
    pub(super) fn not_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        Self::NotToml {
            path: path.to_owned(),
            line,
            why: error.message().to_owned(),
        }
    }
}

/// The number of the line that a byte of a text is in.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

/// What was given instead of a right value, as its writer would know it again.
#[derive(Debug)]
pub(crate) struct Got(String);

impl Got {
    /// A secret that was given; it is not shown.
    pub(super) fn hidden() -> Self {
        Self(HIDDEN.to_owned())
    }

    /// An argument or a variable that is not UTF-8; its text is shown unless it may hold a secret.
    pub(super) fn not_utf8(text: Option<&str>) -> Self {
        let Self(shown) = text.map_or_else(Self::hidden, Self::text);
        Self(format!("{shown}, which is not UTF-8,"))
    }

    /// A text with a character that nobody sees; shown unless it may hold a secret.
    pub(super) fn unseen(text: Option<&str>, unseen: char) -> Self {
        let Self(shown) = text.map_or_else(Self::hidden, Self::text);
        Self(format!(
            "{shown}, which holds a character that nobody sees ({}),",
            unseen.escape_unicode()
        ))
    }

    /// A path that begins in a home folder as only shells write it.
    pub(super) fn home(text: &str) -> Self {
        let Self(shown) = Self::text(text);
        Self(format!(
            "{shown}, where ~ is not replaced and must be written out,"
        ))
    }

    /// A text; shown in quotes, cut when long.
    pub(super) fn text(text: &str) -> Self {
        if text.chars().count() <= SHOWN {
            return Self(format!("\"{text}\""));
        }
        let start: String = text.chars().take(SHOWN).collect();
        Self(format!("\"{start}…\""))
    }

    /// A value of a file; shown as its kind unless it is short.
    pub(super) fn value(value: &toml::de::DeValue<'_>) -> Self {
        match value {
            toml::de::DeValue::String(text) => Self::text(text),
            toml::de::DeValue::Integer(number) => Self(number.to_string()),
            toml::de::DeValue::Float(number) => Self(number.to_string()),
            toml::de::DeValue::Boolean(yes) => Self(yes.to_string()),
            toml::de::DeValue::Array(items) => Self::list(items),
            other => Self::kind(other),
        }
    }

    /// A list of a file, so that the item that is wrong can be seen; a list in it is shown as its kind.
    fn list(items: &[toml::Spanned<toml::de::DeValue<'_>>]) -> Self {
        let shown = items.iter().take(ITEMS).map(|item| match item.get_ref() {
            list @ toml::de::DeValue::Array(_) => Self::kind(list).0,
            item => Self::value(item).0,
        });
        let mut shown: Vec<String> = shown.collect();
        if items.len() > ITEMS {
            shown.push("…".to_owned());
        }
        Self(format!("[{}]", shown.join(", ")))
    }

    fn kind(value: &toml::de::DeValue<'_>) -> Self {
        Self(format!("a TOML {}", value.type_str()))
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visible(&self.0).fmt(f)
    }
}

/// The end of the sentence about an unknown name.
struct Hint<'a>(&'a Option<String>);

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(meant) => write!(f, "; did you mean {meant}?"),
            None => f.write_str("; `phone-auth settings` lists them all"),
        }
    }
}

/// All that is wrong with the settings, so that one need not start again for each.
#[derive(Debug)]
pub(crate) struct ConfigurationError {
    pub(crate) mistakes: Vec<Mistake>,
}
