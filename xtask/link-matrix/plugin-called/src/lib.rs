//! A plugin that the application calls.

use phone_auth_signals::receiver;
use tally::{Rang, Ticked, rang, ticked};

#[receiver(rang)]
async fn awaited(_event: &Rang) {
    tally::hear("called.awaited");
}

#[receiver(ticked)]
fn at_once(_event: &Ticked) {
    tally::hear("called.at-once");
}

/// What the application calls: nothing to do with receivers.
pub fn greeting() -> &'static str {
    "hello"
}
