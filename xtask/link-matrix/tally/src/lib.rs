//! The signals of the link matrix, and the list of who was called.

use std::sync::{Mutex, PoisonError};

use phone_auth_signals::{Event, Signals, SyncEvent, signal};
use serde::Serialize;

/// What the awaited signal carries.
#[derive(Clone, Debug, Serialize)]
pub struct Rang;

/// What the sync signal carries.
#[derive(Clone, Debug, Serialize)]
pub struct Ticked;

signal! {
    /// Its receivers may await.
    pub rang: Rang;
    /// Its receivers do not.
    pub sync ticked: Ticked;
}

static HEARD: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());

/// Notes that a receiver was called.
pub fn hear(name: &'static str) {
    HEARD
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(name);
}

/// The dispatcher of all linked receivers, or the line that says why there is none.
///
/// # Errors
/// The line starts with `refused:`; it is what a program would have said at its start.
pub fn dispatcher() -> Result<Signals, String> {
    Signals::linked().map_err(|error| format!("refused: {error}").replace('\n', " "))
}

/// Sends an awaited event and waits until everyone has heard it.
pub fn send<E: Event>(dispatcher: &Signals, event: &E) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime without threads needs nothing");
    runtime
        .block_on(dispatcher.send(event))
        .expect("no receiver fails");
}

/// Sends a sync event.
pub fn send_sync<E: SyncEvent>(dispatcher: &Signals, event: &E) {
    dispatcher.send_sync(event).expect("no receiver fails");
}

/// The line that says who was called, in order of their names.
pub fn line() -> String {
    let mut heard = HEARD.lock().unwrap_or_else(PoisonError::into_inner).clone();
    heard.sort_unstable();
    format!("heard: {}", heard.join(" "))
}
