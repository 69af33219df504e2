use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
fn send_link<T>(_event: &VerifyEmail, _state: &T) {}

fn main() {}
