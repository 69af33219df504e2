//! What goes with a message besides what it says.

use serde::{Serialize, Serializer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{Channel, OneTimeCode};

/// What goes with a message besides what it says: how to tell a repeat, which language to write in, when it was
/// enqueued, and how long the link works. All of it is optional; a message that is not sent through an outbox has no
/// key.
///
/// All but [`lifetime`](Self::lifetime) is the same for each attempt to deliver one message. Who has to say the same at
/// a repeat, as for an idempotency key, writes no lifetime but the time that the link works until.
///
/// # Examples
/// ```
/// use phone_auth_events::{Envelope, Message, RelativeUrl, Sender, User, VerifyEmail};
/// use std::time::Duration;
///
/// let envelope = Envelope::new("0190-7f3c").in_language("de-AT").working_for(Duration::from_secs(600));
/// let url = RelativeUrl::new("/accounts/verify/")?;
/// let user = User::new(1, "anna", "", "");
/// let event = VerifyEmail::new(Sender::new("docs"), user, url, "a@example.org".into()).with_envelope(envelope);
/// assert_eq!(event.envelope().idempotency_key.as_deref(), Some("0190-7f3c"));
/// # Ok::<(), phone_auth_events::UrlError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Envelope {
    /// The same for each attempt to deliver one message, and for no other. A receiver passes it on, so that who gets a
    /// message twice can drop the second: a message is delivered at least once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// The language that the user asked in, as a tag of BCP 47.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// When the message was enqueued, in whole seconds since 1970 (UTC) when serialised. The same for each attempt.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "since_1970")]
    pub enqueued_at: Option<SystemTime>,
    /// When the link stops working, in whole seconds since 1970 (UTC) when serialised. The same for each attempt.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "since_1970")]
    pub expires_at: Option<SystemTime>,
    /// The code for the user to type, where the one who asked for the message can take one. The same for each attempt, until
    /// another message was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<OneTimeCode>,
    /// When the code stops working, in whole seconds since 1970 (UTC) when serialised: before the link does.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "since_1970")]
    pub code_expires_at: Option<SystemTime>,
    /// Whether the code confirms who a user is that is signed in already, and logs nobody in; only of the signals that log in. The
    /// link leads to the page where it is typed, and has no token. Read it by [`Message::purpose`](crate::Message::purpose).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub confirms: bool,
    /// By which channel the user asked for it. Read it by [`Message::channel`](crate::Message::channel), which knows what goes
    /// where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// For how long the link still works, in whole seconds when serialised. Less at each attempt.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "in_seconds")]
    pub lifetime: Option<Duration>,
}

impl Envelope {
    /// The envelope of the message with this key.
    pub fn new(idempotency_key: impl Into<String>) -> Self {
        Self {
            idempotency_key: Some(idempotency_key.into()),
            ..Self::default()
        }
    }

    /// The language that the user asked in, as a tag of BCP 47.
    #[must_use]
    pub fn in_language(mut self, language: impl Into<String>) -> Self {
        self.language = Some(language.into());
        self
    }

    /// When the message was enqueued.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::Envelope;
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let enqueued = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    /// let minutes = Duration::from_mins(10);
    /// let envelope = Envelope::new("0190-7f3c").enqueued_at(enqueued).expiring_at(enqueued + minutes);
    /// assert_eq!(envelope.expires_at, Some(enqueued + minutes));
    /// ```
    #[must_use]
    pub fn enqueued_at(mut self, time: SystemTime) -> Self {
        self.enqueued_at = Some(time);
        self
    }

    /// When the link stops working.
    #[must_use]
    pub fn expiring_at(mut self, time: SystemTime) -> Self {
        self.expires_at = Some(time);
        self
    }

    /// The code for the user to type, and when it stops working.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Envelope, OneTimeCode};
    /// use std::time::{Duration, UNIX_EPOCH};
    ///
    /// let until = UNIX_EPOCH + Duration::from_secs(1_800_000_600);
    /// let envelope = Envelope::new("0190-7f3c").with_code(OneTimeCode::new("042351"), until);
    /// assert_eq!(envelope.code.as_ref().map(OneTimeCode::as_str), Some("042351"));
    /// ```
    #[must_use]
    pub fn with_code(mut self, code: OneTimeCode, until: SystemTime) -> Self {
        self.code = Some(code);
        self.code_expires_at = Some(until);
        self
    }

    /// Its code confirms who a user is, and logs nobody in.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Envelope, LoginEmail, Message, Purpose, RelativeUrl, Sender, User};
    ///
    /// let (user, url) = (User::new(1, "anna", "", ""), RelativeUrl::new("/accounts/confirm_identity/")?);
    /// let event = LoginEmail::new(Sender::new("docs"), user, url, "a@example.org".into());
    /// assert_eq!(event.purpose(), Purpose::LogIn);
    /// let event = event.with_envelope(Envelope::new("0190-7f3c").confirming());
    /// assert_eq!(event.purpose(), Purpose::Confirm);
    /// # Ok::<(), phone_auth_events::UrlError>(())
    /// ```
    #[must_use]
    pub fn confirming(mut self) -> Self {
        self.confirms = true;
        self
    }

    /// By which channel it goes.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Channel, Envelope};
    ///
    /// assert_eq!(Envelope::new("0190-7f3c").by_channel(Channel::Voice).channel, Some(Channel::Voice));
    /// ```
    #[must_use]
    pub fn by_channel(mut self, channel: Channel) -> Self {
        self.channel = Some(channel);
        self
    }

    /// For how long the link still works.
    #[must_use]
    pub fn working_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
fn in_seconds<S: Serializer>(
    lifetime: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    lifetime
        .map(|lifetime| lifetime.as_secs())
        .serialize(serializer)
}

/// A time before 1970 is written as 1970.
#[expect(
    clippy::ref_option,
    reason = "serde hands over a reference to the field"
)]
fn since_1970<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default());
    in_seconds(&since, serializer)
}
