use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email, when = |event| event.email.len())]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
