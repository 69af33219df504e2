//! What text messages say, and in which language.

use std::path::PathBuf;

use super::SmsGatewayBuilder;
use crate::Carries;

impl SmsGatewayBuilder {
    /// What the site is called in the message; else the host of its origin.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
    /// assert!(builder().site_name("Tea house").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn site_name(mut self, name: impl Into<String>) -> Self {
        self.style.site_name = Some(name.into());
        self
    }

    /// A folder whose texts replace ours one by one, or add languages: `de/verify_phone.txt`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
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

    /// What a text says where the message has a code; else the code alone: a text with a link costs twice as much, some
    /// carriers drop it, and it may open on another device than the one that asked. Where a message has no code, it says the
    /// link.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_delivery::{Carries, sms_gateway::SmsGateway};
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// let gateway = SmsGateway::builder(site, url).carries(Carries::Link).build()?;
    /// # drop(gateway);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carries(mut self, carries: Carries) -> Self {
        self.style.carries = self.style.carries.else_to_all(carries);
        self
    }

    /// The same for numbers that begin so, as `+91`; of several the longest counts. Some countries let no link through, others
    /// nothing that looks like a code of a bank.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_delivery::{Carries, sms_gateway::SmsGateway};
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// let gateway = SmsGateway::builder(site, url).carries_by_prefix("+1", Carries::Both).build()?;
    /// # drop(gateway);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn carries_by_prefix(mut self, prefix: impl Into<String>, carries: Carries) -> Self {
        self.style.carries = self.style.carries.by_prefix(prefix, carries);
        self
    }

    /// The language of users whose own has no texts; else English, `en`.
    ///
    /// # Examples
    /// ```
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let url = "https://sms.example.org/send?to={{ to }}&text={{ text }}";
    /// # let builder = || phone_auth_delivery::sms_gateway::SmsGateway::builder(site.clone(), url);
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
}
