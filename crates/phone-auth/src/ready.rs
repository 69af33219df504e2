//! The ready receivers, by name: each is called only if it is given its state, here or in
//! [`receivers`](crate::PhoneAuthBuilder::receivers).

use crate::PhoneAuthBuilder;

impl PhoneAuthBuilder {
    /// Sends messages by email through this mail server. The receiver for it is called only if this is.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::PhoneAuth;
    /// use phone_auth::delivery::smtp::Smtp;
    ///
    /// let smtp = Smtp::builder(site.clone(), "mail.example.org", "accounts@example.org").build()?;
    /// let builder = PhoneAuth::builder(site, key, store).smtp(smtp);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "smtp")]
    pub fn smtp(self, smtp: crate::delivery::smtp::Smtp) -> Self {
        self.receivers(|signals| signals.provide(smtp))
    }

    /// Sends text messages through this gateway. The receiver for it is called only if this is.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::PhoneAuth;
    /// use phone_auth::delivery::Secret;
    /// use phone_auth::delivery::sms_gateway::{SmsGateway, Twilio, TwilioSender};
    ///
    /// let sender = TwilioSender::From("+15005550006".to_owned());
    /// let account = Twilio::new("AC0123", Secret::new("from a file"), sender);
    /// let gateway = SmsGateway::twilio(site.clone(), account).build()?;
    /// let builder = PhoneAuth::builder(site, key, store).sms_gateway(gateway);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "sms-gateway")]
    pub fn sms_gateway(self, gateway: crate::delivery::sms_gateway::SmsGateway) -> Self {
        self.receivers(|signals| signals.provide(gateway))
    }

    /// Posts messages to this service. The receiver for it is called only if this is. A signal that it was told to leave
    /// alone needs another receiver.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::PhoneAuth;
    /// use phone_auth::delivery::Secret;
    /// use phone_auth::delivery::webhook::Webhook;
    ///
    /// let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    /// let webhook = Webhook::builder(site.clone(), "https://sender.example.org/", secret).build()?;
    /// let builder = PhoneAuth::builder(site, key, store).webhook(webhook);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "webhook")]
    pub fn webhook(self, webhook: crate::delivery::webhook::Webhook) -> Self {
        self.receivers(|signals| signals.provide(webhook))
    }

    /// Publishes messages to this stream. The receiver for it is called only if this is. A signal that it was told to leave
    /// alone needs another receiver.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use phone_auth::PhoneAuth;
    /// use phone_auth::delivery::nats::Nats;
    ///
    /// let nats = Nats::builder(site.clone(), "nats://127.0.0.1:4222").build()?;
    /// let builder = PhoneAuth::builder(site, key, store).nats(nats);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "nats")]
    pub fn nats(self, nats: crate::delivery::nats::Nats) -> Self {
        self.receivers(|signals| signals.provide(nats))
    }

    /// Prints messages as lines and keeps them in a mailbox, for a site on one's own machine.
    ///
    /// # Security
    /// Anyone who sees a line or the mailbox can reset the password of the user it is for. So the builder refuses it
    /// for a site that is not on a loopback address; but a proxy makes a site public whatever it is called:
    /// let anyone who starts the application ask for this mode, and nothing else. A page that shows the mailbox needs a
    /// secret of its own, as that of `phone-auth` has: no `Host`, header or peer address tells who asks.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
    /// use std::num::NonZeroUsize;
    ///
    /// use phone_auth::delivery::development::{LinePrinter, Mailbox};
    /// use phone_auth::{PhoneAuth, SiteOrigin};
    ///
    /// let site = SiteOrigin::parse("http://127.0.0.1:8000")?;
    /// let mailbox = Mailbox::new(site.clone(), NonZeroUsize::MIN.saturating_add(99));
    /// let lines = LinePrinter::new(std::io::stdout());
    /// let builder = PhoneAuth::builder(site, key, store).development(mailbox, lines);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "development")]
    pub fn development(
        self,
        mailbox: crate::delivery::development::Mailbox,
        lines: crate::delivery::development::LinePrinter,
    ) -> Self {
        self.receivers(|signals| signals.provide(mailbox).provide(lines))
    }
}
