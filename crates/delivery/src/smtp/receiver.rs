//! The receiver of messages that go by email.

use phone_auth_events::{
    EmailMessage, Undelivered, login_email, receiver, reset_password_email, security_notice_email,
    verify_email,
};

use super::Smtp;

/// The id of the receiver of this module. It is called where its state is provided.
pub const RECEIVER: &str = "phone_auth.smtp";

#[receiver(
    verify_email,
    reset_password_email,
    login_email,
    security_notice_email,
    id = "phone_auth.smtp",
    optional = true
)]
async fn send_mail(message: &dyn EmailMessage, smtp: &Smtp) -> Result<(), Undelivered> {
    smtp.send(message).await
}
