use phone_auth_signals::{UserLoggedIn, receiver, verify_email};

#[receiver(verify_email)]
fn send_link(event: &UserLoggedIn) {
    drop(event.user.clone());
}

fn main() {}
