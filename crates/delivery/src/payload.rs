//! A message as JSON, for a service that sends it.

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use phone_auth_events::{
    AccountChange, Destination, Message, OneTimeCode, Purpose, Retry, SiteOrigin, Undelivered, User,
};
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
    channel: &'a str,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code_expires_at: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    confirms: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a AccountChange>,
}

/// A message as JSON, with an absolute link. It is the same for each attempt, if the envelope says when the message
/// was enqueued and until when its link works; else those times are reckoned from now.
///
/// # Errors
/// When it is no JSON, which it always is.
pub(crate) fn payload(
    message: &dyn Message,
    site: &SiteOrigin,
    now: DateTime<Utc>,
) -> Result<Vec<u8>, Undelivered> {
    let (email, phone) = match message.destination() {
        Destination::Email(email) => (Some(email), None),
        Destination::Phone(phone) => (None, Some(phone)),
    };
    let envelope = message.envelope();
    let enqueued_at = envelope.enqueued_at.and_then(utc).unwrap_or(now);
    let expires_at = envelope.expires_at.and_then(utc).or_else(|| {
        let lifetime = TimeDelta::from_std(envelope.lifetime?).ok()?;
        now.checked_add_signed(lifetime)
    });
    let payload = Payload {
        signal: message.message_signal().name(),
        timestamp: text(enqueued_at),
        data: Data {
            user: message.user(),
            url: message.url().absolute(site),
            email,
            phone,
            channel: message.channel().as_str(),
            sender: message.sender().as_str(),
            language: envelope.language.as_deref(),
            expires_at: expires_at.map(text),
            code: message.code().map(OneTimeCode::as_str),
            code_expires_at: envelope.code_expires_at.and_then(utc).map(text),
            confirms: message.purpose() == Purpose::Confirm,
            change: message.change(),
        },
    };
    serde_json::to_vec(&payload)
        .map_err(|error| Undelivered::with_source(Retry::Never, "the message is no JSON", error))
}

/// A time to the second, unless it is out of all reason.
fn utc(time: SystemTime) -> Option<DateTime<Utc>> {
    let since = time.duration_since(UNIX_EPOCH).ok()?;
    DateTime::from_timestamp(since.as_secs().try_into().ok()?, 0)
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
