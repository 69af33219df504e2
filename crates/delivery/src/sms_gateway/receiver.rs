//! The receiver of messages that go to a phone.

use phone_auth_events::{
    Channel, PhoneMessage, Undelivered, login_phone, receiver, reset_password_phone,
    security_notice_phone, verify_phone,
};

use super::SmsGateway;

/// The id of the receiver of this module. It is called where its state is provided.
pub const RECEIVER: &str = "phone_auth.sms_gateway";

#[receiver(
    verify_phone,
    reset_password_phone,
    login_phone,
    security_notice_phone,
    id = "phone_auth.sms_gateway",
    optional = true
)]
async fn send_text(message: &dyn PhoneMessage, gateway: &SmsGateway) -> Result<(), Undelivered> {
    if message.channel() != Channel::Sms {
        return Err(Undelivered::not_mine());
    }
    gateway.send(message).await
}
