//! A plugin that no code names: it is not linked, and nothing can be found of it.

use phone_auth_signals::receiver;
use tally::{Rang, Ticked, rang, ticked};

#[receiver(rang)]
async fn awaited(_event: &Rang) {
    tally::hear("unnamed.awaited");
}

#[receiver(ticked)]
fn at_once(_event: &Ticked) {
    tally::hear("unnamed.at-once");
}
