//! Describes a gateway for text messages.

mod texts;

use std::path::PathBuf;
use std::time::Duration;

use minijinja::{Environment, Error};
use phone_auth_events::SiteOrigin;
use reqwest::Method;
use reqwest::header::HeaderName;
use serde_json::Value;

use super::body::{Body, Json};
use super::login::LogIn;
use super::request_template::{self, ADDRESS, RequestTemplate};
use super::{SmsGateway, TEMPLATES, segments, trial};
use crate::http::{Condition, Endpoint, StatusSet, Statuses};
use crate::texts::{Style, Texts};
use crate::{BuildError, BuildErrorKind, Carries, CarriesTo, Secret};

/// The methods that a message can be sent by.
const METHODS: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::PATCH];

/// Describes a gateway; [`SmsGateway::builder`] begins.
///
/// The address, the values of headers and of a form, and the texts in JSON are templates of these values: `to`,
/// the number in the form of E.164; `text`, what the message says; `key`, the same for each attempt to send
/// one message; `language`; and `secret`, if one was
/// given. A value is encoded for the place it stands in.
#[derive(Debug)]
#[must_use = "nothing is sent until `build` is called"]
pub struct SmsGatewayBuilder {
    url: String,
    method: String,
    headers: Vec<(String, String)>,
    login: LogIn,
    secret: Option<Secret>,
    content: Content,
    success: StatusSet,
    never: StatusSet,
    /// The codes that mean never, of a gateway that is known.
    never_codes: Option<&'static [u64]>,
    conditions: Vec<Condition>,
    endpoint: Endpoint,
    templates: Option<PathBuf>,
    style: Style,
}

#[derive(Debug)]
enum Content {
    Nothing,
    Form(Vec<(String, String)>),
    Json(Value),
}

impl SmsGatewayBuilder {
    pub(super) fn new(site: SiteOrigin, url: String) -> Self {
        Self {
            url,
            method: "POST".to_owned(),
            headers: vec![("Idempotency-Key".to_owned(), "{{ key }}".to_owned())],
            login: LogIn::Nobody,
            secret: None,
            content: Content::Nothing,
            success: StatusSet::new([200..=299]),
            never: StatusSet::new([]),
            never_codes: None,
            conditions: Vec::new(),
            endpoint: Endpoint::default(),
            templates: None,
            style: Style {
                carries: CarriesTo::all(Carries::Code),
                ..Style::new(site)
            },
        }
    }

    /// The method, one of `GET`, `POST`, `PUT` and `PATCH`; else `POST`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// assert!(builder().method("PUT").build().is_ok());
    /// assert_eq!(*builder().method("put").build().unwrap_err().kind(), BuildErrorKind::Method);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = method.into();
        self
    }

    /// A header, its value a template. Without another, `Idempotency-Key` is `{{ key }}`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// assert!(builder().header("X-Request", "{{ key }}").build().is_ok());
    /// assert_eq!(*builder().header("no name", "1").build().unwrap_err().kind(), BuildErrorKind::Header);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Logs in with a name and a password (RFC 7617).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().basic_auth("accounts", Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn basic_auth(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = LogIn::Basic(user.into(), password);
        self
    }

    /// Logs in with a token (RFC 6750).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().bearer(Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn bearer(mut self, token: Secret) -> Self {
        self.login = LogIn::Bearer(token);
        self
    }

    /// A key that templates know as `secret`, for a gateway that wants it elsewhere.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().header("X-Key", "{{ secret }}").secret(Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn secret(mut self, secret: Secret) -> Self {
        self.secret = Some(secret);
        self
    }

    /// The body is a form of these fields, their values templates.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// assert!(builder().form([("number", "{{ to }}"), ("body", "{{ text }}")]).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn form<N: Into<String>, V: Into<String>>(
        mut self,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let fields = fields.into_iter();
        let fields = fields.map(|(name, value)| (name.into(), value.into()));
        self.content = Content::Form(fields.collect());
        self
    }

    /// The body is this JSON, every text in it a template.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// let body = serde_json::json!({ "messages": [{ "to": "{{ to }}", "text": "{{ text }}" }] });
    /// assert!(builder().json(body).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn json(mut self, value: Value) -> Self {
        self.content = Content::Json(value);
        self
    }

    /// The statuses that mean that the gateway has taken the message; else `2xx`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::{BuildErrorKind, StatusSet};
    ///
    /// assert!(builder().success(StatusSet::new([200..=200, 202..=202])).build().is_ok());
    /// // 400 cannot mean both.
    /// let both = builder().success("2xx, 400".parse()?).never("400".parse()?);
    /// assert_eq!(*both.build().unwrap_err().kind(), BuildErrorKind::Statuses);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn success(mut self, statuses: StatusSet) -> Self {
        self.success = statuses;
        self
    }

    /// The statuses that mean that it never will; else none. After all others the message is tried again, until its link
    /// expires: gateways answer 400 and 422 also for a sender, a template or a contract that can be mended meanwhile.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::StatusSet;
    ///
    /// assert!(builder().never(StatusSet::new([400..=400, 404..=404])).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn never(mut self, statuses: StatusSet) -> Self {
        self.never = statuses;
        self.never_codes = None;
        self
    }

    /// The statuses that mean never where the answer has one of these codes too.
    pub(super) fn never_with(mut self, statuses: StatusSet, codes: &'static [u64]) -> Self {
        self.never = statuses;
        self.never_codes = Some(codes);
        self
    }

    /// A value that the JSON of a success has at a pointer (RFC 6901). `"0"` and `0` are alike. It is for a gateway that
    /// answers 200 also where it has taken nothing.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// assert!(builder().success_json("/messages/0/status", "0").build().is_ok());
    /// let unfit = builder().success_json("messages", "0").build();
    /// assert_eq!(*unfit.unwrap_err().kind(), BuildErrorKind::Confirmation);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn success_json(mut self, pointer: impl Into<String>, value: impl Into<Value>) -> Self {
        let (pointer, value) = (pointer.into(), value.into());
        self.conditions.push(Condition::Json { pointer, value });
        self
    }

    /// A text that the body of a success has in it.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// assert!(builder().success_text("ID:").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn success_text(mut self, text: impl Into<String>) -> Self {
        self.conditions.push(Condition::Contains(text.into()));
        self
    }

    /// A text that the body of a success has not in it.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// assert!(builder().failure_text("ERR:").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure_text(mut self, text: impl Into<String>) -> Self {
        self.conditions.push(Condition::Lacks(text.into()));
        self
    }

    /// Lets `http:` pass to a host that is not this machine.
    ///
    /// # Security
    /// Anyone who can listen on the way reads every link before its owner, and the password.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::{BuildErrorKind, sms_gateway::SmsGateway};
    ///
    /// let url = "http://sms.internal/{{ to }}/{{ text }}";
    /// let gateway = || SmsGateway::builder(site.clone(), url);
    /// assert_eq!(*gateway().build().unwrap_err().kind(), BuildErrorKind::Plaintext);
    /// // A network that nobody else is on.
    /// assert!(gateway().danger_plain().build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn danger_plain(mut self) -> Self {
        self.endpoint.may_be_plain = true;
        self
    }

    /// Trusts these certificates, in PEM, besides those that browsers trust.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// let pem = "no certificate";
    /// assert_eq!(*builder().root_certificate(pem).build().unwrap_err().kind(), BuildErrorKind::Certificate);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.endpoint.root_certificate = Some(pem.into());
        self
    }

    /// How long a message may take; else 20 seconds.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use std::time::Duration;
    ///
    /// assert!(builder().timeout(Duration::from_secs(60)).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.endpoint.timeout = timeout;
        self
    }

    /// Builds the state. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Url`](BuildErrorKind::Url), [`LogInUrl`](BuildErrorKind::LogInUrl),
    /// [`Plaintext`](BuildErrorKind::Plaintext),
    /// [`Method`](BuildErrorKind::Method), [`Header`](BuildErrorKind::Header),
    /// [`Secret`](BuildErrorKind::Secret) for one that fits in no header,
    /// [`Request`](BuildErrorKind::Request) for a template that cannot be rendered, asks for a secret that was
    /// not given, or gives a header more than a line,
    /// [`Incomplete`](BuildErrorKind::Incomplete) when `to` or `text` is asked for nowhere,
    /// [`Changed`](BuildErrorKind::Changed) when they would not arrive as they are,
    /// [`User`](BuildErrorKind::User) for one with a colon in it,
    /// [`Statuses`](BuildErrorKind::Statuses), [`Confirmation`](BuildErrorKind::Confirmation), [`Certificate`](BuildErrorKind::Certificate),
    /// [`Tls`](BuildErrorKind::Tls), and those of texts:
    /// [`TemplateFolder`](BuildErrorKind::TemplateFolder), [`Template`](BuildErrorKind::Template),
    /// [`Language`](BuildErrorKind::Language).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// use phone_auth_delivery::{BuildErrorKind, sms_gateway::SmsGateway};
    ///
    /// let gateway = builder().build()?;
    /// # drop(gateway);
    /// let silent = SmsGateway::builder(site, "https://sms.example.org/?to={{ to }}").build();
    /// assert_eq!(*silent.unwrap_err().kind(), BuildErrorKind::Incomplete);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<SmsGateway, BuildError> {
        let statuses = Statuses::new(self.success, self.never)?;
        let statuses = statuses.with(self.never_codes, self.conditions)?;
        let method = METHODS.into_iter().find(|it| it.as_str() == self.method);
        let method = method.ok_or_else(|| BuildError::new(BuildErrorKind::Method))?;
        let mut address = request_template::encoding();
        address
            .add_template_owned(ADDRESS, self.url)
            .map_err(of_request)?;
        let mut plain = request_template::plain();
        let headers = compile_headers(self.headers, &mut plain)?;
        let body = match self.content {
            Content::Nothing => Ok(Body::Nothing),
            Content::Form(fields) => Body::form(fields, &mut plain),
            Content::Json(value) => Json::compile(value, &mut plain, &mut 0).map(Body::Json),
        };
        let body = body.map_err(of_request)?;
        let mut request = RequestTemplate {
            method,
            origin: url::Origin::new_opaque(),
            address,
            plain,
            headers,
            authorization: self.login.header()?,
            body,
            secret: self.secret,
        };
        request.origin = trial::run(&request, &self.endpoint)?;
        let texts = Texts::load(self.templates.as_deref(), self.style, TEMPLATES)?;
        let long_texts = segments::long_texts(&texts, TEMPLATES);
        for (template, segments) in &long_texts {
            let words = "a text takes more than one text message, and is paid for as so many";
            tracing::warn!(template, segments, "{words}");
        }
        Ok(SmsGateway {
            client: self.endpoint.client()?,
            request,
            statuses,
            texts,
            long_texts,
        })
    }
}

pub(super) fn of_request(error: Error) -> BuildError {
    BuildError::with_source(BuildErrorKind::Request, error)
}

/// The headers with the names of their templates. The last of a name counts: ours stand first.
fn compile_headers(
    headers: Vec<(String, String)>,
    plain: &mut Environment<'static>,
) -> Result<Vec<(HeaderName, String)>, BuildError> {
    let mut compiled: Vec<(HeaderName, String)> = Vec::new();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|error| BuildError::with_source(BuildErrorKind::Header, error))?;
        compiled.retain(|(other, _)| *other != name);
        let template = format!("header {name}");
        plain
            .add_template_owned(template.clone(), value)
            .map_err(of_request)?;
        compiled.push((name, template));
    }
    Ok(compiled)
}
