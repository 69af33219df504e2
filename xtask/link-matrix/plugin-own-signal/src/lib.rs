//! A plugin that declares a signal, receives it, and lets others receive it.

use phone_auth_signals::{Signals, receiver, signal};
use serde::Serialize;

/// What its signal carries.
#[derive(Clone, Debug, Serialize)]
pub struct Brewed;

signal! {
    /// Something is ready.
    pub brewed: Brewed;
}

/// Sends it.
pub fn brew(dispatcher: &Signals) {
    tally::send(dispatcher, &Brewed);
}

#[receiver(brewed)]
async fn own(_event: &Brewed) {
    tally::hear("own-signal.own");
}
