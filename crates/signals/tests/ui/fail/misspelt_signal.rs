use phone_auth_events::{VerifyEmail, receiver};

#[receiver(verify_emial)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
