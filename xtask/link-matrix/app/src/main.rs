//! The application as a program.

use phone_auth_signals::receiver;
use tally::{Rang, rang};

#[receiver(rang)]
async fn last(_event: &Rang) {
    tally::hear("last");
}

fn main() {
    println!("{}", app::report());
}
