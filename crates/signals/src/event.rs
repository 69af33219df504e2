//! What an event is: the value that one signal carries. Both traits are implemented by [`signal!`](crate::signal), never
//! by hand.

use crate::Signal;

/// A value that one signal carries to its receivers.
///
/// [`signal!`](crate::signal) implements it. One signal has one event type and one event type has one signal, so that
/// `signals.send(&event)` needs no name beside the event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the event of any signal",
    label = "no signal carries this",
    note = "declare one: `signal! {{ /// What happened.  pub my_signal: {Self}; }}`"
)]
pub trait Event: Send + Sync + Sized + 'static {
    /// The signal that carries this event.
    fn signal() -> &'static Signal<Self>;
}

/// The event of a signal that is declared `sync`: its receivers are plain functions and its sender does not await.
#[diagnostic::on_unimplemented(
    message = "the signal that carries `{Self}` has receivers that are awaited",
    label = "send it with `send(…).await`",
    note = "or declare the signal as `pub sync name: Event;`, if none of its receivers has to wait"
)]
pub trait SyncEvent: Event {}

/// The event of a signal whose receivers may await: every signal that is not declared `sync`.
#[diagnostic::on_unimplemented(
    message = "the signal that carries `{Self}` is declared `sync`: nobody awaits its receivers",
    label = "connect a receiver that does not await"
)]
pub trait AwaitedEvent: Event {}

/// Names the event type where the signal is declared, for use inside the signal's module.
#[doc(hidden)]
pub trait Declared {
    type Event;
}
