use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email, id = 7)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
