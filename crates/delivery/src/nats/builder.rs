//! Describes a NATS server.

use std::time::Duration;

use async_nats::{ConnectOptions, ServerAddr};
use phone_auth_events::SiteOrigin;
use tokio::sync::Mutex;

use super::Nats;
use super::denials::Denials;
use crate::loopback::is_loopback;
use crate::selection::Selection;
use crate::{BuildError, BuildErrorKind, Secret, tls};

/// Describes a NATS server; [`Nats::builder`] begins.
#[derive(Debug)]
#[must_use = "nothing is sent until `build` is called"]
pub struct NatsBuilder {
    site: SiteOrigin,
    url: String,
    may_be_plain: bool,
    login: LogIn,
    root_certificate: Option<Vec<u8>>,
    subject: String,
    selection: Selection,
    timeout: Duration,
}

/// How to log in.
#[derive(Debug)]
enum LogIn {
    Nobody,
    User(String, Secret),
    Token(Secret),
    Credentials(Secret),
}

impl NatsBuilder {
    pub(super) fn new(site: SiteOrigin, url: String) -> Self {
        Self {
            site,
            url,
            may_be_plain: false,
            login: LogIn::Nobody,
            root_certificate: None,
            subject: "phone_auth".to_owned(),
            selection: Selection::default(),
            timeout: Duration::from_secs(10),
        }
    }

    /// Logs in with this name and password.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().log_in("accounts", Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn log_in(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = LogIn::User(user.into(), password);
        self
    }

    /// Logs in with this token.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::Secret;
    ///
    /// assert!(builder().token(Secret::new("from a file")).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token(mut self, token: Secret) -> Self {
        self.login = LogIn::Token(token);
        self
    }

    /// Logs in with the content of a credentials file.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::{BuildErrorKind, Secret};
    ///
    /// assert_eq!(*builder().credentials(Secret::new("no credentials")).build().unwrap_err().kind(), BuildErrorKind::Secret);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn credentials(mut self, content: Secret) -> Self {
        self.login = LogIn::Credentials(content);
        self
    }

    /// What stands before the name of the signal in a subject; else `phone_auth`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// assert!(builder().subject("site.accounts").build().is_ok());
    /// assert_eq!(*builder().subject("site.>").build().unwrap_err().kind(), BuildErrorKind::Subject);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn subject(mut self, prefix: impl Into<String>) -> Self {
        self.subject = prefix.into();
        self
    }

    /// Takes the messages of these signals only: `verify_phone`, ….
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// let nats = builder().only(["verify_phone"]).build()?;
    /// assert!(nats.takes("verify_phone") && !nats.takes("verify_email"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn only<S: Into<String>>(mut self, signals: impl IntoIterator<Item = S>) -> Self {
        self.selection = Selection::only(signals);
        self
    }

    /// Lets `nats:` pass to a host that is not this machine.
    ///
    /// # Security
    /// Anyone who can listen on the way reads every link before its owner.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::{BuildErrorKind, nats::Nats};
    ///
    /// let nats = || Nats::builder(site.clone(), "nats://nats.internal:4222");
    /// assert_eq!(*nats().build().unwrap_err().kind(), BuildErrorKind::Plaintext);
    /// // A network that nobody else is on.
    /// assert!(nats().danger_plain().build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn danger_plain(mut self) -> Self {
        self.may_be_plain = true;
        self
    }

    /// Trusts these certificates, in PEM, besides those that browsers trust.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
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

    /// How long a message may take; else 10 seconds. Each address of a server has a quarter of it to be
    /// connected to.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use std::time::Duration;
    ///
    /// assert!(builder().timeout(Duration::from_secs(60)).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the state. Nothing is connected yet.
    ///
    /// # Errors
    /// [`Url`](BuildErrorKind::Url), [`LogInUrl`](BuildErrorKind::LogInUrl),
    /// [`Plaintext`](BuildErrorKind::Plaintext), [`Secret`](BuildErrorKind::Secret) for credentials that are
    /// none, [`Subject`](BuildErrorKind::Subject), [`Signal`](BuildErrorKind::Signal),
    /// [`Certificate`](BuildErrorKind::Certificate), [`Tls`](BuildErrorKind::Tls).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_delivery::nats::Nats::builder(site.clone(), "tls://nats.example.org:4222");
    /// use phone_auth_delivery::{BuildErrorKind, nats::Nats};
    ///
    /// let nats = builder().build()?;
    /// # drop(nats);
    /// let loose = Nats::builder(site, "nats://user:password@127.0.0.1:4222").build();
    /// assert_eq!(*loose.unwrap_err().kind(), BuildErrorKind::LogInUrl);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Nats, BuildError> {
        let servers = servers(&self.url, self.may_be_plain)?;
        if !is_subject(&self.subject) {
            return Err(BuildError::new(BuildErrorKind::Subject));
        }
        self.selection.check()?;
        let tls = tls::client_config(self.root_certificate.as_deref())?;
        let options = ConnectOptions::new()
            .name("phone-auth")
            .require_tls(servers.iter().all(ServerAddr::tls_required))
            .tls_client_config(tls)
            // A server names others before TLS begins, where anyone on the way can, and those need no TLS.
            .ignore_discovered_servers()
            // Another address is worth a try while there is time to publish.
            .connection_timeout(self.timeout / 4);
        let denials = Denials::new();
        let noting = denials.clone();
        let options = options.event_callback(move |event| {
            noting.note(&event);
            std::future::ready(())
        });
        Ok(Nats {
            servers,
            options: log_in(options, self.login)?,
            context: Mutex::default(),
            denials,
            subject: self.subject,
            site: self.site,
            selection: self.selection,
            timeout: self.timeout,
        })
    }
}

/// The servers in a text with commas between them, none of which would let others read the messages.
fn servers(text: &str, may_be_plain: bool) -> Result<Vec<ServerAddr>, BuildError> {
    text.split(',')
        .map(|url| server(url.trim(), may_be_plain))
        .collect()
}

fn server(url: &str, may_be_plain: bool) -> Result<ServerAddr, BuildError> {
    let server: ServerAddr = url
        .parse()
        .map_err(|error| BuildError::with_source(BuildErrorKind::Url, error))?;
    // A password in it would stand in logs.
    if server.username().is_some() || server.password().is_some() {
        return Err(BuildError::new(BuildErrorKind::LogInUrl));
    }
    if server.host().is_empty() {
        return Err(BuildError::new(BuildErrorKind::Url));
    }
    match server.scheme() {
        "tls" => Ok(server),
        "nats" if may_be_plain || is_loopback(server.host()) => Ok(server),
        "nats" => Err(BuildError::new(BuildErrorKind::Plaintext)),
        _ => Err(BuildError::new(BuildErrorKind::Url)),
    }
}

fn log_in(options: ConnectOptions, login: LogIn) -> Result<ConnectOptions, BuildError> {
    Ok(match login {
        LogIn::Nobody => options,
        LogIn::User(user, password) => {
            options.user_and_password(user, password.reveal().to_owned())
        }
        LogIn::Token(token) => options.token(token.reveal().to_owned()),
        LogIn::Credentials(content) => options
            .credentials(content.reveal())
            // Its error may quote what it could not read.
            .map_err(|_why| BuildError::new(BuildErrorKind::Secret))?,
    })
}

/// Words with dots between them, none of them a wildcard.
fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| {
        let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !word.is_empty() && word.bytes().all(is_fit)
    };
    text.split('.').all(is_word)
}
