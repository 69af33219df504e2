use phone_auth_events::{UserLoggedIn, receiver, verify_email};

#[receiver(verify_email)]
fn send_link(event: &UserLoggedIn) {
    drop(event.user.clone());
}

fn main() {}
