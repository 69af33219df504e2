use phone_auth_signals::{TokenRefused, receiver, token_refused};

#[receiver(token_refused)]
async fn count(_event: &TokenRefused) {}

fn main() {}
