use phone_auth_events::{TokenRefused, receiver, token_refused};

#[receiver(token_refused)]
async fn count(_event: &TokenRefused) {}

fn main() {}
