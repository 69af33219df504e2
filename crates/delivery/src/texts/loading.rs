//! Reading templates, and finding their mistakes before the first message needs them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use phone_auth_events::{AccountChange, Carries, User};

use super::words::{Lifetime, Words};
use super::{Engines, NAMES, Needed, Texts, compiled, says_code_alone};
use crate::build_error::TemplateProblem;
use crate::{BuildError, BuildErrorKind};

/// How long a link works that templates are tried with.
const LIFETIME: Duration = Duration::from_mins(10);

/// Links and codes, to try templates with.
const TRIED: [(&str, &str); 2] = [
    ("https://example.org/accounts/Ab-1/toxjx0-5ec7e7/", "123456"),
    ("https://example.org/accounts/Cd-2/toxjx1-7e5ce5/", "987650"),
];

/// Sources by name, the language in front.
type Sources = BTreeMap<String, String>;

/// The templates compiled in, and those of the folder in their place.
pub(super) fn sources(folder: Option<&Path>) -> Result<Sources, BuildError> {
    let compiled = compiled::TEMPLATES.iter();
    let mut sources: Sources = compiled
        .map(|(name, source)| ((*name).to_owned(), (*source).to_owned()))
        .collect();
    if let Some(folder) = folder {
        let read = read_folder(folder)
            .map_err(|error| BuildError::with_source(BuildErrorKind::TemplateFolder, error))?;
        for (name, source) in read {
            let (_, file) = name.split_once('/').unwrap_or_default();
            if !NAMES.contains(&file) && !file.starts_with('_') {
                return Err(problem(name, TemplateProblem::Unknown));
            }
            sources.insert(name, source);
        }
    }
    Ok(sources)
}

/// The files of the folders that are named as languages are.
fn read_folder(folder: &Path) -> io::Result<Sources> {
    let mut sources = Sources::new();
    for (name, path) in look(folder)?.templates {
        sources.insert(name, fs::read_to_string(&path)?);
    }
    Ok(sources)
}

/// What in a folder of [texts](crate::smtp::SmtpBuilder::templates_from) no message takes anything from, by its name in that
/// folder: a template beside the folders of languages and not in one, a folder that is not named as a language is (`de_AT` for
/// `de-AT`), a file of another ending in the folder of a language. What begins with a dot or ends in a tilde is passed over, and
/// so is what is no template beside those folders.
///
/// None of it is an error when a receiver is built; it is for a program that starts to say.
///
/// # Errors
/// When the folder cannot be read.
///
/// # Examples
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// std::fs::create_dir(folder.join("de_AT"))?;
/// std::fs::write(folder.join("verify_email.txt"), "{{ link }}")?;
/// std::fs::write(folder.join("README.md"), "Texts of the mail")?;
/// let unused = phone_auth_delivery::unused_templates(folder)?;
/// assert_eq!(unused, ["de_AT", "verify_email.txt"]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn unused_templates(folder: impl AsRef<Path>) -> io::Result<Vec<String>> {
    let mut unused = look(folder.as_ref())?.unused;
    unused.sort();
    Ok(unused)
}

/// What there is in a folder.
#[derive(Default)]
struct Found {
    /// The templates by their names, the language in front, with their paths.
    templates: Vec<(String, PathBuf)>,
    /// The names of what should perhaps be a template and is none.
    unused: Vec<String>,
}

/// Looks through a folder.
fn look(folder: &Path) -> io::Result<Found> {
    let mut found = Found::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let tag = entry.file_name().to_string_lossy().into_owned();
        if is_left_behind(&tag) {
            continue;
        }
        let is_tag = tag
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !entry.path().is_dir() {
            found.unused.extend(is_template(&tag).then_some(tag));
            continue;
        }
        if !is_tag {
            found.unused.push(tag);
            continue;
        }
        for file in fs::read_dir(entry.path())? {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if is_left_behind(&name) {
                continue;
            }
            let name = format!("{tag}/{name}");
            if is_template(&name) && path.is_file() {
                found.templates.push((name, path));
            } else {
                found.unused.push(name);
            }
        }
    }
    Ok(found)
}

/// Whether a name ends as those of templates do.
fn is_template(name: &str) -> bool {
    let ending = Path::new(name).extension();
    ending.is_some_and(|ending| ending == "txt" || ending == "html")
}

/// Whether editors leave something of this name behind: their locks are links that lead nowhere.
fn is_left_behind(name: &str) -> bool {
    name.starts_with('.') || name.ends_with('~')
}

/// The languages that have all that a receiver needs; one that has some of it only is a mistake.
pub(super) fn languages(sources: &Sources, needed: &[&str]) -> Result<Vec<String>, BuildError> {
    let mut languages: Vec<&str> = sources
        .keys()
        .filter_map(|name| name.split_once('/').map(|(language, _)| language))
        .collect();
    languages.dedup();
    let mut whole = Vec::new();
    for language in languages {
        let names = needed.iter().map(|name| format!("{language}/{name}"));
        let missing: Vec<_> = names.filter(|name| !sources.contains_key(name)).collect();
        match missing.first() {
            None => whole.push(language.to_owned()),
            Some(name) if missing.len() < needed.len() => {
                return Err(problem(name.clone(), TemplateProblem::Missing));
            }
            Some(_) => {}
        }
    }
    Ok(whole)
}

/// The engines with all templates in each.
pub(super) fn engines(sources: &Sources) -> Result<Engines, BuildError> {
    Ok(Engines {
        html: engine(sources, AutoEscape::Html)?,
        text: engine(sources, AutoEscape::None)?,
    })
}

/// An engine with all templates in it. A value that is not there is a mistake, not an empty text.
fn engine(sources: &Sources, escape: AutoEscape) -> Result<Environment<'static>, BuildError> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(move |_| escape.clone());
    for (name, source) in sources {
        templates
            .add_template_owned(name.clone(), source.clone())
            .map_err(|error| wrong(name.clone(), error))?;
    }
    Ok(templates)
}

impl Texts {
    /// Renders every template that is needed: with and without a life of the link, and with changes of each form. A message
    /// that has a link or a code must say one of them, whichever it has.
    pub(super) fn try_all(&self, needed: Needed) -> Result<(), BuildError> {
        let default = &self.style.language;
        if !self.languages.contains(default) {
            return Err(BuildError::new(BuildErrorKind::Language));
        }
        for (name, change) in self.cases(needed) {
            let ways = [
                (None, None),
                (Some(LIFETIME), None),
                (Some(LIFETIME), Some(Carries::Code)),
                (Some(LIFETIME), Some(Carries::Both)),
            ];
            for (lifetime, carries) in ways {
                let text = |with| {
                    let text = self.sample(&name, change.as_ref(), with, lifetime, carries);
                    text.map_err(|error| wrong(name.clone(), error))
                };
                let [one, other] = TRIED.map(text);
                let carries_something = change.is_none() && !name.ends_with(".subject.txt");
                if one? == other? && carries_something {
                    return Err(problem(name.clone(), TemplateProblem::NeitherLinkNorCode));
                }
            }
        }
        Ok(())
    }

    /// The texts of these templates in every language, with the name of each: with this link, and with a life of it. Of a
    /// notice there is one for each change, with a link of its own.
    #[cfg(feature = "sms-gateway")]
    pub(crate) fn samples(
        &self,
        needed: Needed,
        link: &str,
        link_of_notices: &str,
    ) -> Vec<(String, String)> {
        let site = self.style.site.as_str();
        let mut samples = Vec::new();
        for (name, change) in self.cases(needed) {
            let link = if change.is_some() {
                link_of_notices
            } else {
                link
            };
            let link = format!("{site}{link}");
            // Each was tried before.
            let all = std::iter::once(None).chain(self.style.all_carries().map(Some));
            let all: Vec<_> = if says_code_alone(&name) {
                vec![Some(Carries::Code)]
            } else {
                all.collect()
            };
            for carries in all {
                let with = (&*link, TRIED[0].1);
                let text = self.sample(&name, change.as_ref(), with, Some(LIFETIME), carries);
                samples.extend(text.ok().map(|text| (name.clone(), text)));
            }
        }
        samples
    }

    /// The templates that are there, and the changes to try each with.
    fn cases(&self, needed: Needed) -> Vec<(String, Option<AccountChange>)> {
        let address = || "ann@example.org".to_owned();
        let changes = [
            AccountChange::PasswordChanged,
            AccountChange::PasswordReset,
            AccountChange::AddressAdded(address()),
            AccountChange::AddressVerified(address()),
            AccountChange::AddressUnverified(address()),
            AccountChange::AddressRemoved(address()),
            AccountChange::AddressLost(address()),
            AccountChange::PrimaryChanged(address()),
            AccountChange::SignUpTried(address()),
            AccountChange::AddingTried(address()),
            AccountChange::AccountClosed,
            // The longest that is said of it.
            AccountChange::ClosingScheduled("2026-12-27 14:05".to_owned()),
            AccountChange::ClosingCancelled,
        ];
        let mut cases = Vec::new();
        for language in &self.languages {
            let names = needed.links.iter();
            cases.extend(names.map(|name| (format!("{language}/{name}"), None)));
        }
        for language in &self.log_in_languages {
            let names = needed.log_ins.iter();
            cases.extend(names.map(|name| (format!("{language}/{name}"), None)));
        }
        for language in &self.confirm_languages {
            let names = needed.confirms.iter();
            cases.extend(names.map(|name| (format!("{language}/{name}"), None)));
        }
        for language in &self.notice_languages {
            for name in needed
                .notices
                .iter()
                .map(|name| format!("{language}/{name}"))
            {
                cases.extend(changes.clone().map(|change| (name.clone(), Some(change))));
            }
        }
        cases
    }

    fn sample(
        &self,
        name: &str,
        change: Option<&AccountChange>,
        (link, code): (&str, &str),
        lifetime: Option<Duration>,
        carries: Option<Carries>,
    ) -> Result<String, minijinja::Error> {
        let code = carries.filter(|it| *it != Carries::Link).map(|_| code);
        let words = Words {
            link: link.to_owned(),
            address: "",
            language: name.split('/').next().unwrap_or_default(),
            lifetime: lifetime.map(Lifetime::of),
            code,
            code_lifetime: code.and(lifetime).map(Lifetime::of),
            with_link: carries != Some(Carries::Code),
            host: self.style.host(),
            site: self.style.site.as_str(),
            site_name: self.style.site_name(),
            user: &User::new(1, "ann", "Ann", "Lee"),
            change: change.map(AccountChange::name),
            changed: change.and_then(|it| it.address().or(it.day())),
            at: lifetime.map(|_| "2026-11-27 06:40 UTC".to_owned()),
        };
        self.templates.template(name)?.render(Serde(&words))
    }
}

fn problem(name: String, wrong: TemplateProblem) -> BuildError {
    BuildError::new(BuildErrorKind::Template { name, wrong })
}

fn wrong(name: String, error: minijinja::Error) -> BuildError {
    let line = error.line().unwrap_or_default();
    let wrong = TemplateProblem::Broken { line };
    BuildError::with_source(BuildErrorKind::Template { name, wrong }, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_no_template_is_passed_over() -> io::Result<()> {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir()?;
        let english = folder.path().join("en");
        fs::create_dir_all(english.join("verify_email.html"))?;
        fs::write(english.join("verify_email.txt"), "mine")?;
        symlink("ann@host.4711", english.join(".#verify_email.txt"))?;
        fs::write(english.join(".verify_email.txt.swp.txt"), "half")?;
        fs::write(english.join("verify_email.txt~"), "older")?;
        symlink("nowhere", english.join("verify_phone.txt"))?;
        symlink(
            "reset_password_phone.txt",
            english.join("reset_password_phone.txt"),
        )?;
        symlink("../en", english.join("reset_password_email.txt"))?;
        symlink("en", folder.path().join("de"))?;
        symlink("fr", folder.path().join("fr"))?;
        symlink("nowhere", folder.path().join("it"))?;
        let mine = "mine".to_owned();
        let expected = ["de", "en"].map(|tag| (format!("{tag}/verify_email.txt"), mine.clone()));
        assert_eq!(read_folder(folder.path())?, Sources::from(expected));
        Ok(())
    }

    #[test]
    fn parts_are_escaped_for_what_they_become() {
        let part = "{{ name }}";
        for ending in ["txt", "html"] {
            let sources = Sources::from([
                (format!("en/_part.{ending}"), part.to_owned()),
                (
                    "en/mail.html".to_owned(),
                    format!("{{% include \"en/_part.{ending}\" %}}"),
                ),
                (
                    "en/mail.txt".to_owned(),
                    format!("{{% include \"en/_part.{ending}\" %}}"),
                ),
            ]);
            for (name, expected) in [("en/mail.html", "&lt;b&gt;"), ("en/mail.txt", "<b>")] {
                let shown = engines(&sources).ok().and_then(|engines| {
                    let values = minijinja::context! { name => "<b>" };
                    engines.template(name).ok()?.render(values).ok()
                });
                assert_eq!(
                    shown.as_deref(),
                    Some(expected),
                    "{name}, of a part in {ending}"
                );
            }
        }
    }
}
