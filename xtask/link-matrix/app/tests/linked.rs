//! The application as a test binary. What it finds is counted outside, where the expectation is.

use phone_auth_signals::receiver;
use tally::{Rang, rang};

#[receiver(rang)]
async fn last(_event: &Rang) {
    tally::hear("last");
}

#[test]
fn receivers_are_reported() {
    // On a line of its own, after what the harness printed.
    println!("\n{}", app::report());
}
