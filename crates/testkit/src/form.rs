//! The forms of a page and what a browser sends of them.
//!
//! What is not here: fields that stand outside of their form and name it by `form`, and files.

use crate::tag::{Tag, plain, tags_of};

/// A form that a browser can send.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// Where it goes to; empty for the page that it is on.
    pub(crate) action: String,
    is_post: bool,
    fields: Vec<Field>,
    buttons: Vec<Button>,
}

/// A field, or one choice of a field that has several.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field {
    name: String,
    value: String,
    kind: Kind,
    /// Whether it is sent: what is not ticked or chosen is not.
    is_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Anything that one types.
    Text,
    Checkbox,
    Radio,
    Option,
}

/// A button that sends a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Button {
    /// The text on it.
    label: String,
    /// The field that it adds.
    adds: Option<(String, String)>,
    /// Where it has the form go to instead.
    pub(crate) action: Option<String>,
    /// How it has the form go instead.
    method: Option<String>,
}

/// A `<select>` that is being read.
#[derive(Debug)]
struct Select {
    name: Option<String>,
    is_multiple: bool,
    is_disabled: bool,
    /// Whether a disabled option is the selected one: then nothing is sent.
    is_void: bool,
    /// Where its options begin among the fields.
    first: usize,
}

/// What is known while a form is read.
#[derive(Debug, Default)]
struct Reader {
    fields: Vec<Field>,
    buttons: Vec<Button>,
    is_in_button: bool,
    select: Option<Select>,
    is_group_disabled: bool,
    /// Whether each `<fieldset>` around is disabled.
    fieldsets: Vec<bool>,
}

/// The forms of a page in their order.
pub(crate) fn forms_of(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut reading: Option<Reader> = None;
    for tag in tags_of(html) {
        match (tag.name.as_str(), &mut reading) {
            ("form", None) => {
                forms.push(Form {
                    action: tag.value("action").unwrap_or_default(),
                    is_post: is_post(tag.value("method").as_deref()),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                });
                reading = Some(Reader::default());
            }
            ("/form", _) => end(&mut forms, reading.take()),
            (_, Some(reader)) => reader.read(&tag),
            _ => {}
        }
    }
    end(&mut forms, reading);
    forms
}

fn end(forms: &mut [Form], reader: Option<Reader>) {
    if let (Some(form), Some(mut reader)) = (forms.last_mut(), reader) {
        for button in &mut reader.buttons {
            button.label = in_one_line(&button.label);
        }
        (form.fields, form.buttons) = (reader.fields, reader.buttons);
    }
}

fn is_post(method: Option<&str>) -> bool {
    method.is_some_and(|it| it.eq_ignore_ascii_case("post"))
}

/// Text as a browser shows it.
fn in_one_line(html: &str) -> String {
    let words: Vec<_> = html.split_whitespace().collect();
    plain(&words.join(" "))
}

impl Reader {
    fn read(&mut self, tag: &Tag<'_>) {
        self.is_in_button &= tag.name != "/button";
        if let (true, Some(button)) = (self.is_in_button, self.buttons.last_mut()) {
            button.label.push_str(tag.text);
        }
        match tag.name.as_str() {
            "fieldset" => self.fieldsets.push(tag.has("disabled")),
            "/fieldset" => drop(self.fieldsets.pop()),
            "optgroup" => self.is_group_disabled = tag.has("disabled"),
            "/optgroup" => self.is_group_disabled = false,
            "select" => {
                self.select = Some(Select {
                    name: tag.value("name"),
                    is_multiple: tag.has("multiple"),
                    is_disabled: self.is_disabled(tag),
                    is_void: false,
                    first: self.fields.len(),
                });
            }
            "option" => self.option(tag),
            "/select" => self.end_select(),
            "button" | "input" | "textarea" if self.is_disabled(tag) => {}
            "button" => self.button(tag),
            "input" => self.input(tag),
            "textarea" => {
                // The line that follows the tag begins the text.
                let text = tag.text.strip_prefix('\n').unwrap_or(tag.text);
                self.field(tag.value("name"), plain(text), Kind::Text, true);
            }
            _ => {}
        }
    }

    fn is_disabled(&self, tag: &Tag<'_>) -> bool {
        tag.has("disabled") || self.fieldsets.contains(&true)
    }

    fn field(&mut self, name: Option<String>, value: String, kind: Kind, is_sent: bool) {
        // What has no name is not sent.
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.fields.push(Field {
                name,
                value,
                kind,
                is_sent,
            });
        }
    }

    fn button(&mut self, tag: &Tag<'_>) {
        let kind = tag.value("type").unwrap_or_default().to_ascii_lowercase();
        if !matches!(&*kind, "button" | "reset") {
            self.is_in_button = true;
            self.buttons.push(Button::read(tag, tag.text.to_owned()));
        }
    }

    fn input(&mut self, tag: &Tag<'_>) {
        let (name, value) = (tag.value("name"), tag.value("value"));
        let kind = tag.value("type").unwrap_or_default().to_ascii_lowercase();
        let is_checked = tag.has("checked");
        match &*kind {
            "submit" => {
                let label = value.unwrap_or_else(|| "Submit".to_owned());
                self.buttons.push(Button::read(tag, label));
            }
            "button" | "reset" | "image" => {}
            "checkbox" | "radio" => {
                let kind = match &*kind {
                    "radio" => Kind::Radio,
                    _ => Kind::Checkbox,
                };
                if kind == Kind::Radio && is_checked {
                    // Of one name, the last is chosen.
                    let others = self.fields.iter_mut().filter(|it| it.kind == kind);
                    for other in others.filter(|it| Some(&it.name) == name.as_ref()) {
                        other.is_sent = false;
                    }
                }
                let value = value.unwrap_or_else(|| "on".to_owned());
                self.field(name, value, kind, is_checked);
            }
            _ => self.field(name, value.unwrap_or_default(), Kind::Text, true),
        }
    }

    fn option(&mut self, tag: &Tag<'_>) {
        let Some(select) = &mut self.select else {
            return;
        };
        let is_disabled = self.is_group_disabled || tag.has("disabled");
        let is_selected = tag.has("selected");
        if is_selected {
            select.is_void = is_disabled;
        }
        if select.is_disabled || is_disabled {
            return;
        }
        let name = select.name.clone();
        let value = tag.value("value");
        let value = value.unwrap_or_else(|| in_one_line(tag.text));
        self.field(name, value, Kind::Option, is_selected);
    }

    /// Of a select that takes one option, the last that is selected is sent, else the first.
    fn end_select(&mut self) {
        let Some(select) = self.select.take().filter(|it| !it.is_multiple) else {
            return;
        };
        let options = self.fields.get_mut(select.first..).unwrap_or_default();
        let selected = options.iter().rposition(|it| it.is_sent).unwrap_or(0);
        for (index, option) in options.iter_mut().enumerate() {
            option.is_sent = index == selected && !select.is_void;
        }
    }
}

impl Form {
    /// The button with this text, if it is one of this form.
    pub(crate) fn button(&self, label: &str) -> Option<&Button> {
        self.buttons.iter().find(|button| button.label == label)
    }

    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.buttons.iter().map(|button| button.label.as_str())
    }

    /// Whether it is posted when this button is pressed.
    pub(crate) fn is_posted_by(&self, pressed: &Button) -> bool {
        let method = pressed.method.as_deref();
        method.map_or(self.is_post, |method| is_post(Some(method)))
    }

    /// The fields that are sent, with these typed, ticked or chosen by their values. Of what can be ticked, an empty
    /// value ticks nothing.
    ///
    /// # Errors
    /// When there is no such field, or none that can have this value, in words.
    pub(crate) fn sent(
        &self,
        pressed: &Button,
        typed: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, String> {
        let mut fields = self.fields.clone();
        for field in &mut fields {
            let is_typed = typed.iter().any(|(name, _)| *name == field.name);
            field.is_sent &= field.kind == Kind::Text || !is_typed;
        }
        for (name, value) in typed {
            fill(&mut fields, name, value)?;
        }
        let sent = fields.into_iter().filter(|field| field.is_sent);
        let pairs = sent.map(|field| (field.name, field.value));
        Ok(pairs.chain(pressed.adds.clone()).map(as_sent).collect())
    }
}

/// Types a value into a field, or ticks what has this value.
fn fill(fields: &mut [Field], name: &str, value: &str) -> Result<(), String> {
    let names: Vec<_> = fields.iter().map(|it| it.name.clone()).collect();
    let mut of_name: Vec<_> = fields.iter_mut().filter(|it| it.name == name).collect();
    let choice = of_name
        .iter_mut()
        .find(|it| it.kind != Kind::Text && !it.is_sent && it.value == value);
    if let Some(choice) = choice {
        choice.is_sent = true;
        return Ok(());
    }
    if value.is_empty() && of_name.iter().any(|it| it.kind == Kind::Checkbox) {
        return Ok(());
    }
    if let Some(text) = of_name.iter_mut().find(|it| it.kind == Kind::Text) {
        value.clone_into(&mut text.value);
        return Ok(());
    }
    let values: Vec<_> = of_name.iter().map(|it| &it.value).collect();
    Err(if values.is_empty() {
        format!("has no field {name:?}; it has {names:?}")
    } else {
        format!("has no {value:?} to choose for {name:?}; it has {values:?}")
    })
}

/// A browser ends each line of a field by CR and LF, whatever the page has.
fn as_sent((name, value): (String, String)) -> (String, String) {
    let lines = value.replace("\r\n", "\n").replace('\r', "\n");
    (name, lines.replace('\n', "\r\n"))
}

impl Button {
    fn read(tag: &Tag<'_>, label: String) -> Self {
        let value = tag.value("value").unwrap_or_default();
        let name = tag.value("name").filter(|name| !name.is_empty());
        Self {
            label,
            adds: name.map(|name| (name, value)),
            action: tag.value("formaction"),
            method: tag.value("formmethod"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::panic,
        clippy::unwrap_used,
        reason = "what is not as it should be is a failed test"
    )]

    use super::*;

    /// The one form of a page.
    fn form_of(html: &str) -> Form {
        let mut forms = forms_of(html);
        assert_eq!(forms.len(), 1, "{forms:?}");
        forms.remove(0)
    }

    /// What a form with this inside sends when `Go` is pressed, as a query.
    fn sent(inside: &str, typed: &[(&str, &str)]) -> Result<String, String> {
        let html = format!("<form method=post>{inside}<button>Go</button></form>");
        let form = form_of(&html);
        let pairs = form.sent(form.button("Go").unwrap(), typed)?;
        let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
        Ok(pairs.collect::<Vec<_>>().join("&"))
    }

    #[test]
    fn forms_are_sent_as_browsers_send_them() {
        let radios =
            "<input type=radio name=tea value=green><input type=radio name=tea value=black checked>
            <input type=radio name=tea value=white>";
        let ticks = "<input type=checkbox name=way value=sms checked><input type=checkbox name=way value=call>";
        let select = "<select name=size value=no><option value=s>Small<option value=m selected>Middle</option></select>";
        for (inside, typed, expected) in [
            (radios, &[][..], "tea=black"),
            (radios, &[("tea", "white")], "tea=white"),
            (
                "<input type=radio name=a value=1><input type=radio name=a value=2>",
                &[],
                "",
            ),
            (
                "<input type=radio name=a value=1 checked><input type=radio name=a value=2 checked>",
                &[],
                "a=2",
            ),
            ("<input type=checkbox name=a value=1>", &[], ""),
            ("<input type=checkbox name=a>", &[("a", "on")], "a=on"),
            ("<input type=checkbox name=a checked>", &[], "a=on"),
            ("<input type=checkbox name=a checked=\"\">", &[], "a=on"),
            (
                "<INPUT TYPE=CHECKBOX NAME=a CHECKED='checked'>",
                &[],
                "a=on",
            ),
            ("<input type=checkbox name=a title=checked>", &[], ""),
            ("<input type=checkbox name=a checked/>", &[("a", "")], ""),
            (ticks, &[], "way=sms"),
            (ticks, &[("way", "call")], "way=call"),
            (
                ticks,
                &[("way", "sms"), ("way", "call")],
                "way=sms&way=call",
            ),
            (
                "<input type=hidden name=a value=0><input type=checkbox name=a value=1>",
                &[("a", "1")],
                "a=0&a=1",
            ),
            (select, &[], "size=m"),
            (select, &[("size", "s")], "size=s"),
            (
                "<select name=a><option> One\n cup </option><option>Two</option></select>",
                &[],
                "a=One cup",
            ),
            (
                "<select name=a><option disabled value=>Choose</option><option>Two</option></select>",
                &[],
                "a=Two",
            ),
            (
                "<select name=a><option disabled selected>Choose<option>Two</select>",
                &[],
                "",
            ),
            (
                "<select name=a><optgroup disabled><option>1</optgroup><option>2</select>",
                &[],
                "a=2",
            ),
            (
                "<select name=a multiple><option selected>1<option>2<option selected>3</select>",
                &[],
                "a=1&a=3",
            ),
            ("<select name=a multiple><option>1</select>", &[], ""),
            ("<select name=a></select>", &[], ""),
            (
                "<textarea name=a>\n x <b> &amp; y\nz</textarea>",
                &[],
                "a= x <b> & y\r\nz",
            ),
            ("<textarea name=a></textarea>", &[("a", "1\n2")], "a=1\r\n2"),
            ("<input name=a value=1 disabled><input name=b>", &[], "b="),
            ("<select name=a disabled><option>1</select>", &[], ""),
            (
                "<fieldset disabled><input name=a><fieldset><input name=b></fieldset></fieldset><input name=c>",
                &[],
                "c=",
            ),
            ("<input value=1><input name='' value=2>", &[], ""),
            (
                "<input type=button name=a value=1><input type=submit name=b>",
                &[],
                "",
            ),
            (
                "<!-- <input name=a> --><script>'<input name=b>'</script>",
                &[],
                "",
            ),
            ("<input title='a > b' value = '1' name = a>", &[], "a=1"),
            (
                "<input name=a value=' &#x2F;&#x3D;&#39;&#x60;&#96;&#X41; '>",
                &[],
                "a= /='``A ",
            ),
            (
                "<input name=a value='&amp;lt; &apos;&nbsp;&none; &#xD800; &# & &lt'>",
                &[],
                "a=&lt; '\u{a0}&none; \u{fffd} &# & &lt",
            ),
        ] {
            assert_eq!(
                sent(inside, typed).as_deref(),
                Ok(expected),
                "{inside} {typed:?}"
            );
        }
        for (inside, typed, says) in [
            (
                radios,
                ("tea", "red"),
                "has no \"red\" to choose for \"tea\"",
            ),
            (select, ("size", ""), "[\"s\", \"m\"]"),
            (ticks, ("other", "1"), "has no field \"other\""),
            ("<input name=a disabled>", ("a", "1"), "has no field \"a\""),
        ] {
            let error = sent(inside, &[typed]).unwrap_err();
            assert!(error.contains(says), "{inside} {typed:?}: {error}");
        }
    }

    #[test]
    fn attributes_need_no_quotes() {
        let form = form_of(
            "<form method=post action=/rent/><button name=bike value=red>Rent</button></form>",
        );
        assert!(form.is_post && form.action == "/rent/", "{form:?}");
        let adds = form.button("Rent").unwrap().adds.clone();
        assert_eq!(adds, Some(("bike".to_owned(), "red".to_owned())));
    }

    #[test]
    fn button_may_lead_elsewhere() {
        let form = form_of(
            "<form method=post action=/a/><button>A</button><button formaction=\"/b/\" formmethod=get>B</button>
            <button disabled>C</button><button type=button>D</button><input type=submit value='E &amp; F'></form>",
        );
        let [a, b] = ["A", "B"].map(|label| form.button(label).unwrap());
        assert_eq!(a.action, None);
        assert_eq!(b.action.as_deref(), Some("/b/"));
        assert!(form.is_posted_by(a) && !form.is_posted_by(b));
        assert_eq!(form.labels().collect::<Vec<_>>(), ["A", "B", "E & F"]);
    }

    #[test]
    fn form_is_read_as_templates_write_it() {
        let html = "<form action='/search/'><input name='q' value=''></form>
            <form method=\"post\" action=\"/a?x=1&amp;y=2\" novalidate>
            <input type=\"hidden\" name=\"csrfmiddlewaretoken\" value=\"t&#x2f;k\">
            <input data-name=\"no\" name=\"email\" required value=\"&lt;a&gt;\"/>
            <button type=\"submit\" name=\"pk\" value=\"7\"> Send &amp; <span class=\"wide\">go
 there</span> </button></form>";
        let mut forms = forms_of(html);
        let form = forms.pop().unwrap();
        let search = forms.pop().unwrap();
        assert!(!search.is_post && search.action == "/search/");
        assert!(form.is_post);
        assert_eq!(form.action, "/a?x=1&y=2");
        assert!(form.button("Send").is_none());
        let button = form.button("Send & go there").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = vec![
            pair("csrfmiddlewaretoken", "t/k"),
            pair("email", "<a>"),
            pair("pk", "7"),
        ];
        assert_eq!(form.sent(button, &[]), Ok(expected));
    }
}
