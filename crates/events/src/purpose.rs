//! What a message is for.

use serde::Serialize;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "what is sent, and where it waits, is decided by it; a further one would change every sender"
)]
pub enum Purpose {
    /// To set a new password.
    ResetPassword,
    /// To show that an address is one's own.
    Verify,
    /// To log in without a password.
    LogIn,
    /// To confirm who a user is that is signed in and has no password. Its messages come by the signals of those that log in, and
    /// [say so](crate::Message::purpose); what they carry logs nobody in.
    Confirm,
    /// To tell a user what was changed about their account. It has no token.
    SecurityNotice,
    /// To tell durable receivers what happened, see [`DurableSignal`](crate::DurableSignal). It goes to no user.
    Event,
}

impl Purpose {
    /// The word for this purpose in a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::Verify => "verify",
            Self::LogIn => "log_in",
            Self::Confirm => "confirm",
            Self::SecurityNotice => "security_notice",
            Self::Event => "event",
        }
    }

    /// The purpose that a store has this word for.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::Purpose;
    ///
    /// assert_eq!(Purpose::parse(Purpose::Verify.as_str()), Some(Purpose::Verify));
    /// assert_eq!(Purpose::parse("sign_up"), None);
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        [
            Self::ResetPassword,
            Self::Verify,
            Self::LogIn,
            Self::Confirm,
            Self::SecurityNotice,
            Self::Event,
        ]
        .into_iter()
        .find(|purpose| purpose.as_str() == word)
    }
}
