//! The signals that tell what happened to an account: for audit, metrics and whatever follows from it. They are sent at
//! most once, and to durable receivers at least once, see the crate.

use std::time::Duration;

use crate::{AddressKind, Limit, MessageRefusal, Sender, User, event_struct::event_struct};
use serde::Serialize;

phone_auth_signals::signal! {
    /// A user has signed up.
    pub durable user_signed_up: UserSignedUp;

    /// A user has logged in.
    pub user_logged_in: UserLoggedIn;

    /// Someone tried to log in and was refused.
    pub user_login_failed: UserLoginFailed;

    /// A user has logged out.
    pub user_logged_out: UserLoggedOut;

    /// A user has changed their password, knowing the old one.
    pub durable password_changed: PasswordChanged;

    /// A user has set a new password by a link.
    pub durable password_was_reset: PasswordWasReset;

    /// An email address was added to an account.
    pub durable email_added: EmailAdded;

    /// A phone number was added to an account.
    pub durable phone_added: PhoneAdded;

    /// An email address was removed from an account.
    pub durable email_removed: EmailRemoved;

    /// A phone number was removed from an account.
    pub durable phone_removed: PhoneRemoved;

    /// An email address that a user had not verified is theirs no more: someone else has shown that it is theirs.
    pub email_lost: EmailLost;

    /// A phone number that a user had not verified is theirs no more: someone else has shown that it is theirs.
    pub phone_lost: PhoneLost;

    /// An email address was shown to be a user's own.
    pub durable email_verified: EmailVerified;

    /// A phone number was shown to be a user's own.
    pub durable phone_verified: PhoneVerified;

    /// Someone did something too often and was refused. At most once a minute for each counter and process.
    pub attempt_limited: AttemptLimited;

    /// A text message costs too much, or too many were sent that nobody used. At most once a minute for each counter and
    /// process.
    pub message_refused: MessageRefused;
}

/// Why a log-in was refused. For audit only: the user at the form is told the same in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LoginFailure {
    /// No account has that username, email address or phone number.
    UnknownIdentifier,
    /// Several accounts have that name, in letters of different case.
    AmbiguousIdentifier,
    /// The password is another one.
    WrongPassword,
    /// The code that was sent is another one.
    WrongCode,
    /// The account is disabled.
    Inactive,
    /// The account has no password that could be right.
    UnusablePassword,
    /// The address that named the account is not verified, and this site asks for that.
    UnverifiedAddress,
}

event_struct! {
    /// A user has signed up.
    pub struct UserSignedUp of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The new user.
        user: User,
        /// Their email address as it is stored, not verified yet, if they gave one.
        email: Option<String>,
        /// Their phone number in the form of E.164, not verified yet, if they gave one.
        phone: Option<String>,
    }
}

event_struct! {
    /// A user has logged in.
    pub struct UserLoggedIn of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// A user has logged out.
    pub struct UserLoggedOut of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// Someone tried to log in and was refused. What was typed is not in it: it may be a password in the wrong field.
    pub struct UserLoginFailed of a client {
        /// The flow that sent it.
        sender: Sender,
        /// Why it was refused.
        kind: LoginFailure,
        /// The user whose account it would have been, if there is one.
        user: Option<User>,
    }
}

event_struct! {
    /// A user has changed their password, knowing the old one.
    pub struct PasswordChanged of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// A user has set a new password by a link.
    pub struct PasswordWasReset of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// An email address was added to an account.
    pub struct EmailAdded of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The address as it is stored.
        email: String,
    }
}

event_struct! {
    /// A phone number was added to an account.
    pub struct PhoneAdded of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The number as it is stored, in the form of E.164.
        phone: String,
    }
}

event_struct! {
    /// An email address was removed from an account.
    pub struct EmailRemoved of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The address as it was stored.
        email: String,
    }
}

event_struct! {
    /// A phone number was removed from an account.
    pub struct PhoneRemoved of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The number as it was stored.
        phone: String,
    }
}

event_struct! {
    /// An email address that a user had not verified is theirs no more: someone else has shown that it is theirs. Who that
    /// is, is not in it.
    pub struct EmailLost of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user who had it.
        user: User,
        /// The address as it was stored.
        email: String,
    }
}

event_struct! {
    /// A phone number that a user had not verified is theirs no more: someone else has shown that it is theirs. Who that is,
    /// is not in it.
    pub struct PhoneLost of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user who had it.
        user: User,
        /// The number as it was stored.
        phone: String,
    }
}

event_struct! {
    /// An email address was shown to be a user's own.
    pub struct EmailVerified of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The address as it is stored.
        email: String,
    }
}

event_struct! {
    /// A phone number was shown to be a user's own.
    pub struct PhoneVerified of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// The number as it is stored, in the form of E.164.
        phone: String,
    }
}

event_struct! {
    /// Someone did something too often and was refused. What was typed is not in it.
    pub struct AttemptLimited of a client {
        /// The flow that sent it.
        sender: Sender,
        /// What was done too often.
        limit: Limit,
        /// The time until it is possible again.
        wait: Duration,
        /// The user whom it is about, if there is one.
        user: Option<User>,
    }
}

event_struct! {
    /// A text message costs too much, or too many were sent that nobody used. The number is not in it.
    pub struct MessageRefused of a client {
        /// The flow that sent it.
        sender: Sender,
        /// Why.
        reason: MessageRefusal,
        /// By which kind of address the message would have gone.
        kind: AddressKind,
        /// Whether it was not sent. A guard that only records lets it pass.
        enforced: bool,
        /// The user whom it is about, if there is one.
        user: Option<User>,
    }
}
