//! What the events of messages share, so that one function can receive several of them.

use crate::{
    AccountChange, AddressKind, Channel, Envelope, Link, LoginEmail, LoginPhone, MessageSignal,
    OneTimeCode, Purpose, RelativeUrl, ResetPasswordEmail, ResetPasswordPhone, SecurityNoticeEmail,
    SecurityNoticePhone, Sender, User, VerifyEmail, VerifyPhone,
};
use serde::Serialize;

/// A message to deliver: to whom, about whom, with which link.
///
/// A receiver of several of the signals that ask for a message takes `&dyn Message`; one that receives only those by email takes
/// `&dyn EmailMessage`, and one for text messages `&dyn PhoneMessage`.
///
/// # Examples
/// ```
/// use phone_auth_events::{Message, receiver, reset_password_email, verify_email};
///
/// #[receiver(verify_email, reset_password_email)]
/// fn queue(message: &dyn Message) {
///     println!("{} for {}", message.message_signal().name(), message.user().username);
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message to deliver",
    label = "`&dyn Message` is what the events of messages share"
)]
pub trait Message: Send + Sync {
    /// By which signal it came, and so what it is for.
    fn message_signal(&self) -> MessageSignal;
    /// What it is for: as its signal says, but for a code that [confirms](Envelope::confirms) who a user is.
    fn purpose(&self) -> Purpose {
        if self.envelope().confirms {
            Purpose::Confirm
        } else {
            self.message_signal().purpose()
        }
    }
    /// The flow that sent it.
    fn sender(&self) -> Sender;
    /// The user it is about.
    fn user(&self) -> &User;
    /// The link, to be made absolute with the origin of the site. That of a security notice leads to the page
    /// where anyone may ask for a new password, or to the one to log in.
    fn url(&self) -> &RelativeUrl;
    /// The link with its parts, for who hands them to a flow or to a page of their own. Of a security notice they are empty, and of
    /// a code that [confirms](Envelope::confirms) who a user is.
    fn link(&self) -> Link<'_> {
        if self.envelope().confirms {
            Link::without_token(self.url())
        } else {
            Link::of(self.url())
        }
    }
    /// The code for the user to type, where the one who asked for the message can take one.
    fn code(&self) -> Option<&OneTimeCode> {
        self.envelope().code.as_ref()
    }
    /// What was changed, if it is a security notice.
    fn change(&self) -> Option<&AccountChange> {
        None
    }
    /// By which channel it goes: of a phone number the one that the user asked for. A receiver that does not send by it answers
    /// [`not_mine`](crate::Undelivered::not_mine).
    fn channel(&self) -> Channel {
        let usual = match self.destination() {
            Destination::Email(_) => AddressKind::Email,
            Destination::Phone(_) => AddressKind::Phone,
        };
        let channel = self.envelope().channel;
        channel.unwrap_or(Channel::usual(usual))
    }
    /// Where it goes.
    fn destination(&self) -> Destination<'_>;
    /// What goes with it: how to tell a repeat, which language to write in, how long the link works.
    fn envelope(&self) -> &Envelope;
}

/// A message that goes by email.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message that goes by email",
    label = "`&dyn EmailMessage` is what the events of `verify_email`, `reset_password_email`, `login_email` and `security_notice_email` share"
)]
pub trait EmailMessage: Message {
    /// The address.
    fn email(&self) -> &str;
}

/// A message that goes to a phone.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no message that goes to a phone",
    label = "`&dyn PhoneMessage` is what the events of `verify_phone`, `reset_password_phone`, `login_phone` and `security_notice_phone` share"
)]
pub trait PhoneMessage: Message {
    /// The number, in the form of E.164.
    fn phone(&self) -> &str;
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "mirrors `AddressKind`, which is exhaustive for its own reason"
)]
pub enum Destination<'a> {
    /// To an email address.
    Email(&'a str),
    /// To a phone number, in the form of E.164.
    Phone(&'a str),
}

impl<'a> Destination<'a> {
    /// The address or the number.
    pub fn as_str(&self) -> &'a str {
        match self {
            Self::Email(text) | Self::Phone(text) => text,
        }
    }
}

macro_rules! message {
    ($event:ident, $way:ident, $view:ident, $field:ident) => {
        impl $event {
            /// The link with its parts, for who hands them to a flow or to a page of their own.
            pub fn link(&self) -> Link<'_> {
                Message::link(self)
            }

            /// By which channel it goes: see [`Message::channel`].
            pub fn channel(&self) -> Channel {
                Message::channel(self)
            }
        }

        message!($event, $way, $view, $field, {});
    };
    ($event:ident, $way:ident, $view:ident, $field:ident, { $($own:item)* }) => {
        impl Message for $event {
            fn message_signal(&self) -> MessageSignal {
                MessageSignal::$event
            }

            fn sender(&self) -> Sender {
                self.sender
            }

            fn user(&self) -> &User {
                &self.user
            }

            fn url(&self) -> &RelativeUrl {
                &self.url
            }

            fn destination(&self) -> Destination<'_> {
                Destination::$way(&self.$field)
            }

            fn envelope(&self) -> &Envelope {
                &self.envelope
            }

            $($own)*
        }

        impl $view for $event {
            fn $field(&self) -> &str {
                &self.$field
            }
        }
    };
}

message!(ResetPasswordEmail, Email, EmailMessage, email);
message!(ResetPasswordPhone, Phone, PhoneMessage, phone);
message!(VerifyEmail, Email, EmailMessage, email);
message!(VerifyPhone, Phone, PhoneMessage, phone);
message!(LoginEmail, Email, EmailMessage, email);
message!(LoginPhone, Phone, PhoneMessage, phone);

macro_rules! notice {
    ($event:ident, $way:ident, $view:ident, $field:ident) => {
        message!($event, $way, $view, $field, {
            fn link(&self) -> Link<'_> {
                Link::without_token(&self.url)
            }

            fn change(&self) -> Option<&AccountChange> {
                Some(&self.change)
            }
        });
    };
}

notice!(SecurityNoticeEmail, Email, EmailMessage, email);
notice!(SecurityNoticePhone, Phone, PhoneMessage, phone);
