use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
fn send_link<'a>(_event: &'a VerifyEmail) {}

fn main() {}
