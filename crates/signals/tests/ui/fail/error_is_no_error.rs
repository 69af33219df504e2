use phone_auth_events::{VerifyEmail, receiver, verify_email};

struct Broken;

#[receiver(verify_email)]
async fn send_link(_event: &VerifyEmail) -> Result<(), Broken> {
    Err(Broken)
}

fn main() {}
