//! A plugin that the application names and never uses.

use phone_auth_signals::receiver;
use tally::{Rang, Ticked, rang, ticked};

#[receiver(rang)]
async fn awaited(_event: &Rang) {
    tally::hear("named.awaited");
}

#[receiver(ticked)]
fn at_once(_event: &Ticked) {
    tally::hear("named.at-once");
}

mod lonely {
    use phone_auth_signals::receiver;
    use tally::{Rang, rang};

    #[receiver(rang, priority = 9)]
    async fn alone_in_its_module(_event: &Rang) {
        tally::hear("named.alone");
    }
}
