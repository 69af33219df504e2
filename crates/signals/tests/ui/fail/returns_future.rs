use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail) -> impl Future<Output = ()> {
    async {}
}

fn main() {}
