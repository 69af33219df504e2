//! The signals that ask for a message to be delivered. Without a receiver nobody gets a link, and nobody is told of a
//! change.

use crate::{AccountChange, RelativeUrl};
use crate::{Sender, User, event_struct::event_struct};

phone_auth_signals::signal! {
    /// Asks for a link to be sent by email with which a user sets a new password.
    pub reset_password_email: ResetPasswordEmail;

    /// Asks for a link to be sent by text message with which a user sets a new password.
    pub reset_password_phone: ResetPasswordPhone;

    /// Asks for a link to be sent by email with which a user shows that the address is theirs.
    pub verify_email: VerifyEmail;

    /// Asks for a link to be sent by text message with which a user shows that the number is theirs.
    pub verify_phone: VerifyPhone;

    /// Asks for a link to be sent by email with which a user logs in without a password.
    ///
    /// Or for a code, by which one who is signed in and has no password [confirms](crate::Envelope::confirms) who they are.
    pub login_email: LoginEmail;

    /// Asks for a link to be sent by text message with which a user logs in without a password.
    ///
    /// Or for a code, by which one who is signed in and has no password [confirms](crate::Envelope::confirms) who they are.
    pub login_phone: LoginPhone;

    /// Asks for an email that tells a user what was changed about their account.
    pub security_notice_email: SecurityNoticeEmail;

    /// Asks for a text message that tells a user what was changed about their account.
    pub security_notice_phone: SecurityNoticePhone;
}

event_struct! {
    /// A link to set a new password is to go to an email address.
    pub struct ResetPasswordEmail in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user whose password it is.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The address as it is stored, never as a user typed it.
        email: String,
    }
}

event_struct! {
    /// A link to set a new password is to go to a phone.
    pub struct ResetPasswordPhone in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user whose password it is.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The number as it is stored, in the form of E.164, never as a user typed it.
        phone: String,
    }
}

event_struct! {
    /// A link to verify an email address is to go there.
    pub struct VerifyEmail in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user who says that the address is theirs.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The address as it is stored, never as a user typed it.
        email: String,
    }
}

event_struct! {
    /// A link to verify a phone number is to go there.
    pub struct VerifyPhone in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user who says that the number is theirs.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The number as it is stored, in the form of E.164, never as a user typed it.
        phone: String,
    }
}

event_struct! {
    /// A link to log in is to go to an email address.
    pub struct LoginEmail in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user who is to be logged in.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The address as it is stored, never as a user typed it.
        email: String,
    }
}

event_struct! {
    /// A link to log in is to go to a phone.
    pub struct LoginPhone in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user who is to be logged in.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The number as it is stored, in the form of E.164, never as a user typed it.
        phone: String,
    }
}

event_struct! {
    /// A notice of a change is to go to an email address. When the change was made is in the
    /// [envelope](crate::Envelope::enqueued_at).
    pub struct SecurityNoticeEmail in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user whose account was changed.
        user: User,
        /// The page where anyone may ask for a new password; of a [sign-up](AccountChange::SignUpTried) that was tried, the one
        /// to log in. It holds no token.
        url: RelativeUrl,
        /// The address as it was stored when the change was made.
        email: String,
        /// What was changed.
        change: AccountChange,
    }
}

event_struct! {
    /// A notice of a change is to go to a phone. When the change was made is in the
    /// [envelope](crate::Envelope::enqueued_at).
    pub struct SecurityNoticePhone in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user whose account was changed.
        user: User,
        /// The page where anyone may ask for a new password; of a [sign-up](AccountChange::SignUpTried) that was tried, the one
        /// to log in. It holds no token.
        url: RelativeUrl,
        /// The number as it was stored when the change was made, in the form of E.164.
        phone: String,
        /// What was changed.
        change: AccountChange,
    }
}
