use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
fn send_link(event: &mut VerifyEmail) {
    event.email.clear();
}

fn main() {}
