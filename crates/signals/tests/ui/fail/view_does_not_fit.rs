use phone_auth_events::{EmailMessage, receiver, verify_email, verify_phone};

#[receiver(verify_email, verify_phone)]
fn send_link(_message: &dyn EmailMessage) {}

fn main() {}
