//! A page that is to be rendered: a template, a title, and what the template is told.

use std::borrow::Cow;

use http::{HeaderValue, StatusCode};
use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

/// A page: which template, what it is called, and what the template is told besides what every page
/// knows (see the table in the crate's README).
///
/// [`RequestContext::render`](crate::RequestContext::render) makes an answer of it.
///
/// # Examples
/// ```
/// use http::StatusCode;
/// use phone_auth_web::Page;
///
/// let page = Page::new("orders.html", "Orders")
///     .with("orders", ["tea", "biscuits"])
///     .status(StatusCode::OK);
/// # let _ = page;
/// ```
#[derive(Clone, Debug)]
#[must_use = "a page shows nothing until it is rendered"]
pub struct Page {
    pub(crate) template: Cow<'static, str>,
    pub(crate) title: Cow<'static, str>,
    pub(crate) status: StatusCode,
    pub(crate) values: Vec<(&'static str, Value)>,
    pub(crate) referrer: Option<HeaderValue>,
}

impl Page {
    /// A page of this template under this title, answered with 200.
    pub fn new(
        template: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            template: template.into(),
            title: title.into(),
            status: StatusCode::OK,
            values: Vec::new(),
            referrer: None,
        }
    }

    /// Answers with another status.
    ///
    /// # Examples
    /// ```
    /// use http::StatusCode;
    /// use phone_auth_web::Page;
    ///
    /// let page = Page::new("orders.html", "Orders").status(StatusCode::NOT_FOUND);
    /// # drop(page);
    /// ```
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Tells the template a value under a name. Text is escaped where the template shows it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_web::Page;
    ///
    /// let page = Page::new("orders.html", "Orders").with("orders", ["tea", "biscuits"]);
    /// # drop(page);
    /// ```
    pub fn with(mut self, name: &'static str, value: impl Serialize) -> Self {
        self.values.push((name, Value::from(Serde(value))));
        self
    }

    /// Sends no `Referer` from this page: its address holds a secret.
    ///
    /// # Security
    /// Only for pages without a form: under this policy browsers send `Origin: null` with one.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_web::Page;
    ///
    /// let page = Page::new("invitation.html", "Invitation").without_referrer();
    /// # drop(page);
    /// ```
    pub fn without_referrer(mut self) -> Self {
        self.referrer = Some(HeaderValue::from_static("no-referrer"));
        self
    }
}
