use phone_auth_events::{LinkFollowed, link_followed, receiver};

#[receiver(link_followed)]
async fn count(_event: &LinkFollowed) {}

fn main() {}
