//! Templates of a folder, read while someone may be editing them.
//!
//! A file is read anew when it changes. One that has a mistake, is empty, or cannot be read does not take its page
//! down: it may be half saved. The text that was good last goes on, and a line in the log says so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use minijinja::{Environment, Error, ErrorKind, TemplateSource, path_loader};

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
    move |name| {
        let path = overrides.folder.join(name);
        // Before the text is read: a file that is saved meanwhile has another stamp, and is read again.
        let stamp = stamp(&path);
        let text = if is_endless(&path) {
            let why = format!("{name} is not a file");
            Err(Error::new(ErrorKind::InvalidOperation, why))
        } else {
            read(name)
        };
        overrides.load(name, stamp, text)
    }
}

/// Whether reading might never end: of a pipe or a device. Its page would wait for it, and everyone who asks for that.
fn is_endless(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
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
        stamp: Stamp,
        read: Result<Option<TemplateSource>, Error>,
    ) -> Result<Option<TemplateSource>, Error> {
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let last = good.get(name);
        let (reason, instead) = match read {
            Ok(Some(source)) => match mistake(name, source.source()) {
                // At the start, and in a file that was never good, a mistake is told to the one who asks.
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
                    .map(|text| self.until_changed(name, stamp, text)));
            }
            Ok(None) => {
                // What was good is kept: an editor may have put the file aside, and write it anew next.
                let text = self.compiled_in(name).or_else(|| last.cloned());
                tracing::warn!(template = ?name, "a template was removed; the built-in one, or the last good text, is used");
                return Ok(text.map(|text| self.until_changed(name, stamp, text)));
            }
            Err(error) if last.is_none() => return Err(error),
            Err(error) => ("it cannot be read", (last, Some(error))),
        };
        let (text, error) = instead;
        let error = error.map(|error| error.to_string()).unwrap_or_default();
        tracing::warn!(template = ?name, ?error, reason, "a template was changed and cannot be used; the last good text is");
        Ok(text.map(|text| self.until_changed(name, stamp, text.clone())))
    }

    fn compiled_in(&self, name: &str) -> Option<String> {
        self.compiled_in
            .get(name)
            .map(|text| text.clone().into_owned())
    }

    /// A text that stands in for a file, until the file is another or there is one.
    fn until_changed(&self, name: &str, stamp: Stamp, text: String) -> TemplateSource {
        let path = self.folder.join(name);
        TemplateSource::new(text).with_uptodate_check(move || self::stamp(&path) == stamp)
    }
}

/// What is wrong with a template, if anything.
fn mistake(name: &str, source: &str) -> Option<Error> {
    let environment = Environment::new();
    environment.template_from_named_str(name, source).err()
}

/// What tells one state of a file from another; none of a file that is not there.
type Stamp = Option<(SystemTime, u64)>;

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn overrides(folder: &Path) -> Overrides {
        Overrides {
            folder: folder.to_owned(),
            compiled_in: BTreeMap::from([("a.html".into(), "built in".into())]),
            good: Mutex::default(),
        }
    }

    fn text(loaded: Result<Option<TemplateSource>, Error>) -> String {
        loaded.unwrap().unwrap().source().to_owned()
    }

    /// A pipe that nobody writes, and a device that never ends.
    #[cfg(unix)]
    #[test]
    fn what_never_ends_takes_no_page_down() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        let compiled_in = BTreeMap::from([("a.html".into(), "built in".into())]);
        let load = loader(folder.path(), compiled_in);
        std::fs::write(&path, "ours").unwrap();
        assert_eq!(text(load("a.html")), "ours");
        std::fs::remove_file(&path).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        assert_eq!(text(load("a.html")), "ours");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(text(load("a.html")), "ours");
        // What was never good is told to the one who starts the site.
        let name = "b.html";
        std::os::unix::fs::symlink("/dev/zero", folder.path().join(name)).unwrap();
        let refused = load(name).err().unwrap().to_string();
        assert!(refused.contains("b.html is not a file"), "{refused}");
    }

    #[test]
    fn file_saved_while_it_is_read_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.html");
        let overrides = overrides(folder.path());
        let mut environment = Environment::new();
        let (save, saved) = (path.clone(), "the whole text");
        environment.set_loader(move |name| {
            // What `loader` does, with someone who saves the rest between the reading and the judging.
            let stamp = stamp(&overrides.folder.join(name));
            let read = path_loader(overrides.folder.clone())(name);
            if read
                .as_ref()
                .is_ok_and(|read| read.as_ref().is_some_and(|read| read.source() == "{% if"))
            {
                std::fs::write(&save, saved).unwrap();
            }
            overrides.load(name, stamp, read)
        });
        let shown = || {
            let template = environment.get_template("a.html").unwrap();
            template.render(()).unwrap()
        };
        std::fs::write(&path, "good").unwrap();
        assert_eq!(shown(), "good");
        std::fs::write(&path, "{% if").unwrap();
        assert_eq!(shown(), "good", "half of it was there");
        assert_eq!(shown(), saved);
    }

    #[test]
    fn file_put_aside_keeps_its_good_text() {
        let folder = tempfile::tempdir().unwrap();
        let overrides = overrides(folder.path());
        for (name, gone) in [("a.html", "built in"), ("own.html", "good")] {
            let load =
                |read: Option<&str>| overrides.load(name, None, Ok(read.map(TemplateSource::new)));
            assert_eq!(text(load(Some("good"))), "good");
            assert_eq!(text(load(None)), gone, "{name}");
            assert_eq!(text(load(Some("{% if"))), "good", "{name}");
            assert_eq!(text(load(Some("better"))), "better", "{name}");
        }
    }
}
