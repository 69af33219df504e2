//! The body of a request, as templates.

use minijinja::{Environment, Error};
use serde_json::{Map, Value};

use super::request_template::{Fields, render};

/// A body as templates, each known to the environment by its name.
#[derive(Debug)]
pub(super) enum Body {
    Nothing,
    /// The names of fields and of the templates of their values.
    Form(Vec<(String, String)>),
    Json(Json),
}

/// JSON whose texts are templates.
#[derive(Debug)]
pub(super) enum Json {
    Text(String),
    List(Vec<Json>),
    Map(Vec<(String, Json)>),
    Other(Value),
}

impl Body {
    /// Fields of a form, their values templates.
    ///
    /// # Errors
    /// Those of a template.
    pub(super) fn form(
        fields: Vec<(String, String)>,
        plain: &mut Environment<'static>,
    ) -> Result<Self, Error> {
        let compile = |(at, (name, source)): (usize, (String, String))| {
            let template = format!("form field {at}");
            plain.add_template_owned(template.clone(), source)?;
            Ok((name, template))
        };
        let fields = fields.into_iter().enumerate().map(compile);
        Ok(Self::Form(fields.collect::<Result<_, Error>>()?))
    }

    /// The bytes, and their type.
    ///
    /// # Errors
    /// Those of a template.
    pub(super) fn bytes(
        &self,
        plain: &Environment<'static>,
        fields: &Fields<'_>,
    ) -> Result<Option<(&'static str, Vec<u8>)>, Error> {
        Ok(match self {
            Self::Nothing => None,
            Self::Form(form) => {
                let mut pairs = form_urlencoded::Serializer::new(String::new());
                for (name, template) in form {
                    pairs.append_pair(name, &render(plain, template, fields)?);
                }
                let kind = "application/x-www-form-urlencoded";
                Some((kind, pairs.finish().into_bytes()))
            }
            Self::Json(json) => {
                let value = json.value(plain, fields)?;
                Some(("application/json", value.to_string().into_bytes()))
            }
        })
    }
}

impl Json {
    /// A value whose texts are templates.
    ///
    /// # Errors
    /// Those of a template.
    pub(super) fn compile(
        value: Value,
        plain: &mut Environment<'static>,
        count: &mut usize,
    ) -> Result<Self, Error> {
        Ok(match value {
            Value::String(source) => {
                *count += 1;
                let name = format!("JSON text {count}");
                plain.add_template_owned(name.clone(), source)?;
                Self::Text(name)
            }
            Value::Array(items) => {
                let mut list = Vec::new();
                for item in items {
                    list.push(Self::compile(item, plain, count)?);
                }
                Self::List(list)
            }
            Value::Object(entries) => {
                let mut map = Vec::new();
                for (name, item) in entries {
                    map.push((name, Self::compile(item, plain, count)?));
                }
                Self::Map(map)
            }
            other => Self::Other(other),
        })
    }

    fn value(&self, plain: &Environment<'static>, fields: &Fields<'_>) -> Result<Value, Error> {
        Ok(match self {
            Self::Text(name) => Value::String(render(plain, name, fields)?),
            Self::List(items) => {
                let items = items.iter().map(|item| item.value(plain, fields));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => {
                let mut map = Map::new();
                for (name, item) in entries {
                    map.insert(name.clone(), item.value(plain, fields)?);
                }
                Value::Object(map)
            }
            Self::Other(value) => value.clone(),
        })
    }
}
