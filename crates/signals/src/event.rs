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
pub trait Event: Send + std::marker::Sync + Sized + 'static {
    /// Whether its signal is declared `sync`.
    #[doc(hidden)]
    type Mode;

    /// The signal that carries this event.
    fn signal() -> &'static Signal<Self>;
}

/// The mode of a signal that is declared `sync`.
#[doc(hidden)]
#[derive(Debug)]
#[non_exhaustive]
pub struct Sync;

/// The mode of every other signal.
#[doc(hidden)]
#[derive(Debug)]
#[non_exhaustive]
pub struct Awaited;

/// The event of a signal that is declared `sync`: its receivers are plain functions and its sender does not await.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the event of a signal that is declared `sync`",
    label = "send it with `send(…).await`, if any signal carries it",
    note = "a signal whose receivers never wait is declared as `pub sync name: Event;`"
)]
pub trait SyncEvent: Event {}

#[diagnostic::do_not_recommend]
impl<E: Event<Mode = Sync>> SyncEvent for E {}

/// The event of a signal whose receivers may await: every signal that is not declared `sync`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the event of a signal whose receivers are awaited",
    label = "a signal that is declared `sync` takes receivers that do not await: connect those",
    note = "what is connected to an awaited signal takes the event itself: `|event: MyEvent| async move {{ … }}`"
)]
pub trait AwaitedEvent: Event {}

#[diagnostic::do_not_recommend]
impl<E: Event<Mode = Awaited>> AwaitedEvent for E {}

/// Names the event type where the signal is declared, for use inside the signal's module.
#[doc(hidden)]
pub trait Declared {
    type Event;
}
