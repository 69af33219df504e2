//! The receivers: each message is printed and kept.

use std::io;

use phone_auth_events::{
    AccountChange, Destination, Message, OneTimeCode, User, login_email, login_phone, receiver,
    reset_password_email, reset_password_phone, security_notice_email, security_notice_phone,
    verify_email, verify_phone,
};
use serde::Serialize;

use super::{LinePrinter, Mailbox};

/// The ids of the receivers of this module, to disable them.
pub const RECEIVERS: [&str; 2] = [
    "phone_auth.development.line",
    "phone_auth.development.mailbox",
];

/// What a line says of a message, in this order: who, which link, where to.
#[derive(Serialize)]
struct Line<'a> {
    user: &'a User,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone: Option<&'a str>,
    sender: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    change: Option<&'a AccountChange>,
}

#[receiver(
    reset_password_email,
    reset_password_phone,
    verify_email,
    verify_phone,
    login_email,
    login_phone,
    security_notice_email,
    security_notice_phone,
    id = "phone_auth.development.line",
    optional = true
)]
fn print_line(message: &dyn Message, lines: &LinePrinter) -> io::Result<()> {
    let (email, phone) = match message.destination() {
        Destination::Email(email) => (Some(email), None),
        Destination::Phone(phone) => (None, Some(phone)),
    };
    let sender = message.sender();
    let line = Line {
        user: message.user(),
        url: message.url().as_str(),
        email,
        phone,
        sender: sender.as_str(),
        code: message.code().map(OneTimeCode::as_str),
        change: message.change(),
    };
    match lines.print(message.message_signal().name(), &line) {
        // Who reads the lines, like `head`, has seen enough: it is no failure that anything is tried again for.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

#[receiver(
    reset_password_email,
    reset_password_phone,
    verify_email,
    verify_phone,
    login_email,
    login_phone,
    security_notice_email,
    security_notice_phone,
    id = "phone_auth.development.mailbox",
    // Before the line: anyone who reads it finds the message in the mailbox.
    priority = 1,
    optional = true
)]
fn keep_message(message: &dyn Message, mailbox: &Mailbox) {
    let what = (message.message_signal().name(), message.purpose());
    let to = message.destination().as_str();
    mailbox.keep(what, message.user(), to, message.url(), message.code());
}
