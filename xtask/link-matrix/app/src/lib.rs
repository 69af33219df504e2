//! The application: names its plugins in every way there is, sends each signal once, says who heard.

use phone_auth_signals::receiver;
use plugin_named as _;
use plugin_own_signal::{Brewed, brewed};
use tally::{Rang, Ticked, rang};

#[receiver(rang)]
async fn application(_event: &Rang) {
    tally::hear("app.awaited");
}

#[receiver(brewed)]
async fn guest(_event: &Brewed) {
    tally::hear("app.guest");
}

/// Sends each signal once and returns the line that says who heard.
pub fn report() -> String {
    assert_eq!(
        (bridge::NAME, plugin_called::greeting()),
        ("bridge", "hello")
    );
    match tally::dispatcher() {
        Ok(dispatcher) => {
            tally::send(&dispatcher, &Rang);
            tally::send_sync(&dispatcher, &Ticked);
            plugin_own_signal::brew(&dispatcher);
            tally::line()
        }
        Err(refused) => refused,
    }
}
