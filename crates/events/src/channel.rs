//! By which channel a message goes.

use std::fmt;

use serde::Serialize;

use crate::AddressKind;

/// By which channel a message goes: a phone number can be reached by several, as its user asks and the site offers.
///
/// A receiver sends by the channels that it knows, and says [`not_mine`](crate::Undelivered::not_mine) of the others.
///
/// # Examples
/// ```
/// use phone_auth_events::{Channel, Message, Undelivered, VerifyPhone, receiver, verify_phone};
///
/// #[receiver(verify_phone)]
/// fn call(event: &VerifyPhone) -> Result<(), Undelivered> {
///     match event.channel() {
///         Channel::Voice => println!("calls {}", event.phone),
///         _ => return Err(Undelivered::not_mine()),
///     }
///     Ok(())
/// }
/// assert_eq!(Channel::parse("voice"), Some(Channel::Voice));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Channel {
    /// An email.
    Email,
    /// A text message.
    Sms,
    /// A call.
    Voice,
    /// `WhatsApp`.
    Whatsapp,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Email, Self::Sms, Self::Voice, Self::Whatsapp];

    /// The word for this channel in forms, settings and stores.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Voice => "voice",
            Self::Whatsapp => "whatsapp",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes, and nothing else.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|channel| channel.as_str() == word)
    }

    /// Which kind of address it reaches.
    pub const fn kind(self) -> AddressKind {
        match self {
            Self::Email => AddressKind::Email,
            Self::Sms | Self::Voice | Self::Whatsapp => AddressKind::Phone,
        }
    }

    /// By which one an address of this kind is reached where nobody says: email, or a text message.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{AddressKind, Channel};
    ///
    /// assert_eq!(Channel::usual(AddressKind::Phone), Channel::Sms);
    /// assert_eq!(Channel::Voice.kind(), AddressKind::Phone);
    /// ```
    pub const fn usual(kind: AddressKind) -> Self {
        match kind {
            AddressKind::Email => Self::Email,
            AddressKind::Phone => Self::Sms,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
