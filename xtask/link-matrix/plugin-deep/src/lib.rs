//! A plugin that the application reaches through another crate.

use phone_auth_signals::receiver;
use tally::{Rang, Ticked, rang, ticked};

#[receiver(rang)]
async fn awaited(_event: &Rang) {
    tally::hear("deep.awaited");
}

#[receiver(ticked)]
fn at_once(_event: &Ticked) {
    tally::hear("deep.at-once");
}
