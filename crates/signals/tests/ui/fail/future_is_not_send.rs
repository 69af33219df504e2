use phone_auth_events::{VerifyEmail, receiver, verify_email};

#[receiver(verify_email)]
async fn send_link(_event: &VerifyEmail) {
    let local = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(local);
}

fn main() {}
