//! A program that links the application dynamically.

use phone_auth_signals::receiver;
use tally::{Rang, rang};

#[receiver(rang)]
async fn last(_event: &Rang) {
    tally::hear("last");
}

fn main() {
    println!("{}", dylib::report());
}
