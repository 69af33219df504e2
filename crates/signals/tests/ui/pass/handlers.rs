//! What receivers may look like, in a crate with strict lints.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, missing_debug_implementations)]

use phone_auth_events::{
    BoxError, EmailMessage, Message, VerifyEmail, VerifyPhone, receiver, reset_password_email, verify_email, verify_phone,
};

/// State.
#[derive(Debug)]
pub struct Mailer;

/// A trait of state.
pub trait Gateway: Send + Sync {}

#[receiver(verify_email)]
fn plain(_: &VerifyEmail) {}

#[receiver(verify_email, priority = -3, id = "my-id", timeout = "250ms", when = |event| event.email.is_ascii())]
async fn verify_email(event: &VerifyEmail, mailer: &Mailer) -> Result<(), std::io::Error> {
    let _ = (event, mailer);
    Ok(())
}

#[receiver(verify_email)]
async fn boxed_error(VerifyEmail { email, .. }: &VerifyEmail, _gateway: &dyn Gateway) -> Result<(), BoxError> {
    if email.is_empty() { Err("empty")? }
    Ok(())
}

#[receiver(verify_email)]
fn static_text(_event: &VerifyEmail) -> Result<(), &'static str> {
    Err("out of order")
}

#[receiver(verify_email, reset_password_email)]
fn view(_message: &dyn EmailMessage, _slice: &[u8]) {}

#[receiver(verify_email, verify_phone)]
async fn any(message: &(dyn Message + Sync)) {
    let _ = message.message_signal();
}

/// Named by its path, though it is imported, too.
#[receiver(phone_auth_events::verify_phone)]
#[cfg(all())]
pub fn by_path(_event: &VerifyPhone) {}

#[receiver(verify_phone)]
#[cfg(any())]
fn left_out(_event: &NotThere) {}

mod inner {
    use super::*;

    #[receiver(verify_phone)]
    pub(crate) fn nested(_event: &VerifyPhone) {}
}

fn main() {
    #[receiver(verify_phone)]
    fn local(_event: &VerifyPhone) {}
    let _ = (inner::nested, phone_auth_events::Signals::isolated());
}
