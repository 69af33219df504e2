//! Describes a service that takes signed requests.

use std::time::Duration;

use phone_auth_events::SiteOrigin;

use super::Webhook;
use super::signing::SigningKey;
use crate::http::{Endpoint, StatusSet, Statuses};
use crate::selection::Selection;
use crate::{BuildError, BuildErrorKind, Secret};

/// Describes a service that takes signed requests; [`Webhook::builder`] begins.
#[derive(Debug)]
#[must_use = "nothing is sent until `build` is called"]
pub struct WebhookBuilder {
    site: SiteOrigin,
    url: String,
    secret: Secret,
    other_secrets: Vec<Secret>,
    endpoint: Endpoint,
    selection: Selection,
}

impl WebhookBuilder {
    pub(super) fn new(site: SiteOrigin, url: String, secret: Secret) -> Self {
        Self {
            site,
            url,
            secret,
            other_secrets: Vec::new(),
            endpoint: Endpoint::default(),
            selection: Selection::default(),
        }
    }

    /// Signs with this secret too, while the service changes from one to the other.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
    /// use phone_auth_delivery::{BuildErrorKind, Secret};
    ///
    /// let new = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    /// assert!(builder().also_signed_with(new).build().is_ok());
    /// assert_eq!(*builder().also_signed_with(Secret::new("none")).build().unwrap_err().kind(), BuildErrorKind::OtherSecret);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn also_signed_with(mut self, secret: Secret) -> Self {
        self.other_secrets.push(secret);
        self
    }

    /// Takes the messages of these signals only: `verify_phone`, ….
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
    /// use phone_auth_delivery::BuildErrorKind;
    ///
    /// let webhook = builder().only(["verify_phone"]).build()?;
    /// assert!(webhook.takes("verify_phone") && !webhook.takes("verify_email"));
    /// let unknown = builder().only(["verify_fax"]).build();
    /// assert_eq!(*unknown.unwrap_err().kind(), BuildErrorKind::Signal);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn only<S: Into<String>>(mut self, signals: impl IntoIterator<Item = S>) -> Self {
        self.selection = Selection::only(signals);
        self
    }

    /// Lets `http:` pass to a host that is not this machine.
    ///
    /// # Security
    /// Anyone who can listen on the way reads every link before its owner.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
    /// use phone_auth_delivery::{BuildErrorKind, webhook::Webhook};
    ///
    /// let webhook = || Webhook::builder(site.clone(), "http://sender.internal/", secret());
    /// assert_eq!(*webhook().build().unwrap_err().kind(), BuildErrorKind::Plaintext);
    /// // A network that nobody else is on.
    /// assert!(webhook().danger_plain().build().is_ok());
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
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
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
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
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
    /// [`Url`](crate::BuildErrorKind::Url), [`LogInUrl`](crate::BuildErrorKind::LogInUrl),
    /// [`Plaintext`](crate::BuildErrorKind::Plaintext), [`Secret`](crate::BuildErrorKind::Secret),
    /// [`OtherSecret`](crate::BuildErrorKind::OtherSecret), [`Signal`](crate::BuildErrorKind::Signal),
    /// [`Certificate`](crate::BuildErrorKind::Certificate), [`Tls`](crate::BuildErrorKind::Tls).
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let secret = || phone_auth_delivery::Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// # let builder = || phone_auth_delivery::webhook::Webhook::builder(site.clone(), "https://sender.example.org/", secret());
    /// use phone_auth_delivery::{BuildErrorKind, Secret, webhook::Webhook};
    ///
    /// let webhook = builder().build()?;
    /// # drop(webhook);
    /// let unsigned = Webhook::builder(site, "https://sender.example.org/", Secret::new("short")).build();
    /// assert_eq!(*unsigned.unwrap_err().kind(), BuildErrorKind::Secret);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Webhook, BuildError> {
        let url = self.endpoint.url(&self.url)?;
        self.selection.check()?;
        let key = SigningKey::parse(&self.secret);
        let mut keys = vec![key.ok_or_else(|| BuildError::new(BuildErrorKind::Secret))?];
        for secret in &self.other_secrets {
            let key = SigningKey::parse(secret);
            keys.push(key.ok_or_else(|| BuildError::new(BuildErrorKind::OtherSecret))?);
        }
        Ok(Webhook {
            client: self.endpoint.client()?,
            url,
            keys,
            site: self.site,
            selection: self.selection,
            statuses: Statuses::new(StatusSet::new([200..=299]), StatusSet::new([410..=410]))?,
        })
    }
}
