use phone_auth_events::{VerifyEmail, receiver};

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
