use phone_auth_signals::{Message, receiver, user_logged_in};

#[receiver(user_logged_in)]
fn send_link(_message: &impl Message) {}

fn main() {}
