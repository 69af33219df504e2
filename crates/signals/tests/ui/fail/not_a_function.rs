use phone_auth_events::{VerifyEmail, receiver, verify_email};

fn _taken(_event: &VerifyEmail) {}

#[receiver(verify_email)]
struct SendLink;

fn main() {}
