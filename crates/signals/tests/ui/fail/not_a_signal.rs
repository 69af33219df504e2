use phone_auth_events::{VerifyEmail, receiver};

mod mail {}

#[receiver(mail)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
