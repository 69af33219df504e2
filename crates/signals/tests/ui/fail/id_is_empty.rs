use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email, id = "")]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
