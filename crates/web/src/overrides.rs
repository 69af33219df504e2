//! Templates of a folder, read while somebody may be editing them.
//!
//! A file is read anew when it changes. One that has a mistake, is empty, or cannot be read does not take its page
//! down: it may be half saved. The text that was good last goes on, and a line in the log says so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use minijinja::{Environment, Error, TemplateSource, path_loader};

/// Reads the templates of a folder, and those compiled in where it has none of their name.
pub(crate) fn loader(
    folder: &Path,
    compiled_in: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
) -> impl Fn(&str) -> Result<Option<TemplateSource>, Error> + Send + Sync + 'static {
    let overrides = Overrides {
        folder: folder.to_owned(),
        compiled_in,
        good: Mutex::default(),
    };
    let read = path_loader(folder.to_owned());
    move |name| overrides.load(name, read(name))
}

struct Overrides {
    folder: PathBuf,
    compiled_in: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
    /// What was good last, of the files that were read.
    good: Mutex<BTreeMap<String, String>>,
}

impl Overrides {
    fn load(
        &self,
        name: &str,
        read: Result<Option<TemplateSource>, Error>,
    ) -> Result<Option<TemplateSource>, Error> {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let last = good.get(name);
        let (reason, instead) = match read {
            Ok(Some(source)) => match mistake(name, source.source()) {
                // At the start, and in a file that was never good, a mistake is told to whoever asks.
                Some(error) if last.is_none() => return Err(error),
                Some(error) => ("it has a mistake", (last, Some(error))),
                None if source.source().trim().is_empty() && last.is_some() => {
                    ("it is empty", (last, None))
                }
                None => {
                    good.insert(name.to_owned(), source.source().to_owned());
                    return Ok(Some(source));
                }
            },
            Ok(None) if last.is_none() => {
                return Ok(self
                    .compiled_in(name)
                    .map(|text| self.until_changed(name, text)));
            }
            Ok(None) => {
                let text = self.compiled_in(name).or_else(|| last.cloned());
                good.remove(name);
                tracing::warn!(template = ?name, "a template was removed; the built-in one, or the last good text, is used");
                return Ok(text.map(|text| self.until_changed(name, text)));
            }
            Err(error) if last.is_none() => return Err(error),
            Err(error) => ("it cannot be read", (last, Some(error))),
        };
        let (text, error) = instead;
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        tracing::warn!(template = ?name, ?error, reason, "a template was changed and cannot be used; the last good text is");
        Ok(text.map(|text| self.until_changed(name, text.clone())))
    }

    fn compiled_in(&self, name: &str) -> Option<String> {
        self.compiled_in
            .get(name)
            .map(|text| text.clone().into_owned())
    }

    /// A text that stands in for a file, until the file is another or there is one.
    fn until_changed(&self, name: &str, text: String) -> TemplateSource {
        let path = self.folder.join(name);
        let stamp = stamp(&path);
        TemplateSource::new(text).with_uptodate_check(move || self::stamp(&path) == stamp)
    }
}

/// What is wrong with a template, if anything.
fn mistake(name: &str, source: &str) -> Option<Error> {
    let environment = Environment::new();
    environment.template_from_named_str(name, source).err()
}

/// What tells one state of a file from another.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
