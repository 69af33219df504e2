//! The file of settings.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::error::{self, Mistake};
use super::names;
use super::source::Source;
use super::value::Given;
use crate::secrets::secret_file::{self, SecretFileErrorKind};

/// The text of a file that is known to be TOML.
#[derive(Debug)]
pub(super) struct File {
    path: Arc<Path>,
    text: String,
    /// Whether others than its owner can read it, by its mode; or why it may hold no secret.
    pub(super) others: Result<Option<u32>, SecretFileErrorKind>,
}

/// Reads a file of settings.
///
/// # Errors
/// When it cannot be read, or is not TOML; then the line says where.
pub(super) fn read(path: PathBuf, at: &Source) -> Result<File, Mistake> {
    let opened = fs::File::open(&path).and_then(|mut file| {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok((bytes, secret_file::closed_to_others(&file, &path)))
    });
    let (bytes, others) = match opened {
        Ok(opened) => opened,
        Err(cause) => {
            return Err(Mistake::Unreadable {
                at: at.clone(),
                path,
                cause,
            });
        }
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Mistake::not_utf8(&path, error.as_bytes(), valid)
    })?;
    if let Err(error) = DeTable::parse(&text) {
        return Err(Mistake::not_toml(&path, &text, &error));
    }
    Ok(File {
        path: path.into(),
        text,
        others,
    })
}

impl File {
    /// Hands over every key with its value and the place it stands at, in the order of the lines. A key of a
    /// section has the name of the section in front.
    pub(super) fn for_each(&self, mut take: impl FnMut(&str, &Given<'_>, Source)) {
        let Ok(table) = DeTable::parse(&self.text) else {
            return;
        };
        let mut entries = Vec::new();
        for (key, value) in table.get_ref() {
            match value.get_ref() {
                DeValue::Table(section) if names::is_section(key.get_ref()) => {
                    let inner = section.iter().map(|(name, value)| {
                        let name_here = format!("{}.{}", key.get_ref(), name.get_ref());
                        (name_here, name.span().start, value)
                    });
                    entries.extend(inner);
                }
                _ => entries.push((key.get_ref().to_string(), key.span().start, value)),
            }
        }
        entries.sort_by_key(|(_, start, _)| *start);
        for (name, start, value) in entries {
            let place = Source::File {
                path: Arc::clone(&self.path),
                line: error::line_of(&self.text, start),
            };
            take(&name, &Given::Toml(value.get_ref()), place);
        }
    }
}
