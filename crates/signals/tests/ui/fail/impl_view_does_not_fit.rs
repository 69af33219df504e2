use phone_auth_events::{Message, receiver, user_logged_in};

#[receiver(user_logged_in)]
fn send_link(_message: &impl Message) {}

fn main() {}
