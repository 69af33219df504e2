//! The four signals that ask for a message to be delivered. Without a receiver nobody gets their link.

use crate::RelativeUrl;
use crate::{Sender, User, event_struct::event_struct};

phone_auth_signals::signal! {
    /// Asks for a link to be sent by e-mail with which a user sets a new password.
    pub reset_password_email: ResetPasswordEmail;

    /// Asks for a link to be sent by text message with which a user sets a new password.
    pub reset_password_phone: ResetPasswordPhone;

    /// Asks for a link to be sent by e-mail with which a user shows that the address is hers.
    pub verify_email: VerifyEmail;

    /// Asks for a link to be sent by text message with which a user shows that the number is hers.
    pub verify_phone: VerifyPhone;
}

event_struct! {
    /// A link to set a new password is to go to an e-mail address.
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
    /// A link to verify an e-mail address is to go there.
    pub struct VerifyEmail in an envelope {
        /// The flow that sent it.
        sender: Sender,
        /// The user who says that the address is hers.
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
        /// The user who says that the number is hers.
        user: User,
        /// The link, to be made absolute with the origin of the site. `Debug` does not show it.
        url: RelativeUrl,
        /// The number as it is stored, in the form of E.164, never as a user typed it.
        phone: String,
    }
}
