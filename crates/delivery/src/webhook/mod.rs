//! Messages to a service that sends them, as signed requests (Standard Webhooks).
//!
//! [`Webhook`] is the state. The receiver `phone_auth.webhook` posts the messages of all six signals, or of
//! those chosen, as JSON, signed as <https://www.standardwebhooks.com> has it, so that libraries of many
//! languages can check them.

mod builder;
mod receiver;
mod signing;

pub use builder::WebhookBuilder;
pub use receiver::RECEIVER;

use std::fmt;

use chrono::Utc;
use phone_auth_events::{Message, Retry, SiteOrigin, Undelivered};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, Request, Url};

use crate::Secret;
use crate::http::{self, Statuses};
use crate::payload::payload;
use crate::selection::Selection;
use signing::SigningKey;

/// A service that takes signed requests.
///
/// # Examples
/// ```
/// use phone_auth_delivery::{BuildErrorKind, Secret, webhook::Webhook};
/// use phone_auth_events::SiteOrigin;
///
/// let site = SiteOrigin::parse("https://example.org")?;
/// let secret = || Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
/// let webhook = Webhook::builder(site.clone(), "https://sender.example/hook", secret()).build()?;
/// # drop(webhook);
///
/// let clear = Webhook::builder(site, "http://sender.example/hook", secret()).build();
/// assert_eq!(*clear.unwrap_err().kind(), BuildErrorKind::Plaintext);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Webhook {
    client: Client,
    url: Url,
    keys: Vec<SigningKey>,
    site: SiteOrigin,
    selection: Selection,
    statuses: Statuses,
}

impl Webhook {
    /// Begins to describe the service at this URL, which shares this secret, `whsec_` and base64. Links begin
    /// with this site.
    pub fn builder(site: SiteOrigin, url: impl Into<String>, secret: Secret) -> WebhookBuilder {
        WebhookBuilder::new(site, url.into(), secret)
    }

    /// Whether it takes the messages of the signal with this name.
    pub fn takes(&self, signal: &str) -> bool {
        self.selection.takes(signal)
    }

    /// Posts a message and waits for the answer. A message of a signal that was not chosen is
    /// left to other receivers.
    ///
    /// # Errors
    /// [`Retry::NotMine`] for a signal that was not chosen, [`Retry::Never`] when the service answers 410, [`Retry::After`] when it names a time, otherwise
    /// [`Retry::Later`] for all but 2xx.
    ///
    /// # Cancel safety
    /// When the call is dropped, the service may have the message; sent again, it has the same `webhook-id`.
    pub async fn send(&self, message: &dyn Message) -> Result<(), Undelivered> {
        let signal = message.message_signal().name();
        if !self.takes(signal) {
            return Err(Undelivered::not_mine());
        }
        let request = self.request(message)?;
        let answer = http::send(&self.client, request, "webhook", false).await?;
        self.statuses.judge(&answer, "webhook")
    }

    fn request(&self, message: &dyn Message) -> Result<Request, Undelivered> {
        let now = Utc::now();
        let body = payload(message, &self.site, now)?;
        let key = message.envelope().idempotency_key.clone();
        let id = key.unwrap_or_else(|| format!("msg_{}", uuid::Uuid::new_v4().simple()));
        let at = now.timestamp().to_string();
        let signature = signing::signature(&self.keys, &id, &at, &body);
        let mut request = Request::new(Method::POST, self.url.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("webhook-id", &id),
            ("webhook-timestamp", &at),
            ("webhook-signature", &signature),
        ] {
            let value = HeaderValue::from_str(value).map_err(|_why| {
                Undelivered::new(Retry::Never, "the key of the message fits in no header")
            })?;
            headers.insert(name, value);
        }
        *request.body_mut() = Some(body.into());
        Ok(request)
    }
}

/// Without the URL, which may hold a key.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.url.host_str())
            .field("keys", &self.keys.len())
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}
