use phone_auth_events::{VerifyEmail, receiver, verify_email};

struct Mailer;

impl Mailer {
    #[receiver(verify_email)]
    fn send_link(_event: &VerifyEmail) {}
}

fn main() {}
