//! The signals that ask for a message: one table, read by all who would otherwise write their names.

use phone_auth_signals::{Event, ReceiverInfo, Signals};

use crate::{
    AddressKind, LoginEmail, LoginPhone, Purpose, ResetPasswordEmail, ResetPasswordPhone,
    SecurityNoticeEmail, SecurityNoticePhone, VerifyEmail, VerifyPhone,
};

/// One of the signals that ask for a message: for each purpose and each kind of address there is one. Those that log in are those
/// that [confirm](Purpose::Confirm) who a user is, too.
///
/// # Examples
/// ```
/// use phone_auth_events::{AddressKind, MessageSignal, Purpose};
///
/// let signal = MessageSignal::VerifyPhone;
/// assert_eq!(signal.name(), "verify_phone");
/// assert_eq!(MessageSignal::named("verify_phone"), Some(signal));
/// assert_eq!(MessageSignal::of(Purpose::Verify, AddressKind::Phone), Some(signal));
/// assert_eq!((signal.purpose(), signal.kind()), (Purpose::Verify, AddressKind::Phone));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who sends messages should be told by the compiler when one is added"
)]
pub enum MessageSignal {
    /// [`reset_password_email`](crate::reset_password_email)
    ResetPasswordEmail,
    /// [`reset_password_phone`](crate::reset_password_phone)
    ResetPasswordPhone,
    /// [`verify_email`](crate::verify_email)
    VerifyEmail,
    /// [`verify_phone`](crate::verify_phone)
    VerifyPhone,
    /// [`login_email`](crate::login_email)
    LoginEmail,
    /// [`login_phone`](crate::login_phone)
    LoginPhone,
    /// [`security_notice_email`](crate::security_notice_email)
    SecurityNoticeEmail,
    /// [`security_notice_phone`](crate::security_notice_phone)
    SecurityNoticePhone,
}

impl MessageSignal {
    /// All of them, in the order in which they are listed everywhere.
    pub const ALL: [Self; 8] = [
        Self::ResetPasswordEmail,
        Self::ResetPasswordPhone,
        Self::VerifyEmail,
        Self::VerifyPhone,
        Self::LoginEmail,
        Self::LoginPhone,
        Self::SecurityNoticeEmail,
        Self::SecurityNoticePhone,
    ];

    /// Their names, in the same order.
    pub const NAMES: [&'static str; 8] = {
        let [first, second, third, fourth, fifth, sixth, seventh, eighth] = Self::ALL;
        [
            first.name(),
            second.name(),
            third.name(),
            fourth.name(),
            fifth.name(),
            sixth.name(),
            seventh.name(),
            eighth.name(),
        ]
    };

    /// The signal of the messages with this purpose that go to an address of this kind; none of what goes to no user.
    pub const fn of(purpose: Purpose, kind: AddressKind) -> Option<Self> {
        Some(match (purpose, kind) {
            (Purpose::Event, _) => return None,
            (Purpose::ResetPassword, AddressKind::Email) => Self::ResetPasswordEmail,
            (Purpose::ResetPassword, AddressKind::Phone) => Self::ResetPasswordPhone,
            (Purpose::Verify, AddressKind::Email) => Self::VerifyEmail,
            (Purpose::Verify, AddressKind::Phone) => Self::VerifyPhone,
            (Purpose::LogIn | Purpose::Confirm, AddressKind::Email) => Self::LoginEmail,
            (Purpose::LogIn | Purpose::Confirm, AddressKind::Phone) => Self::LoginPhone,
            (Purpose::SecurityNotice, AddressKind::Email) => Self::SecurityNoticeEmail,
            (Purpose::SecurityNotice, AddressKind::Phone) => Self::SecurityNoticePhone,
        })
    }

    /// What its messages are for, as a rule: a message knows its [own purpose](crate::Message::purpose).
    pub const fn purpose(self) -> Purpose {
        match self {
            Self::ResetPasswordEmail | Self::ResetPasswordPhone => Purpose::ResetPassword,
            Self::VerifyEmail | Self::VerifyPhone => Purpose::Verify,
            Self::LoginEmail | Self::LoginPhone => Purpose::LogIn,
            Self::SecurityNoticeEmail | Self::SecurityNoticePhone => Purpose::SecurityNotice,
        }
    }

    /// Whether its messages carry a link that someone waits for. A site works without those that do not: they tell what was
    /// changed.
    pub const fn has_link(self) -> bool {
        !matches!(self.purpose(), Purpose::SecurityNotice)
    }

    /// By which kind of address its messages go.
    pub const fn kind(self) -> AddressKind {
        match self {
            Self::ResetPasswordEmail
            | Self::VerifyEmail
            | Self::LoginEmail
            | Self::SecurityNoticeEmail => AddressKind::Email,
            Self::ResetPasswordPhone
            | Self::VerifyPhone
            | Self::LoginPhone
            | Self::SecurityNoticePhone => AddressKind::Phone,
        }
    }

    /// Its name, as `#[receiver]`, settings and the manifest have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResetPasswordEmail => "reset_password_email",
            Self::ResetPasswordPhone => "reset_password_phone",
            Self::VerifyEmail => "verify_email",
            Self::VerifyPhone => "verify_phone",
            Self::LoginEmail => "login_email",
            Self::LoginPhone => "login_phone",
            Self::SecurityNoticeEmail => "security_notice_email",
            Self::SecurityNoticePhone => "security_notice_phone",
        }
    }

    /// The one with this name, if it is one of them.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// Who receives it, in the order of dispatch.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{MessageSignal, Signals, VerifyEmail};
    ///
    /// let signals = Signals::isolated();
    /// let _connection = signals.connect::<VerifyEmail>(|event| println!("{}", event.email));
    /// assert_eq!(MessageSignal::VerifyEmail.receivers(&signals).len(), 1);
    /// assert!(MessageSignal::VerifyPhone.receivers(&signals).is_empty());
    /// ```
    pub fn receivers(self, signals: &Signals) -> Vec<ReceiverInfo> {
        fn of<E: Event>(signals: &Signals) -> Vec<ReceiverInfo> {
            signals.receivers_of::<E>()
        }
        match self {
            Self::ResetPasswordEmail => of::<ResetPasswordEmail>(signals),
            Self::ResetPasswordPhone => of::<ResetPasswordPhone>(signals),
            Self::VerifyEmail => of::<VerifyEmail>(signals),
            Self::VerifyPhone => of::<VerifyPhone>(signals),
            Self::LoginEmail => of::<LoginEmail>(signals),
            Self::LoginPhone => of::<LoginPhone>(signals),
            Self::SecurityNoticeEmail => of::<SecurityNoticeEmail>(signals),
            Self::SecurityNoticePhone => of::<SecurityNoticePhone>(signals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_signals() {
        let declared = [
            ResetPasswordEmail::signal().info().name,
            ResetPasswordPhone::signal().info().name,
            VerifyEmail::signal().info().name,
            VerifyPhone::signal().info().name,
            LoginEmail::signal().info().name,
            LoginPhone::signal().info().name,
            SecurityNoticeEmail::signal().info().name,
            SecurityNoticePhone::signal().info().name,
        ];
        assert_eq!(MessageSignal::NAMES, declared);
    }

    #[test]
    fn each_has_its_purpose_and_kind() {
        for signal in MessageSignal::ALL {
            let of = MessageSignal::of(signal.purpose(), signal.kind());
            assert_eq!(of, Some(signal));
            assert_eq!(MessageSignal::named(signal.name()), Some(signal));
        }
        let confirms = MessageSignal::of(Purpose::Confirm, AddressKind::Phone);
        assert_eq!(confirms, Some(MessageSignal::LoginPhone));
        assert_eq!(MessageSignal::named("user_logged_in"), None);
    }
}
