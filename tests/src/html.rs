//! A page as a user sees it: words, forms, fields with their labels and errors.

use crate::markup::{Piece, Tag, cut};

/// A page of the site.
#[derive(Clone, Debug)]
pub struct Page(Vec<Piece>);

/// A form on a page.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Form {
    /// Where it is sent to; the page itself when there is none.
    pub action: Option<String>,
    /// How: `post` or `get`, in lower case.
    pub method: String,
    /// Its fields, in order.
    pub fields: Vec<Field>,
    /// The email address or phone number that stands nearest before its end.
    pub about: Option<String>,
}

/// An `<input>`.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Field {
    /// The name that is posted.
    pub name: String,
    /// The type, `text` when it says none.
    pub kind: String,
    /// What is filled in.
    pub value: String,
    /// The words of its label.
    pub label: Option<String>,
    /// The words that `aria-describedby` ties to it.
    pub description: Option<String>,
    /// Whether it is marked as wrong with `aria-invalid`.
    pub is_invalid: bool,
    /// Whether it is marked as required.
    pub is_required: bool,
    /// Whether users see it: it is neither hidden nor a button.
    pub is_visible: bool,
    /// What a browser may fill in.
    pub autocomplete: Option<String>,
}

impl Page {
    /// Reads a page.
    pub fn parse(html: &str) -> Self {
        Self(cut(html))
    }

    /// The visible words, white space made single.
    pub fn words(&self) -> String {
        let mut words = String::new();
        let mut hidden = 0_usize;
        for piece in &self.0 {
            match piece {
                Piece::Open(tag) if is_hidden(&tag.name) => hidden += 1,
                Piece::Close(name) if is_hidden(name) => hidden = hidden.saturating_sub(1),
                Piece::Text(text) if hidden == 0 => {
                    words.push_str(text);
                    words.push(' ');
                }
                Piece::Open(_) | Piece::Close(_) | Piece::Text(_) => {}
            }
        }
        squeeze(&words)
    }

    /// The words of the first element of this name.
    pub fn words_of(&self, name: &str) -> Option<String> {
        self.words_where(|tag| tag.name == name)
    }

    /// The words of the element with this id.
    pub fn words_with_id(&self, id: &str) -> Option<String> {
        self.words_where(|tag| tag.attribute("id") == Some(id))
    }

    /// The values of an attribute, of every element of this name that has it.
    pub fn attributes(&self, element: &str, attribute: &str) -> Vec<String> {
        self.tags()
            .filter(|tag| tag.name == element)
            .filter_map(|tag| tag.attribute(attribute).map(str::to_owned))
            .collect()
    }

    /// The forms.
    pub fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        let mut current: Option<Form> = None;
        let mut about = None;
        for piece in &self.0 {
            match piece {
                Piece::Open(tag) if tag.name == "form" => {
                    current = Some(Form {
                        action: tag.attribute("action").map(str::to_owned),
                        method: tag
                            .attribute("method")
                            .unwrap_or("get")
                            .to_ascii_lowercase(),
                        ..Form::default()
                    });
                }
                Piece::Open(tag) if tag.name == "input" => {
                    let field = self.read_field(tag);
                    if let Some(form) = &mut current {
                        form.fields.extend(field);
                    }
                }
                Piece::Close(name) if name == "form" => {
                    if let Some(form) = current.take() {
                        forms.push(Form {
                            about: about.clone(),
                            ..form
                        });
                    }
                }
                Piece::Text(text) => {
                    about = address_in(text).or(about);
                }
                Piece::Open(_) | Piece::Close(_) => {}
            }
        }
        forms
    }

    /// The form that has all these fields.
    #[track_caller]
    pub fn form_with(&self, names: &[&str]) -> Form {
        let mut forms = self.forms();
        forms.retain(|form| names.iter().all(|name| form.field(name).is_some()));
        forms
            .into_iter()
            .next()
            .unwrap_or_else(|| panic!("no form with {names:?}: {}", self.words()))
    }

    /// A field with what the page says of it.
    fn read_field(&self, tag: &Tag) -> Option<Field> {
        let name = tag.attribute("name")?.to_owned();
        let id = tag.attribute("id");
        let described = tag.attribute("aria-describedby").map(|ids| {
            let words: Vec<String> = ids
                .split_whitespace()
                .filter_map(|id| self.words_with_id(id))
                .collect();
            words.join(" ")
        });
        Some(Field {
            name,
            is_visible: is_visible(tag),
            kind: tag.attribute("type").unwrap_or("text").to_ascii_lowercase(),
            value: tag.attribute("value").unwrap_or_default().to_owned(),
            label: id.and_then(|id| {
                self.words_where(|tag| tag.name == "label" && tag.attribute("for") == Some(id))
            }),
            description: described,
            is_invalid: tag.attribute("aria-invalid") == Some("true"),
            is_required: tag.attribute("required").is_some(),
            autocomplete: tag.attribute("autocomplete").map(str::to_owned),
        })
    }

    fn tags(&self) -> impl Iterator<Item = &Tag> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Open(tag) => Some(tag),
            Piece::Close(_) | Piece::Text(_) => None,
        })
    }

    /// The words inside the first element for which `is_it` holds.
    fn words_where(&self, is_it: impl Fn(&Tag) -> bool) -> Option<String> {
        let at = self
            .0
            .iter()
            .position(|piece| matches!(piece, Piece::Open(tag) if is_it(tag)))?;
        let mut pieces = self.0.iter().skip(at);
        let Some(Piece::Open(start)) = pieces.next() else {
            return None;
        };
        if start.is_void() {
            return Some(String::new());
        }
        let mut depth = 1_usize;
        let mut words = String::new();
        for piece in pieces {
            match piece {
                Piece::Open(tag) if tag.name == start.name => depth += 1,
                Piece::Close(name) if *name == start.name => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                Piece::Text(text) => {
                    words.push_str(text);
                    words.push(' ');
                }
                Piece::Open(_) | Piece::Close(_) => {}
            }
        }
        Some(squeeze(&words))
    }
}

impl Form {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field of this name, which must be there.
    #[track_caller]
    pub fn the(&self, name: &str) -> &Field {
        self.field(name)
            .unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }

    /// The names of the fields that a user sees.
    pub fn visible_names(&self) -> Vec<&str> {
        let visible = self.fields.iter().filter(|field| field.is_visible);
        visible.map(|field| field.name.as_str()).collect()
    }

    /// The form with these values typed in, each into a field that is there.
    #[must_use]
    #[track_caller]
    pub fn filled(mut self, values: &[(String, String)]) -> Self {
        for (name, value) in values {
            let field = self.fields.iter_mut().find(|field| field.name == *name);
            field
                .unwrap_or_else(|| panic!("no field {name}"))
                .value
                .clone_from(value);
        }
        self
    }

    /// What is posted.
    pub fn values(&self) -> Vec<(String, String)> {
        self.fields
            .iter()
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect()
    }
}

fn is_visible(input: &Tag) -> bool {
    let is_button = ["hidden", "submit"]
        .iter()
        .any(|kind| input.attribute("type") == Some(kind));
    // A name that password managers look for is in the page, but for no user.
    let is_taken_out =
        input.attribute("hidden").is_some() || input.attribute("aria-hidden") == Some("true");
    !is_button && !is_taken_out
}

fn is_hidden(element: &str) -> bool {
    ["style", "script", "title", "template"].contains(&element)
}

/// The last email address in a text, or the last phone number, which pages show as people write it.
fn address_in(text: &str) -> Option<String> {
    let is_email = |word: &&str| {
        word.split_once('@')
            .is_some_and(|(_, domain)| domain.contains('.'))
    };
    let email = text.split_whitespace().rfind(is_email).map(str::to_owned);
    email.or_else(|| {
        let (_, number) = text.rsplit_once('+')?;
        let is_written = |c: &char| c.is_ascii_digit() || " -().".contains(*c);
        let number = number.chars().take_while(is_written);
        let digits: String = number.filter(char::is_ascii_digit).collect();
        (digits.len() > 6).then(|| format!("+{digits}"))
    })
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<title>T</title><h1>Log <b>in</b></h1><form method=POST>
        <p id="e"><b>Not</b> right.</p><label for="l">Login:</label>
        <input id="l" name="login" value="a&amp;b" aria-describedby="e none" aria-invalid="true" required>
        <input type="hidden" name="t" value="1"><p>ann@example.org</p></form>"#;

    #[test]
    fn addresses_are_found_as_they_are_shown() {
        for (text, expected) in [
            ("Verify ann@example.org", Some("ann@example.org")),
            (" +91 98765 43210", Some("+919876543210")),
            ("+1 212-555-2368 is yours", Some("+12125552368")),
            ("+919876543210", Some("+919876543210")),
            ("1 + 1", None),
            ("Verify", None),
        ] {
            assert_eq!(address_in(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn field_has_label_and_error() {
        let page = Page::parse(PAGE);
        let form = page.form_with(&["login"]);
        let login = form.the("login");
        assert_eq!(login.label.as_deref(), Some("Login:"));
        assert_eq!(login.description.as_deref(), Some("Not right."));
        assert!(login.is_invalid && login.is_required);
        assert_eq!(login.value, "a&b");
        assert_eq!(form.visible_names(), ["login"]);
        assert_eq!(form.about.as_deref(), Some("ann@example.org"));
        assert_eq!(form.method, "post");
    }

    #[test]
    fn words_leave_the_title_out() {
        assert_eq!(
            Page::parse(PAGE).words(),
            "Log in Not right. Login: ann@example.org"
        );
        assert_eq!(Page::parse(PAGE).words_of("h1").as_deref(), Some("Log in"));
    }
}
