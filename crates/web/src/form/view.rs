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
    name: &'static str,
    id: String,
    label: String,
    kind: &'static str,
    value: String,
    autocomplete: &'static str,
    inputmode: &'static str,
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
            self = self.problem(problem.field, &words::sentence(problem));
        }
        self
    }

    /// Says one thing that is wrong with a field.
    pub(crate) fn problem(mut self, field: Field, text: &str) -> Self {
        let found = self
            .fields
            .iter_mut()
            .find(|shown| shown.name == field.name());
        let (id, label) = match found {
            None => (String::new(), String::new()),
            Some(shown) => {
                shown.error(text);
                (shown.id.clone(), shown.label.clone())
            }
        };
        self.problems.push(ProblemView {
            field: id,
            label,
            text: text.to_owned(),
        });
        self
    }
}

impl FieldView {
    /// A required line of text.
    pub(crate) fn new(field: Field, label: impl Into<String>) -> Self {
        Self {
            name: field.name(),
            id: format!("id_{}", field.name()),
            label: label.into(),
            kind: "text",
            value: String::new(),
            autocomplete: "",
            inputmode: "",
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

fn by_name<S: Serializer>(fields: &[FieldView], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(fields.len()))?;
    for field in fields {
        map.serialize_entry(field.name, field)?;
    }
    SerializeMap::end(map)
}
