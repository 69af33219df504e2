use phone_auth_signals::{VerifyEmail, receiver};

mod mail {}

#[receiver(mail)]
fn send_link(_event: &VerifyEmail) {}

fn main() {}
