//! A message as JSON, for a service that sends it.

use chrono::{DateTime, SecondsFormat, Utc};
use phone_auth_signals::{Destination, Message, Retry, SiteOrigin, Undelivered, User};
use serde::Serialize;

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    signal: &'a str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    user: &'a User,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    /// In seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    lifetime: Option<u64>,
}

/// A message as JSON, with an absolute link.
///
/// # Errors
/// For a destination that this crate does not know.
pub(crate) fn payload(
    message: &dyn Message,
    signal: &str,
    site: &SiteOrigin,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, Undelivered> {
    let unknown = "a message of a kind that this receiver does not know";
    let (email, phone) = match message.destination() {
        Destination::Email(email) => (Some(email), None),
        Destination::Phone(phone) => (None, Some(phone)),
        _ => return Err(Undelivered::new(Retry::Never, unknown)),
    };
    let envelope = message.envelope();
    let payload = Payload {
        signal,
        timestamp: now.to_rfc3339_opts(SecondsFormat::Secs, true),
        data: Data {
            user: message.user(),
            url: message.url().absolute(site),
            email,
            phone,
            sender: message.sender().as_str(),
            language: envelope.language.as_deref(),
            lifetime: envelope.lifetime.map(|lifetime| lifetime.as_secs()),
        },
    };
    serde_json::to_vec(&payload)
        .map_err(|error| Undelivered::with_source(Retry::Never, "the message is no JSON", error))
}
