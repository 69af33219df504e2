use phone_auth_events::{VerifyEmail, receiver};

#[receiver(VerifyEmail)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
