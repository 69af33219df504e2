//! Messages by email, through a mail server.
//!
//! [`Smtp`] is the state: the server, how to log in there, who the mail comes from, what it says. The
//! receiver `phone_auth.smtp` takes it and sends the messages of `verify_email` and
//! `reset_password_email`.
//!
//! What is not here: signing mail (DKIM), which the server does, and reading what comes back.

mod builder;
mod connections;
mod dialogue;
mod hello;
mod mail;
mod receiver;
mod refusal;
mod server;
mod session;
mod spoken;

pub use builder::SmtpBuilder;
pub use receiver::RECEIVER;
pub use server::Security;

use std::fmt;
use std::time::Duration;

use lettre::message::Mailbox;
use phone_auth_events::{EmailMessage, Retry, SiteOrigin, Undelivered};

use crate::texts::Texts;
use connections::Connections;

/// A mail server, and what to send through it.
///
/// Connections are kept for the next message. Nothing is connected before the first.
///
/// # Examples
/// ```
/// use phone_auth_delivery::{BuildErrorKind, Secret, smtp::{Security, Smtp}};
/// use phone_auth_events::SiteOrigin;
///
/// let site = SiteOrigin::parse("https://example.org")?;
/// let smtp = Smtp::builder(site.clone(), "mail.example.org", "Example <accounts@example.org>")
///     .log_in("accounts", Secret::new("hunter2"))
///     .build()?;
/// # drop(smtp);
///
/// let clear = Smtp::builder(site, "mail.example.org", "accounts@example.org").security(Security::None);
/// assert_eq!(*clear.build().unwrap_err().kind(), BuildErrorKind::Plaintext);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Smtp {
    connections: Connections,
    from: Mailbox,
    texts: Texts,
    timeout: Duration,
}

impl Smtp {
    /// Begins to describe the server at this host, and mail from this sender, such as
    /// `Example <accounts@example.org>`, with links that begin with this site.
    pub fn builder(
        site: SiteOrigin,
        host: impl Into<String>,
        from: impl Into<String>,
    ) -> SmtpBuilder {
        SmtpBuilder::new(site, host.into(), from.into())
    }

    /// Sends a message and waits until the server has taken it.
    ///
    /// # Errors
    /// [`Retry::Never`] when the server says that the recipient does not exist or has a full mailbox for good (5xx), or
    /// the address is none; [`Retry::Later`] after anything else, such as a refusal of our name, the log-in, the sender
    /// or relaying: that can be mended before the link has expired.
    ///
    /// # Cancel safety
    /// A dropped call closes its connection. The server may have taken the mail by then; sent again, it has
    /// the same Message-ID.
    pub async fn send(&self, message: &dyn EmailMessage) -> Result<(), Undelivered> {
        let mail = mail::compose(message, &self.from, &self.texts)?;
        // Who waits for a place has not begun, so that the time is that of the server alone.
        let place = self.connections.place().await?;
        let sent = tokio::time::timeout(self.timeout, place.send(&mail)).await;
        sent.unwrap_or_else(|_elapsed| {
            let why = "the mail server did not answer in time";
            Err(Undelivered::new(Retry::Later, why))
        })
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp")
            .field("server", &self.connections.server())
            .field("from", &self.from)
            .field("texts", &self.texts)
            .field("timeout", &self.timeout)
            .finish()
    }
}
