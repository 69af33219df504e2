//! The templates: compiled into the program, each of them replaceable by a file of the same name.
//!
//! Nothing here knows what a page means; it turns a name and values into HTML.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, State, UndefinedBehavior, Value};
use serde::Serialize;

use crate::{overrides, written};

/// The templates of the account pages, by the names that django-phone-auth has for them.
const ACCOUNTS: &[(&str, &str)] = &[
    (
        "phone_auth/_code.html",
        include_str!("../templates/phone_auth/_code.html"),
    ),
    (
        "phone_auth/_form.html",
        include_str!("../templates/phone_auth/_form.html"),
    ),
    (
        "phone_auth/_gate.html",
        include_str!("../templates/phone_auth/_gate.html"),
    ),
    (
        "phone_auth/add_new_email.html",
        include_str!("../templates/phone_auth/add_new_email.html"),
    ),
    (
        "phone_auth/add_new_phone.html",
        include_str!("../templates/phone_auth/add_new_phone.html"),
    ),
    (
        "phone_auth/address.html",
        include_str!("../templates/phone_auth/address.html"),
    ),
    (
        "phone_auth/base.html",
        include_str!("../templates/phone_auth/base.html"),
    ),
    (
        "phone_auth/change_password.html",
        include_str!("../templates/phone_auth/change_password.html"),
    ),
    (
        "phone_auth/change_password_done.html",
        include_str!("../templates/phone_auth/change_password_done.html"),
    ),
    (
        "phone_auth/close_account.html",
        include_str!("../templates/phone_auth/close_account.html"),
    ),
    (
        "phone_auth/close_account_done.html",
        include_str!("../templates/phone_auth/close_account_done.html"),
    ),
    (
        "phone_auth/confirm_identity.html",
        include_str!("../templates/phone_auth/confirm_identity.html"),
    ),
    (
        "phone_auth/error.html",
        include_str!("../templates/phone_auth/error.html"),
    ),
    (
        "phone_auth/export_account.html",
        include_str!("../templates/phone_auth/export_account.html"),
    ),
    (
        "phone_auth/gate.html",
        include_str!("../templates/phone_auth/gate.html"),
    ),
    (
        "phone_auth/login.html",
        include_str!("../templates/phone_auth/login.html"),
    ),
    (
        "phone_auth/login_code.html",
        include_str!("../templates/phone_auth/login_code.html"),
    ),
    (
        "phone_auth/login_code_done.html",
        include_str!("../templates/phone_auth/login_code_done.html"),
    ),
    (
        "phone_auth/login_confirm.html",
        include_str!("../templates/phone_auth/login_confirm.html"),
    ),
    (
        "phone_auth/logout.html",
        include_str!("../templates/phone_auth/logout.html"),
    ),
    (
        "phone_auth/other_user.html",
        include_str!("../templates/phone_auth/other_user.html"),
    ),
    (
        "phone_auth/password_reset.html",
        include_str!("../templates/phone_auth/password_reset.html"),
    ),
    (
        "phone_auth/password_reset_complete.html",
        include_str!("../templates/phone_auth/password_reset_complete.html"),
    ),
    (
        "phone_auth/password_reset_confirm.html",
        include_str!("../templates/phone_auth/password_reset_confirm.html"),
    ),
    (
        "phone_auth/password_reset_done.html",
        include_str!("../templates/phone_auth/password_reset_done.html"),
    ),
    (
        "phone_auth/phone_and_email_verification.html",
        include_str!("../templates/phone_auth/phone_and_email_verification.html"),
    ),
    (
        "phone_auth/phone_email_verification_confirm.html",
        include_str!("../templates/phone_auth/phone_email_verification_confirm.html"),
    ),
    (
        "phone_auth/sessions.html",
        include_str!("../templates/phone_auth/sessions.html"),
    ),
    (
        "phone_auth/signup.html",
        include_str!("../templates/phone_auth/signup.html"),
    ),
    (
        "site/home.html",
        include_str!("../templates/site/home.html"),
    ),
    (
        "site/members.html",
        include_str!("../templates/site/members.html"),
    ),
    (
        "site/profile.html",
        include_str!("../templates/site/profile.html"),
    ),
];

/// The templates of a site, compiled.
pub(crate) struct Templates {
    environment: Environment<'static>,
    /// Those of the folder before the others, if there is a folder.
    overridden: Option<Environment<'static>>,
}

impl Templates {
    /// Compiles the embedded templates, those that the application brings, and those in `folder`.
    ///
    /// A file in the folder goes before an embedded template of its name. Every file with the ending
    /// `.html` is compiled at once, so that a mistake shows at the start and not on a page. What a file with another
    /// ending says is escaped as well: it becomes a part of a page.
    pub(crate) fn compile(
        own: Vec<(Cow<'static, str>, Cow<'static, str>)>,
        folder: Option<&Path>,
    ) -> Result<Self, TemplatesError> {
        for (name, _) in &own {
            check_name(name)?;
        }
        let embedded = embedded(own);
        let mut environment = engine();
        for (name, source) in &embedded {
            environment
                .add_template_owned(name.clone(), source.clone())
                .map_err(|source| TemplatesError::template(name, source))?;
        }
        let overridden = match folder {
            Some(folder) => Some(overridden(folder, embedded)?),
            None => None,
        };
        Ok(Self {
            environment,
            overridden,
        })
    }

    /// Gives every template a value under this name.
    pub(crate) fn provide(&mut self, name: &'static str, value: impl Serialize) {
        let value = Value::from(Serde(value));
        if let Some(overridden) = &mut self.overridden {
            overridden.add_global(name, value.clone());
        }
        self.environment.add_global(name, value);
    }

    /// The HTML of a template with these values. Where the folder's fails, and another is compiled in or was given by
    /// the application, that one shows the page, and the log has the mistake.
    pub(crate) fn render(
        &self,
        name: &str,
        values: BTreeMap<&'static str, Value>,
    ) -> Result<String, minijinja::Error> {
        let values = Value::from_pairs(values);
        let render =
            |environment: &Environment<'_>| environment.get_template(name)?.render(values.clone());
        let Some(overridden) = &self.overridden else {
            return render(&self.environment);
        };
        match render(overridden) {
            Ok(html) => Ok(html),
            Err(error) => {
                let Ok(instead) = render(&self.environment) else {
                    return Err(error);
                };
                let error = error.to_string();
                tracing::warn!(template = ?name, ?error, "a template of the folder fails; the built-in one is shown");
                Ok(instead)
            }
        }
    }
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates").finish_non_exhaustive()
    }
}

/// An engine without templates.
pub(crate) fn engine() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_debug(false);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(format_value);
    environment.add_filter("written", written::written);
    environment
}

/// An engine that looks into a folder first.
fn overridden(
    folder: &Path,
    embedded: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
) -> Result<Environment<'static>, TemplatesError> {
    let names = html_files(folder)?;
    let mut environment = engine();
    environment.set_loader(overrides::loader(folder, embedded));
    for name in names {
        environment
            .get_template(&name)
            .map_err(|source| TemplatesError::template(&name, source))?;
    }
    Ok(environment)
}

/// Ours, with those of the application in place of ours where the names are the same.
pub(crate) fn embedded(
    own: Vec<(Cow<'static, str>, Cow<'static, str>)>,
) -> BTreeMap<Cow<'static, str>, Cow<'static, str>> {
    let ours = ACCOUNTS
        .iter()
        .map(|(name, source)| (Cow::Borrowed(*name), Cow::Borrowed(*source)));
    ours.chain(own).collect()
}

/// Refuses a template of the application's that stands among ours and replaces none: it is likely mistyped, and no page
/// would ever show it. A part for others, which begins with `_`, may stand there.
fn check_name(name: &str) -> Result<(), TemplatesError> {
    let is_among_ours = ["phone_auth/", "site/"]
        .iter()
        .any(|folder| name.starts_with(folder));
    let is_part = name
        .rsplit('/')
        .next()
        .is_some_and(|file| file.starts_with('_'));
    let mut ours = ACCOUNTS.iter().map(|(ours, _)| *ours);
    if !is_among_ours || is_part || ours.any(|ours| ours == name) {
        return Ok(());
    }
    let ours = ACCOUNTS.iter().map(|(ours, _)| *ours);
    let nearest = ours
        .min_by_key(|ours| difference(ours, name))
        .unwrap_or_default();
    Err(TemplatesError::Unknown {
        name: name.to_owned(),
        nearest,
    })
}

/// How many letters must be put in, taken out or replaced to make one text of the other (Levenshtein).
fn difference(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, letter) in one.chars().enumerate() {
        let (mut corner, mut left) = (above, above + 1);
        let mut next = vec![left];
        for (up, theirs) in row.iter().skip(1).zip(other.chars()) {
            left = (corner + usize::from(letter != theirs))
                .min(left + 1)
                .min(up + 1);
            corner = *up;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// Up to how many files and folders are looked at. Nobody has as many templates: a folder of something else was named.
const MOST_ENTRIES: usize = 10_000;

/// The names of the files below a folder that end in `.html`, as templates are named: with `/`. What begins with a dot or
/// is no file, such as the lock of an editor or a link that leads nowhere, is passed over; so is a link to a folder that
/// it stands in.
pub(crate) fn html_files(folder: &Path) -> Result<Vec<String>, TemplatesError> {
    let (mut names, mut seen) = (Vec::new(), 0);
    let mut folders = vec![(folder.to_path_buf(), String::new(), Vec::new())];
    while let Some((path, prefix, mut above)) = folders.pop() {
        let whole =
            std::fs::canonicalize(&path).map_err(|source| TemplatesError::folder(&path, source))?;
        if above.contains(&whole) {
            continue;
        }
        above.push(whole);
        let entries =
            std::fs::read_dir(&path).map_err(|source| TemplatesError::folder(&path, source))?;
        for entry in entries {
            let entry = entry.map_err(|source| TemplatesError::folder(&path, source))?;
            seen += 1;
            if seen > MOST_ENTRIES {
                let many = format!("it holds more than {MOST_ENTRIES} files and folders");
                return Err(TemplatesError::folder(folder, std::io::Error::other(many)));
            }
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let path = entry.path();
            if path.is_dir() {
                folders.push((path, format!("{prefix}{name}/"), above.clone()));
            } else if path.extension().is_some_and(|ending| ending == "html") && path.is_file() {
                names.push(format!("{prefix}{name}"));
            }
        }
    }
    names.sort();
    Ok(names)
}

/// Escapes text for HTML. As the engine does, but a slash stays a slash: it needs no escaping
/// between quotes, and paths stay legible in the source of a page.
fn format_value(
    out: &mut minijinja::Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), minijinja::Error> {
    match value.as_str() {
        Some(text) if *state.auto_escape() == AutoEscape::Html && !value.is_safe() => {
            write_escaped(out, text).map_err(minijinja::Error::from)
        }
        _ => minijinja::escape_formatter(out, state, value),
    }
}

fn write_escaped(out: &mut minijinja::Output<'_>, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some((before, found, after)) = split_at_special(rest) {
        out.write_str(before)?;
        out.write_str(found)?;
        rest = after;
    }
    out.write_str(rest)
}

/// What stands before the first character that means something in HTML, its entity, and what follows.
fn split_at_special(text: &str) -> Option<(&str, &'static str, &str)> {
    let at = text.find(['<', '>', '&', '"', '\''])?;
    let (before, rest) = text.split_at_checked(at)?;
    let mut rest = rest.chars();
    let entity = match rest.next()? {
        '<' => "&lt;",
        '>' => "&gt;",
        '&' => "&amp;",
        '"' => "&quot;",
        _ => "&#x27;",
    };
    Some((before, entity, rest.as_str()))
}

/// Why the templates could not be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TemplatesError {
    /// A folder cannot be read.
    #[error("cannot read the folder of templates {}", path.display())]
    Folder {
        path: PathBuf,
        source: std::io::Error,
    },
    /// A template stands among ours and replaces none.
    #[error(
        "no page has the template {name}; the nearest is {nearest}, and one of the application's own stands in another \
         folder than phone_auth and site"
    )]
    Unknown { name: String, nearest: &'static str },
    /// A template has a mistake.
    #[error("the template {name} has a mistake")]
    Template {
        name: String,
        source: minijinja::Error,
    },
}

impl TemplatesError {
    pub(crate) fn folder(path: &Path, source: std::io::Error) -> Self {
        Self::Folder {
            path: path.to_path_buf(),
            source,
        }
    }

    pub(crate) fn template(name: &str, source: minijinja::Error) -> Self {
        Self::Template {
            name: name.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn render(source: &'static str, value: &str) -> String {
        let own = vec![(Cow::Borrowed("page.html"), Cow::Borrowed(source))];
        let templates = Templates::compile(own, None).unwrap();
        templates
            .render("page.html", BTreeMap::from([("value", Value::from(value))]))
            .unwrap()
    }

    #[test]
    fn markup_in_values_is_escaped() {
        let html = render("<p title=\"{{ value }}\">", "</p><script>'\"&/");
        assert_eq!(
            html,
            "<p title=\"&lt;/p&gt;&lt;script&gt;&#x27;&quot;&amp;/\">"
        );
    }

    #[test]
    fn every_ending_is_escaped() {
        for name in [
            "part.txt",
            "part.htm",
            "part",
            "part.html.bak",
            "part.js",
            "part.svg",
            "part.jinja",
        ] {
            let include = format!("{{% include \"{name}\" %}}");
            let part = "{{ value }}|{{ value ~ '<i>' }}|{{ [value] }}";
            let own = vec![
                (Cow::Borrowed("page.html"), Cow::Owned(include)),
                (Cow::Owned(name.to_owned()), Cow::Borrowed(part)),
            ];
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join(name), part).unwrap();
            for folder in [None, Some(folder.path())] {
                let templates = Templates::compile(own.clone(), folder).unwrap();
                for shown in ["page.html", name] {
                    let values = BTreeMap::from([("value", Value::from("<b>"))]);
                    let html = templates.render(shown, values).unwrap();
                    assert!(!html.contains('<'), "{shown} by {name}: {html}");
                }
            }
        }
    }

    #[test]
    fn own_template_replaces_ours() {
        let own = vec![(
            Cow::Borrowed("phone_auth/error.html"),
            Cow::Borrowed("mine"),
        )];
        let templates = Templates::compile(own, None).unwrap();
        let html = templates
            .render("phone_auth/error.html", BTreeMap::new())
            .unwrap();
        assert_eq!(html, "mine");
    }

    #[test]
    fn mistaken_template_is_refused() {
        let own = vec![(Cow::Borrowed("page.html"), Cow::Borrowed("{% if %}"))];
        let error = Templates::compile(own, None).unwrap_err();
        assert_eq!(error.to_string(), "the template page.html has a mistake");
    }
}
