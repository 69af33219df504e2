use phone_auth_events::{VerifyEmail, receiver, verify_email};

struct Mailer;

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail, _mailer: Mailer) {}

fn main() {}
