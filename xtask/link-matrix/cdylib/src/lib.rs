//! The application as a C library.

use phone_auth_signals::receiver;
use tally::{Rang, rang};

#[receiver(rang)]
async fn last(_event: &Rang) {
    tally::hear("last");
}

/// Prints who heard.
#[unsafe(no_mangle)]
pub extern "C" fn print_report() {
    println!("{}", app::report());
}
