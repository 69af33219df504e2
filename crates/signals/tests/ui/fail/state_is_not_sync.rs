use phone_auth_events::{VerifyEmail, receiver, verify_email};

use std::cell::Cell;

#[receiver(verify_email)]
fn send_link(_event: &VerifyEmail, _state: &Cell<u8>) {}

fn main() {}
