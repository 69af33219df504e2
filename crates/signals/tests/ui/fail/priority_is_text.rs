use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email, priority = "high")]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
