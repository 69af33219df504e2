//! How a form looks to a template: its fields, what is typed into them, and what is wrong.

use phone_auth_core::form::{Field, FieldProblem};
use serde::ser::{SerializeMap, Serializer};

use super::words;

/// A form as the templates see it.
#[derive(serde::Serialize)]
pub(crate) struct FormView {
    #[serde(serialize_with = "by_name")]
    fields: Vec<FieldView>,
    problems: Vec<ProblemView>,
}

/// A field as the templates see it.
#[derive(serde::Serialize)]
pub(crate) struct FieldView {
    #[serde(skip)]
    field: Field,
    name: &'static str,
    id: String,
    label: String,
    kind: &'static str,
    value: String,
    autocomplete: &'static str,
    inputmode: &'static str,
    pattern: &'static str,
    /// Whether the text means what it says letter by letter: no capitals and corrections by the keyboard.
    verbatim: bool,
    required: bool,
    hint: &'static str,
    errors: Vec<String>,
    described_by: String,
}

/// A line of the summary above a form.
#[derive(serde::Serialize)]
struct ProblemView {
    /// The id of the field it leads to.
    field: String,
    /// What the field is called, unless the text says so.
    label: String,
    text: String,
}

impl FormView {
    /// A form of these fields in this order.
    pub(crate) const fn new(fields: Vec<FieldView>) -> Self {
        Self {
            fields,
            problems: Vec::new(),
        }
    }

    /// Says what is wrong, at the fields and above the form.
    pub(crate) fn problems(mut self, problems: &[FieldProblem]) -> Self {
        for problem in problems {
            let text = words::sentence(problem);
            let shown = self.fields.iter();
            let label = shown
                .filter(|shown| shown.name == problem.field.name())
                .map(|shown| label_before(&shown.label, &text))
                .collect();
            self.note(problem.field, label, &text);
        }
        self
    }

    /// Says one thing that is wrong with the form as a whole, at the field where users look for it.
    pub(crate) fn problem(mut self, field: Field, text: &str) -> Self {
        self.note(field, String::new(), text);
        self
    }

    /// Says one thing that is wrong, and with no field.
    pub(crate) fn general_problem(mut self, text: &str) -> Self {
        self.problems.push(ProblemView {
            field: String::new(),
            label: String::new(),
            text: text.to_owned(),
        });
        self
    }

    fn note(&mut self, field: Field, label: String, text: &str) {
        let mut id = String::new();
        let mut shown = self.fields.iter_mut();
        if let Some(shown) = shown.find(|shown| shown.name == field.name()) {
            shown.error(text);
            if shown.errors.len() > 1 {
                // The summary leads to the field once; the rest is said there.
                return;
            }
            id.clone_from(&shown.id);
        }
        self.problems.push(ProblemView {
            field: id,
            label,
            text: text.to_owned(),
        });
    }
}

impl FieldView {
    /// Which field it shows.
    pub(crate) const fn field(&self) -> Field {
        self.field
    }

    /// A required line of text.
    pub(crate) fn new(field: Field, label: impl Into<String>) -> Self {
        Self {
            field,
            name: field.name(),
            id: format!("id_{}", field.name()),
            label: label.into(),
            kind: "text",
            value: String::new(),
            autocomplete: "",
            inputmode: "",
            pattern: "",
            verbatim: false,
            required: true,
            hint: "",
            errors: Vec::new(),
            described_by: String::new(),
        }
    }

    /// A required password, typed anew each time. `autocomplete` is `new-password` or
    /// `current-password`.
    pub(crate) fn password(
        field: Field,
        label: impl Into<String>,
        autocomplete: &'static str,
    ) -> Self {
        Self {
            kind: "password",
            autocomplete,
            ..Self::new(field, label)
        }
    }

    /// A code that was sent in a message: telephones fill it in. The pattern is for those that show digits by it alone; a form
    /// with this field is not held to it (`novalidate`), since what is typed may have spaces.
    pub(crate) fn code() -> Self {
        Self {
            autocomplete: "one-time-code",
            pattern: "[0-9]*",
            ..Self::new(Field::Code, "Code")
        }
        .kind("text", "numeric")
        .hint("The six digits in the message")
    }

    /// The type of the control, and the keyboard that telephones show for it.
    pub(crate) const fn kind(mut self, kind: &'static str, inputmode: &'static str) -> Self {
        self.kind = kind;
        self.inputmode = inputmode;
        self
    }

    /// What a browser may fill in.
    pub(crate) const fn autocomplete(mut self, token: &'static str) -> Self {
        self.autocomplete = token;
        self
    }

    /// The text is taken letter by letter.
    pub(crate) const fn verbatim(mut self) -> Self {
        self.verbatim = true;
        self
    }

    pub(crate) const fn required(mut self, required: bool) -> Self {
        self.required = required;
        self
    }

    /// A sentence that helps before anything is wrong.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self.describe();
        self
    }

    /// What was typed before.
    pub(crate) fn value(mut self, value: &str) -> Self {
        value.clone_into(&mut self.value);
        self
    }

    fn error(&mut self, text: &str) {
        self.errors.push(text.to_owned());
        self.describe();
    }

    fn describe(&mut self) {
        let hint = (!self.hint.is_empty()).then(|| format!("{}_hint", self.id));
        let error = (!self.errors.is_empty()).then(|| format!("{}_error", self.id));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        self.described_by = ids.join(" ");
    }
}

/// The label of a field for the summary; nothing when the sentence names the field itself.
fn label_before(label: &str, text: &str) -> String {
    let names_itself = text.to_lowercase().starts_with(&label.to_lowercase());
    if names_itself {
        String::new()
    } else {
        label.to_owned()
    }
}

fn by_name<S: Serializer>(fields: &[FieldView], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for field in fields {
        map.serialize_entry(field.name, field)?;
    }
    SerializeMap::end(map)
}
