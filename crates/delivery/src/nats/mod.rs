//! Messages to a stream of NATS `JetStream`, for a service that sends them.
//!
//! [`Nats`] is the state. The receiver `phone_auth.nats` publishes the messages of all six signals, or of
//! those chosen, as JSON under the name of the signal, and waits until the stream has stored them.
//!
//! The message's key is its `Nats-Msg-Id`, so that a stream stores a repeat once, if it comes within the
//! stream's duplicate window. That is two minutes unless the stream is told otherwise, and a message may be
//! repeated for as long as its link works: give the stream a window as long as that, or have who reads it tell
//! repeats by the key.

mod builder;
mod denials;
mod receiver;

pub use builder::NatsBuilder;
pub use receiver::RECEIVER;

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, Context};
use async_nats::{ConnectErrorKind, ConnectOptions, ServerAddr};
use chrono::Utc;
use phone_auth_events::{Message, Retry, SiteOrigin, Undelivered};
use tokio::sync::Mutex;

use crate::payload::payload;
use crate::selection::Selection;
use denials::{Denial, Denials};

/// A NATS server with a stream that takes messages.
///
/// It is connected to with the first message, and again by itself whenever the connection is lost.
///
/// # Examples
/// ```
/// use phone_auth_delivery::{BuildErrorKind, nats::Nats};
/// use phone_auth_events::SiteOrigin;
///
/// let site = SiteOrigin::parse("https://example.org")?;
/// let nats = Nats::builder(site.clone(), "tls://nats.example.org").build()?;
/// # drop(nats);
/// let clear = Nats::builder(site, "nats://nats.example.org").build();
/// assert_eq!(*clear.unwrap_err().kind(), BuildErrorKind::Plaintext);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Nats {
    servers: Vec<ServerAddr>,
    options: ConnectOptions,
    /// The connection, once there is one.
    context: Mutex<Option<Context>>,
    denials: Denials,
    subject: String,
    site: SiteOrigin,
    selection: Selection,
    timeout: Duration,
}

impl Nats {
    /// Begins to describe the server at this URL, `tls://nats.example.org`. Links begin with this site.
    ///
    /// Of a cluster, name several with commas between them. Any of them is connected to and no other: what a
    /// server says of its cluster is not followed, because it is said before TLS begins.
    pub fn builder(site: SiteOrigin, url: impl Into<String>) -> NatsBuilder {
        NatsBuilder::new(site, url.into())
    }

    /// Whether it takes the messages of the signal with this name.
    pub fn takes(&self, signal: &str) -> bool {
        self.selection.takes(signal)
    }

    /// Publishes a message and waits until a stream has stored it. A message of a signal that was not chosen
    /// is left to other receivers.
    ///
    /// # Errors
    /// [`Retry::NotMine`] for a signal that was not chosen; [`Retry::Later`] when the server cannot be reached, refuses the login, does not permit us to publish or to receive
    /// its answer, or no stream takes the subject;
    /// [`Retry::Never`] when the message is larger than the server takes.
    ///
    /// # Cancel safety
    /// When the call is dropped, the stream may have the message; sent again, it has the same id.
    pub async fn send(&self, message: &dyn Message) -> Result<(), Undelivered> {
        let signal = message.message_signal().name();
        if !self.takes(signal) {
            return Err(Undelivered::not_mine());
        }
        let body = payload(message, &self.site, Utc::now())?;
        let mut publish = PublishMessage::build().payload(body.into());
        if let Some(key) = &message.envelope().idempotency_key {
            publish = publish.message_id(key);
        }
        let sent = tokio::time::timeout(self.timeout, self.publish(signal, publish)).await;
        sent.unwrap_or_else(|_elapsed| {
            let why = "NATS did not answer in time";
            Err(Undelivered::new(Retry::Later, why))
        })
    }

    async fn publish(&self, signal: &str, message: PublishMessage) -> Result<(), Undelivered> {
        let context = self.context().await?;
        let subject = format!("{}.{signal}", self.subject);
        let mut told = self.denials.listen();
        let publishing = async {
            match context.send_publish(subject.clone(), message).await {
                Ok(stored) => stored.await,
                Err(error) => Err(error),
            }
        };
        let stored = tokio::select! {
            stored = publishing => stored,
            denial = Denial::of(&subject, &mut told) => {
                if denial == Denial::Answers {
                    // They are asked for once: whether they are permitted meanwhile, a new connection tells.
                    *self.context.lock().await = None;
                }
                return Err(denial.told());
            }
        };
        stored.map(drop).map_err(|error| {
            let failed = |error, retry, reason| Undelivered::with_source(retry, reason, error);
            match error.kind() {
                PublishErrorKind::StreamNotFound => {
                    failed(error, Retry::Later, "no stream of NATS takes this subject").unsent()
                }
                PublishErrorKind::TimedOut => {
                    failed(error, Retry::Later, "NATS did not answer in time")
                }
                PublishErrorKind::MaxPayloadExceeded => {
                    failed(error, Retry::Never, "the message is larger than NATS takes")
                }
                _ => failed(error, Retry::Later, "NATS did not store the message"),
            }
        })
    }

    async fn context(&self) -> Result<Context, Undelivered> {
        let mut context = self.context.lock().await;
        if let Some(context) = &*context {
            return Ok(context.clone());
        }
        let connected = self.connect().await?;
        Ok(context.insert(connected).clone())
    }

    async fn connect(&self) -> Result<Context, Undelivered> {
        let client = self.options.clone().connect(&self.servers).await;
        let client = client.map_err(|error| {
            let reason = match error.kind() {
                ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                    "NATS refused the login"
                }
                _ => "NATS cannot be reached",
            };
            Undelivered::with_source(Retry::Later, reason, error).unsent()
        })?;
        let mut context = jetstream::new(client);
        context.set_timeout(self.timeout);
        Ok(context)
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("servers", &self.servers)
            .field("subject", &self.subject)
            .field("selection", &self.selection)
            .finish_non_exhaustive()
    }
}
