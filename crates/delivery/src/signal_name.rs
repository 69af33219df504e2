//! The names of the four signals that ask for a message.

use phone_auth_events::{Destination, Message, MessageKind};

/// The name of the signal that a message came by; none for one that was declared after this crate was
/// written.
pub(crate) fn signal_name(message: &dyn Message) -> Option<&'static str> {
    match (message.kind(), message.destination()) {
        (MessageKind::ResetPassword, Destination::Email(_)) => Some("reset_password_email"),
        (MessageKind::ResetPassword, Destination::Phone(_)) => Some("reset_password_phone"),
        (MessageKind::Verify, Destination::Email(_)) => Some("verify_email"),
        (MessageKind::Verify, Destination::Phone(_)) => Some("verify_phone"),
        _ => None,
    }
}
