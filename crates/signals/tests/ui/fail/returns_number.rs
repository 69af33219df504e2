use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail) -> u32 {
    7
}

fn main() {}
