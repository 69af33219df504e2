use phone_auth_events::{VerifyEmail, receiver, verify_email};
use std::sync::Arc;

struct Mailer;

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail, _mailer: Arc<Mailer>) {}

fn main() {}
