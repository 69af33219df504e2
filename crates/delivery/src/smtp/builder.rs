//! Describes a mail server and what to send through it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lettre::address::Address;
use lettre::message::Mailbox;
use phone_auth_events::SiteOrigin;
use rustls::pki_types::ServerName;

use super::Smtp;
use super::connections::Connections;
use super::hello;
use super::server::{Security, Server};
use crate::loopback::is_loopback;
use crate::texts::{Needed, Style, Texts};
use crate::{BuildError, BuildErrorKind, Secret, tls};

/// The templates that mail is made from.
const TEMPLATES: Needed = Needed {
    links: &[
        "reset_password_email.html",
        "reset_password_email.subject.txt",
        "reset_password_email.txt",
        "verify_email.html",
        "verify_email.subject.txt",
        "verify_email.txt",
    ],
    log_ins: &[
        "login_email.html",
        "login_email.subject.txt",
        "login_email.txt",
    ],
    confirms: &[
        "confirm_email.html",
        "confirm_email.subject.txt",
        "confirm_email.txt",
    ],
    notices: &[
        "security_notice_email.html",
        "security_notice_email.subject.txt",
        "security_notice_email.txt",
    ],
};

/// Describes a mail server; [`Smtp::builder`] begins.
#[derive(Debug)]
#[must_use = "nothing is sent until `build` is called"]
pub struct SmtpBuilder {
    host: String,
    port: Option<u16>,
    security: Security,
    may_be_plain: bool,
    from: String,
    login: Option<(String, Secret)>,
    hello: Option<String>,
    root_certificate: Option<Vec<u8>>,
    timeout: Duration,
    connections: NonZeroUsize,
    templates: Option<PathBuf>,
    style: Style,
}

impl SmtpBuilder {
    pub(super) fn new(site: SiteOrigin, host: String, from: String) -> Self {
        Self {
            host,
            port: None,
            security: Security::Implicit,
            may_be_plain: false,
            from,
            login: None,
            hello: None,
            root_certificate: None,
            timeout: Duration::from_secs(20),
            connections: NonZeroUsize::MIN.saturating_add(3),
            templates: None,
            style: Style::new(site),
        }
    }

    /// The port; else the usual one: 465 for implicit TLS, 587 for STARTTLS, 25 for neither.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// assert!(builder().port(2465).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// How the connection is kept from others; else by TLS from its beginning, which leaves nothing that
    /// was sent before TLS began to be taken for an answer.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::BuildErrorKind;
    /// use phone_auth_delivery::smtp::Security;
    ///
    /// assert!(builder().security(Security::StartTls).build().is_ok());
    /// // Without TLS others could read the links.
    /// assert_eq!(*builder().security(Security::None).build().unwrap_err().kind(), BuildErrorKind::Plaintext);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self
    }

    /// Lets [`Security::None`] pass to a server that is not this machine.
    ///
    /// # Security
    /// Anyone who can listen on the way reads every link before its owner, and the password.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::smtp::Security;
    ///
    /// // A network that nobody else is on.
    /// assert!(builder().security(Security::None).danger_plain().build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn danger_plain(mut self) -> Self {
        self.may_be_plain = true;
        self
    }

    /// Logs in with this name and password.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().log_in("accounts", Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn log_in(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    /// What the server is greeted with: a full domain name such as `www.example.org`, or an address such as
    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]`; else the domain of the site, or of the sender where the site has none. The
    /// name of a machine or a container is often no domain, and many servers take no mail from such.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_delivery::{BuildErrorKind, smtp::Smtp};
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let smtp = || Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// assert!(smtp().hello("www.example.org").build().is_ok());
    /// assert_eq!(*smtp().hello("web-1").build().unwrap_err().kind(), BuildErrorKind::Hello);
    /// # Ok::<(), phone_auth_events::UrlError>(())
    /// ```
    pub fn hello(mut self, name: impl Into<String>) -> Self {
        self.hello = Some(name.into());
        self
    }

    /// Trusts these certificates, in PEM, besides those that browsers trust: for a server with a
    /// certificate of a private authority.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// let pem = "no certificate";
    /// assert_eq!(*builder().root_certificate(pem).build().unwrap_err().kind(), BuildErrorKind::Certificate);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn root_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificate = Some(pem.into());
        self
    }

    /// How long a message may take from the first connection to the last answer; else 20 seconds. Each
    /// address of the host has a quarter of it to be connected to.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use std::time::Duration;
    ///
    /// assert!(builder().timeout(Duration::from_secs(60)).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many connections there may be at once; else four. Further messages wait, and their time begins
    /// when they have a connection.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use std::num::NonZeroUsize;
    ///
    /// let one = NonZeroUsize::MIN;
    /// assert!(builder().connections(one).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn connections(mut self, most: NonZeroUsize) -> Self {
        self.connections = most;
        self
    }

    /// A folder whose templates replace ours one by one, or add languages: `de/verify_email.txt`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// let folder = "no/such/folder";
    /// assert_eq!(*builder().templates_from(folder).build().unwrap_err().kind(), BuildErrorKind::TemplateFolder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn templates_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.templates = Some(folder.into());
        self
    }

    /// The language of users whose own has no texts; else English, `en`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// // There is no text in Icelandic.
    /// assert_eq!(*builder().default_language("is").build().unwrap_err().kind(), BuildErrorKind::Language);
    /// assert!(builder().default_language("en").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn default_language(mut self, tag: impl Into<String>) -> Self {
        self.style.language = tag.into();
        self
    }

    /// What the site is called in the mail; else the host of its origin.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// assert!(builder().site_name("Tea house").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn site_name(mut self, name: impl Into<String>) -> Self {
        self.style.site_name = Some(name.into());
        self
    }

    /// Builds the state. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Host`](BuildErrorKind::Host), [`Sender`](BuildErrorKind::Sender), [`Hello`](BuildErrorKind::Hello),
    /// [`Plaintext`](BuildErrorKind::Plaintext), [`Certificate`](BuildErrorKind::Certificate),
    /// [`Tls`](BuildErrorKind::Tls), and those of templates:
    /// [`TemplateFolder`](BuildErrorKind::TemplateFolder), [`Template`](BuildErrorKind::Template),
    /// [`Language`](BuildErrorKind::Language).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::smtp::Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org");
    /// use phone_auth_delivery::{BuildErrorKind, smtp::Smtp};
    ///
    /// let smtp = builder().build()?;
    /// # drop(smtp);
    /// let nobody = Smtp::builder(site, "mail.example.org", "no address").build();
    /// assert_eq!(*nobody.unwrap_err().kind(), BuildErrorKind::Sender);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Smtp, BuildError> {
        let is_host = |sign: char| sign.is_ascii_alphanumeric() || ".-_:".contains(sign);
        if self.host.is_empty() || !self.host.chars().all(is_host) {
            return Err(BuildError::new(BuildErrorKind::Host));
        }
        let name = ServerName::try_from(self.host.clone())
            .map_err(|error| BuildError::with_source(BuildErrorKind::Host, error))?;
        let is_plain = self.security == Security::None;
        if is_plain && !self.may_be_plain && !is_loopback(&self.host) {
            return Err(BuildError::new(BuildErrorKind::Plaintext));
        }
        let from = sender(&self.from)?;
        let hello = match &self.hello {
            Some(name) => {
                hello::parse(name).ok_or_else(|| BuildError::new(BuildErrorKind::Hello))?
            }
            None => hello::of(&self.style.site, from.email.domain()),
        };
        let tls = tls::client_config(self.root_certificate.as_deref())?;
        let texts = Texts::load(self.templates.as_deref(), self.style, TEMPLATES)?;
        let server = Server {
            port: self.port.unwrap_or(self.security.port()),
            host: self.host,
            security: self.security,
            tls: Arc::new(tls),
            name,
            login: self.login,
            hello,
            // A second address is worth a try while there is time to send.
            patience: self.timeout / 4,
        };
        Ok(Smtp {
            connections: Connections::new(server, self.connections.get()),
            from,
            texts,
            timeout: self.timeout,
        })
    }
}

/// Who mail comes from, in ASCII: servers that take more are asked for it by each address, and the id of a
/// mail is made with this one. The domain is written as the name system has it.
fn sender(text: &str) -> Result<Mailbox, BuildError> {
    let refused = || BuildError::new(BuildErrorKind::Sender);
    let mailbox: Mailbox = text
        .parse()
        .map_err(|error| BuildError::with_source(BuildErrorKind::Sender, error))?;
    let (user, domain) = (mailbox.email.user(), mailbox.email.domain());
    if !user.is_ascii() {
        return Err(refused());
    }
    if domain.is_ascii() {
        return Ok(mailbox);
    }
    let domain = idna::domain_to_ascii_strict(domain).map_err(|_why| refused())?;
    let email = Address::new(user, &domain)
        .map_err(|error| BuildError::with_source(BuildErrorKind::Sender, error))?;
    Ok(Mailbox::new(mailbox.name, email))
}
