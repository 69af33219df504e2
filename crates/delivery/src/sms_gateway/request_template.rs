//! The request to a gateway, made from templates.

use std::fmt::Write as _;

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior};
use phone_auth_events::{Retry, Undelivered};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request, Url};
use serde::Serialize;

use super::body::Body;
use crate::Secret;

/// The name of the template of the address.
pub(super) const ADDRESS: &str = "address";

/// The values that a request can use.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Fields<'a> {
    pub(super) to: &'a str,
    pub(super) text: &'a str,
    pub(super) key: &'a str,
    pub(super) language: &'a str,
    /// Not there when no secret was given, so that a template which asks for it is a mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<&'a str>,
}

/// The request, as templates.
pub(super) struct RequestTemplate {
    pub(super) method: Method,
    /// The template of the address, where values are percent-encoded.
    pub(super) address: Environment<'static>,
    /// Where every request goes, whatever the values are.
    pub(super) origin: url::Origin,
    /// The templates of headers and body, whose values are encoded as a whole.
    pub(super) plain: Environment<'static>,
    /// The names of headers and of their templates.
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) body: Body,
    pub(super) secret: Option<Secret>,
}

impl RequestTemplate {
    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.as_ref().map(Secret::reveal)
    }

    /// The request with these values.
    ///
    /// # Errors
    /// When a template cannot be rendered, or what it gives fits in no header or no address.
    pub(super) fn fill(&self, fields: &Fields<'_>) -> Result<Request, Undelivered> {
        let never = |what: &str| Undelivered::new(Retry::Never, what);
        // What the engine says may quote a value, and one of them is the text with the link.
        let broken = |_error: Error| never("a template of the request cannot be rendered");
        let address = render(&self.address, ADDRESS, fields).map_err(broken)?;
        let url = Url::parse(&address).map_err(|_why| never("the address is no URL"))?;
        if url.origin() != self.origin {
            return Err(never("the address is that of another host"));
        }
        let mut request = Request::new(self.method.clone(), url);
        if let Some((kind, bytes)) = self.body.bytes(&self.plain, fields).map_err(broken)? {
            let kind = HeaderValue::from_static(kind);
            request.headers_mut().insert(CONTENT_TYPE, kind);
            *request.body_mut() = Some(bytes.into());
        }
        self.add_headers(request.headers_mut(), fields)?;
        Ok(request)
    }

    fn add_headers(&self, headers: &mut HeaderMap, fields: &Fields<'_>) -> Result<(), Undelivered> {
        for (name, template) in &self.headers {
            let value = render(&self.plain, template, fields).ok();
            let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
            let mut value = value.ok_or_else(|| {
                let why = format!("the header {name} cannot hold its value");
                Undelivered::new(Retry::Never, why)
            })?;
            value.set_sensitive(true);
            headers.insert(name.clone(), value);
        }
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        Ok(())
    }
}

/// Renders one template.
///
/// # Errors
/// Those of the engine.
pub(super) fn render(
    templates: &Environment<'static>,
    name: &str,
    fields: &Fields<'_>,
) -> Result<String, Error> {
    templates.get_template(name)?.render(Serde(fields))
}

/// An engine that writes values as they are. One that is not there is a mistake.
pub(super) fn plain() -> Environment<'static> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_auto_escape_callback(|_name| AutoEscape::None);
    templates
}

/// An engine that percent-encodes values (RFC 3986, 2.1), so that none ends the place it stands in.
pub(super) fn encoding() -> Environment<'static> {
    let mut templates = plain();
    templates.set_formatter(|out, _state, value| {
        for byte in value.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.write_char(char::from(byte))?;
            } else {
                write!(out, "%{byte:02X}")?;
            }
        }
        Ok(())
    });
    templates
}
