use phone_auth_signals::{VerifyEmail, receiver};

#[receiver(VerifyEmail)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
