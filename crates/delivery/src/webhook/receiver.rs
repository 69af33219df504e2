//! The receiver of messages that another service sends.

use phone_auth_events::{
    Message, Undelivered, login_email, login_phone, receiver, reset_password_email,
    reset_password_phone, security_notice_email, security_notice_phone, verify_email, verify_phone,
};

use super::Webhook;

/// The id of the receiver of this module. It is called where its state is provided.
pub const RECEIVER: &str = "phone_auth.webhook";

#[receiver(
    reset_password_email,
    reset_password_phone,
    verify_email,
    verify_phone,
    login_email,
    login_phone,
    security_notice_email,
    security_notice_phone,
    id = "phone_auth.webhook",
    optional = true
)]
async fn post(message: &dyn Message, webhook: &Webhook) -> Result<(), Undelivered> {
    webhook.send(message).await
}
