//! The forms of a page, as far as filling one in needs it: no parser of HTML, but a reader of tags and their attributes,
//! as templates write them.

/// A form that a browser can send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it goes to; empty for the page that it is on.
    pub(crate) action: String,
    pub(crate) is_post: bool,
    /// The names of its fields and what stands in them.
    pub(crate) fields: Vec<(String, String)>,
    buttons: Vec<Button>,
}

/// A button that sends a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// The text on it.
    label: String,
    /// The field that it adds.
    pub(crate) adds: Option<(String, String)>,
    /// Where it has the form go to instead.
    pub(crate) action: Option<String>,
}

/// The forms of a page in their order.
pub(crate) fn forms_of(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut rest = html;
    while let Some((_, begun)) = rest.split_once("<form") {
        let (form, after) = begun.split_once("</form>").unwrap_or((begun, ""));
        forms.push(Form::read(form));
        rest = after;
    }
    forms
}

impl Form {
    fn read(html: &str) -> Self {
        let (tag, inside) = html.split_once('>').unwrap_or((html, ""));
        let mut form = Self {
            action: attribute(tag, "action").unwrap_or_default(),
            is_post: attribute(tag, "method").is_some_and(|it| it.eq_ignore_ascii_case("post")),
            fields: Vec::new(),
            buttons: Vec::new(),
        };
        let mut is_in_button = false;
        for piece in inside.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or((piece, ""));
            is_in_button &= !tag.starts_with("/button");
            if let (true, Some(button)) = (is_in_button, form.buttons.last_mut()) {
                button.label.push_str(text);
            }
            let field = attribute(tag, "name")
                .map(|name| (name, attribute(tag, "value").unwrap_or_default()));
            let kind = attribute(tag, "type").unwrap_or_default();
            match tag.split([' ', '\n', '/']).next() {
                Some("button") => {
                    is_in_button = true;
                    form.buttons.push(Button::read(tag, text.to_owned(), field));
                }
                Some("input") if kind == "submit" => {
                    let label = attribute(tag, "value").unwrap_or_default();
                    form.buttons.push(Button::read(tag, label, field));
                }
                // What is not ticked is not sent.
                Some("input") if matches!(&*kind, "checkbox" | "radio") && !has(tag, "checked") => {
                    form.fields
                        .extend(field.map(|(name, _)| (name, String::new())));
                }
                Some("input" | "select") => form.fields.extend(field),
                Some("textarea") => {
                    let name = field.map(|(name, _)| name);
                    form.fields.extend(name.map(|name| (name, plain(text))));
                }
                _ => {}
            }
        }
        for button in &mut form.buttons {
            let words: Vec<_> = button.label.split_whitespace().collect();
            button.label = plain(&words.join(" "));
        }
        form
    }

    /// The button with this text, if it is one of this form.
    pub(crate) fn button(&self, label: &str) -> Option<&Button> {
        self.buttons.iter().find(|button| button.label == label)
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.buttons.iter().map(|button| button.label.as_str())
    }
}

impl Button {
    fn read(tag: &str, label: String, adds: Option<(String, String)>) -> Self {
        Self {
            label,
            adds,
            action: attribute(tag, "formaction"),
        }
    }
}

/// The value of an attribute, with quotes or without.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once(&format!("{name}=")) {
        let begins_here = before.ends_with(char::is_whitespace);
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
        match quote {
            Some(quote) if begins_here => return after.split(quote).nth(1).map(plain),
            None if begins_here => return after.split_whitespace().next().map(plain),
            _ => {}
        }
        rest = after;
    }
    None
}

fn has(tag: &str, name: &str) -> bool {
    tag.split_whitespace().any(|word| word == name)
}

/// The text that HTML means, without the white space around it.
fn plain(html: &str) -> String {
    let references = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#x2f;", "/"),
        ("&#47;", "/"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        // Last: what it makes is text.
        ("&amp;", "&"),
    ];
    let mut text = html.trim().to_owned();
    for (reference, meant) in references {
        text = text.replace(reference, meant);
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn attributes_need_no_quotes() {
        let html = "<form method=post action=/rent/><input name=bike value=red required><button>Rent</button></form>";
        let forms = forms_of(html);
        let [form] = forms.as_slice() else {
            panic!("{forms:?}");
        };
        assert!(form.is_post && form.action == "/rent/", "{form:?}");
        assert_eq!(form.fields, [("bike".to_owned(), "red".to_owned())]);
    }

    #[test]
    fn button_may_lead_elsewhere() {
        let forms = forms_of(
            "<form method=post action=/a/><button>A</button><button formaction=\"/b/\">B</button></form>",
        );
        let [form] = forms.as_slice() else {
            panic!("{forms:?}");
        };
        assert_eq!(form.button("A").unwrap().action, None);
        assert_eq!(form.button("B").unwrap().action.as_deref(), Some("/b/"));
    }

    #[test]
    fn form_is_read_as_templates_write_it() {
        let html = "<form action='/search/'><input name='q' value=''></form>
            <form method=\"post\" action=\"/a?x=1&amp;y=2\" novalidate>
            <input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"t&#x2f;k\">
            <input data-name=\"no\" name=\"email\" required value=\"&lt;a&gt;\"/>
            <input type=\"checkbox\" name=\"news\" value=\"on\">
            <input type=\"checkbox\" name=\"terms\" value=\"on\" checked>
            <textarea name=\"note\">hello</textarea>
            <button type=\"submit\" name=\"pk\" value=\"7\"> Send &amp; <span class=\"wide\">go
 there</span> </button></form>";
        let forms = forms_of(html);
        let [search, form] = forms.as_slice() else {
            panic!("{forms:?}");
        };
        assert!(!search.is_post && search.action == "/search/");
        assert!(form.is_post);
        assert_eq!(form.action, "/a?x=1&y=2");
        let fields: Vec<_> = form
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            fields,
            [
                ("csrfmiddlewaretoken", "t/k"),
                ("email", "<a>"),
                ("news", ""),
                ("terms", "on"),
                ("note", "hello"),
            ]
        );
        let button = form.button("Send & go there").unwrap();
        assert_eq!(button.adds, Some(("pk".to_owned(), "7".to_owned())));
        assert_eq!(button.action, None);
        assert!(form.button("Send").is_none());
    }
}
