//! What of a folder of templates no page would show: a file whose name nobody asks for, and a variable that nobody sets.
//! Both are likely mistyped. Neither is a mistake of a template, so the pages can be shown all the same.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use minijinja::Environment;

use crate::templates::{self, TemplatesError};

/// What a page may tell its template besides what the templates compiled in use of it; the README has all.
const TOLD: [&str; 9] = [
    "template",
    "user",
    "login_redirect_url",
    "logout_redirect_url",
    "account",
    "action",
    "valid_link",
    "sentences",
    "code_url",
];

/// Names that the engine gives a meaning by itself.
const OF_THE_ENGINE: [&str; 6] = ["self", "super", "loop", "caller", "varargs", "kwargs"];

/// The statements that set variables, for themselves or for the templates that they include or extend.
const SETTERS: [&str; 8] = [
    "set ", "for ", "with ", "macro ", "call", "import ", "from ", "block ",
];

/// Something in a folder of templates that no page would show.
///
/// Its `Display` is a sentence for the one who wrote the folder.
///
/// # Examples
/// ```
/// use phone_auth_web::{TemplateNote, Web};
///
/// let folder = tempfile::tempdir()?;
/// std::fs::create_dir(folder.path().join("phone_auth"))?;
/// std::fs::write(folder.path().join("phone_auth/logn.html"), "{{ titel }}")?;
/// let notes = Web::template_notes(folder.path(), &[])?;
/// assert!(notes.contains(&TemplateNote::UnusedFile {
///     name: "phone_auth/logn.html".to_owned(),
/// }));
/// assert_eq!(notes.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TemplateNote {
    /// No page has a template of this name, and no other template names it.
    UnusedFile {
        /// The file, as templates are named.
        name: String,
    },
    /// No page tells a template this, and no template of the folder sets it: nothing is shown in its place.
    UnknownVariable {
        /// The template, by its name.
        template: String,
        /// The variable, by its name.
        variable: String,
    },
}

impl fmt::Display for TemplateNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnusedFile { name } => write!(
                f,
                "the file {name} is shown by no page; pages have names such as phone_auth/login.html, and other files \
                 must be named by a template"
            ),
            Self::UnknownVariable { template, variable } => write!(
                f,
                "the template {template} uses {variable}, which no page tells it; nothing is shown there"
            ),
        }
    }
}

/// What of a folder no page would show, given the templates that there are without it.
pub(crate) fn notes(
    folder: &Path,
    compiled_in: &BTreeMap<Cow<'static, str>, Cow<'static, str>>,
) -> Result<Vec<TemplateNote>, TemplatesError> {
    let engine = templates::engine();
    let mut files = BTreeMap::new();
    for name in templates::html_files(folder)? {
        let path = folder.join(&name);
        let source = std::fs::read_to_string(&path);
        let source = source.map_err(|source| TemplatesError::folder(&path, source))?;
        files.insert(name, source);
    }
    let mut known: BTreeSet<String> = TOLD
        .iter()
        .chain(&OF_THE_ENGINE)
        .map(ToString::to_string)
        .collect();
    known.extend(engine.globals().map(|(name, _)| name.to_owned()));
    for (name, source) in compiled_in {
        known.extend(variables(&engine, name, source)?);
    }
    for source in files.values() {
        known.extend(set_in(source));
    }
    let mut notes = Vec::new();
    for (name, source) in &files {
        let is_named = |(other, source): (&str, &str)| {
            other != name
                && ["\"", "'"]
                    .iter()
                    .any(|quote| source.contains(&format!("{quote}{name}{quote}")))
        };
        let own = files
            .iter()
            .map(|(name, source)| (name.as_str(), source.as_str()));
        let ours = compiled_in
            .iter()
            .map(|(name, source)| (name.as_ref(), source.as_ref()));
        if !compiled_in.contains_key(name.as_str()) && !own.chain(ours).any(is_named) {
            notes.push(TemplateNote::UnusedFile { name: name.clone() });
        }
        let unknown = variables(&engine, name, source)?;
        let unknown = unknown
            .into_iter()
            .filter(|variable| !known.contains(variable));
        notes.extend(unknown.map(|variable| TemplateNote::UnknownVariable {
            template: name.clone(),
            variable,
        }));
    }
    Ok(notes)
}

/// The variables that a template takes from elsewhere, in their order.
fn variables(
    engine: &Environment<'_>,
    name: &str,
    source: &str,
) -> Result<BTreeSet<String>, TemplatesError> {
    let template = engine
        .template_from_named_str(name, source)
        .map_err(|source| TemplatesError::template(name, source))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}

/// The words of the statements of a template that may set variables: one that it includes, or extends, can use them.
fn set_in(source: &str) -> impl Iterator<Item = String> {
    let statements = source.split("{%").skip(1);
    let statements = statements.filter_map(|rest| rest.split("%}").next());
    let setters = statements.filter(|statement| {
        let statement = statement.trim_start_matches(['-', '+']).trim_start();
        SETTERS.iter().any(|setter| statement.starts_with(setter))
    });
    let words = setters.flat_map(|statement| {
        // What stands after an equals sign, or after `in`, is taken and not set.
        let set = statement.split(['=']).next().unwrap_or_default();
        let set = set.split(" in ").next().unwrap_or_default();
        set.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
    });
    let words: Vec<String> = words.map(str::to_owned).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    /// What is said of these files.
    #[track_caller]
    fn check(files: &[(&str, &str)], said: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        for (name, source) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, source).unwrap();
        }
        let notes = notes(folder.path(), &templates::embedded(Vec::new())).unwrap();
        let short: Vec<_> = notes
            .iter()
            .map(|note| match note {
                TemplateNote::UnusedFile { name } => name.clone(),
                TemplateNote::UnknownVariable { template, variable } => {
                    format!("{template}: {variable}")
                }
            })
            .collect();
        assert_eq!(short, said, "{files:?}");
    }

    #[test]
    fn mistyped_names_are_noted() {
        let login = "phone_auth/login.html";
        check(&[("phone_auth/logn.html", "x")], &["phone_auth/logn.html"]);
        check(&[("login.html", "x")], &["login.html"]);
        check(&[(login, "{{ titel }}")], &["phone_auth/login.html: titel"]);
        check(
            &[(login, "{% if usr %}x{% endif %}")],
            &["phone_auth/login.html: usr"],
        );
        check(
            &[(login, "{% for a in fields %}{{ a }}{% endfor %}")],
            &["phone_auth/login.html: fields"],
        );
        check(
            &[("phone_auth/base.html", "{{ titel }}{{ site_name }}")],
            &[
                "phone_auth/base.html: site_name",
                "phone_auth/base.html: titel",
            ],
        );
    }

    #[test]
    fn what_pages_tell_is_known() {
        // All that the README lists.
        let told = "{{ title }}{{ template }}{{ site.name }}{{ urls.phone_login }}{{ login_redirect_url }}
            {{ logout_redirect_url }}{{ stylesheet }}{{ csrf_token }}{{ user.username }}{{ form }}{{ next }}
            {{ valid_link }}{{ account }}{{ action }}{{ email_addresses }}{{ phone_numbers }}{{ notice.tone }}
            {{ state }}{{ address }}{{ sentences }}{{ kind }}{{ range(3) }}{{ super() }}
            {% for one in sentences %}{{ loop.index }}{{ one }}{% endfor %}";
        check(&[("phone_auth/login.html", told)], &[]);
    }

    #[test]
    fn own_parts_are_known() {
        check(
            &[
                ("own/base.html", "{{ active }}{% block a %}{% endblock %}"),
                ("own/part.html", "{{ one }}{{ more }}"),
                ("own/forms.html", "{% macro field(f) %}{{ f }}{% endmacro %}"),
                (
                    "phone_auth/login.html",
                    "{% extends \"own/base.html\" %}{% import 'own/forms.html' as own %}{%- set active = 1 %}
                     {% block a %}{% for one in sentences %}{% with more = 2 %}{% include \"own/part.html\" %}
                     {% endwith %}{% endfor %}{{ own.field(form) }}{% endblock %}",
                ),
            ],
            &[],
        );
    }

    #[test]
    fn templates_compiled_in_are_not_noted() {
        let files = templates::embedded(Vec::new());
        let files: Vec<_> = files
            .iter()
            .map(|(name, source)| (name.as_ref(), source.as_ref()))
            .collect();
        check(&files, &[]);
    }
}
