//! The signals that durable receivers can receive: one table, read by all who would otherwise write their names.

use phone_auth_signals::{Event, ReceiverInfo, Signals};

use crate::{
    AccountClosed, EmailAdded, EmailRemoved, EmailVerified, PasswordChanged, PasswordWasReset,
    PhoneAdded, PhoneRemoved, PhoneVerified, UserSignedUp,
};

/// A signal whose event is committed to the outbox with the change that it tells of, where a receiver asks for that:
/// `#[receiver(user_signed_up, durable)]`.
///
/// Such a receiver is called by a worker, at least once: again and later after a failure, and after the process died between
/// the change and the call. It may have one event twice, with the same key each time. The signals are those of flows that
/// change an account. A durable receiver of another is a compile error.
///
/// # Examples
/// ```standalone_crate
/// use phone_auth_events::{DurableSignal, Signals, UserSignedUp, receiver, user_signed_up};
///
/// #[receiver(user_signed_up, durable, id = "crm")]
/// fn tell_crm(event: &UserSignedUp) {
///     println!("{:?}: {} is new", event.key, event.user.username);
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let signals = Signals::linked()?;
/// assert_eq!(DurableSignal::UserSignedUp.receivers(&signals).len(), 1);
/// assert!(DurableSignal::EmailAdded.receivers(&signals).is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who makes their events should be told by the compiler when one is added"
)]
pub enum DurableSignal {
    /// [`user_signed_up`](crate::user_signed_up)
    UserSignedUp,
    /// [`password_changed`](crate::password_changed)
    PasswordChanged,
    /// [`password_was_reset`](crate::password_was_reset)
    PasswordWasReset,
    /// [`email_added`](crate::email_added)
    EmailAdded,
    /// [`phone_added`](crate::phone_added)
    PhoneAdded,
    /// [`email_removed`](crate::email_removed)
    EmailRemoved,
    /// [`phone_removed`](crate::phone_removed)
    PhoneRemoved,
    /// [`email_verified`](crate::email_verified)
    EmailVerified,
    /// [`phone_verified`](crate::phone_verified)
    PhoneVerified,
    /// [`account_closed`](crate::account_closed)
    AccountClosed,
}

impl DurableSignal {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::UserSignedUp,
        Self::PasswordChanged,
        Self::PasswordWasReset,
        Self::EmailAdded,
        Self::PhoneAdded,
        Self::EmailRemoved,
        Self::PhoneRemoved,
        Self::EmailVerified,
        Self::PhoneVerified,
        Self::AccountClosed,
    ];

    /// Its name, as `#[receiver]` and the manifest have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserSignedUp => "user_signed_up",
            Self::PasswordChanged => "password_changed",
            Self::PasswordWasReset => "password_was_reset",
            Self::EmailAdded => "email_added",
            Self::PhoneAdded => "phone_added",
            Self::EmailRemoved => "email_removed",
            Self::PhoneRemoved => "phone_removed",
            Self::EmailVerified => "email_verified",
            Self::PhoneVerified => "phone_verified",
            Self::AccountClosed => "account_closed",
        }
    }

    /// The one with this name, if it is one of them.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| signal.name() == name)
    }

    /// Its durable receivers, in the order in which they are called.
    pub fn receivers(self, signals: &Signals) -> Vec<ReceiverInfo> {
        fn of<E: Event>(signals: &Signals) -> Vec<ReceiverInfo> {
            signals.durable_receivers_of::<E>()
        }
        match self {
            Self::UserSignedUp => of::<UserSignedUp>(signals),
            Self::PasswordChanged => of::<PasswordChanged>(signals),
            Self::PasswordWasReset => of::<PasswordWasReset>(signals),
            Self::EmailAdded => of::<EmailAdded>(signals),
            Self::PhoneAdded => of::<PhoneAdded>(signals),
            Self::EmailRemoved => of::<EmailRemoved>(signals),
            Self::PhoneRemoved => of::<PhoneRemoved>(signals),
            Self::EmailVerified => of::<EmailVerified>(signals),
            Self::PhoneVerified => of::<PhoneVerified>(signals),
            Self::AccountClosed => of::<AccountClosed>(signals),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_signals() {
        let declared = [
            UserSignedUp::signal().info().name,
            PasswordChanged::signal().info().name,
            PasswordWasReset::signal().info().name,
            EmailAdded::signal().info().name,
            PhoneAdded::signal().info().name,
            EmailRemoved::signal().info().name,
            PhoneRemoved::signal().info().name,
            EmailVerified::signal().info().name,
            PhoneVerified::signal().info().name,
            AccountClosed::signal().info().name,
        ];
        assert_eq!(DurableSignal::ALL.map(DurableSignal::name), declared);
        for signal in DurableSignal::ALL {
            assert_eq!(DurableSignal::named(signal.name()), Some(signal));
        }
    }
}
