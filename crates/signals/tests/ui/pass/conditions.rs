//! What the user's attributes ask for is kept: conditions on a signal, a receiver and an argument, and what is deprecated.
#![forbid(unsafe_code)]
#![deny(warnings, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms, missing_debug_implementations)]

use phone_auth_signals::{Signals, receiver, signal};
use std::{error::Error, fmt};

#[derive(Debug)]
struct Here;
/// There on another platform.
#[cfg(any())]
struct NotHere;

signal! {
    /// There.
    #[cfg(all())]
    sync there: Here;
    /// The same name on another condition.
    #[cfg(any())]
    sync there: NotHere;
    /// Not there, nor is its event.
    #[cfg(any())]
    sync not_there: NotHere;
    /// Not there by an attribute that gives others.
    #[cfg_attr(all(), allow(dead_code), cfg(any()))]
    sync not_there_either: NotHere;
    /// There, as what is given does not apply.
    #[cfg_attr(any(), cfg(any()))]
    sync still_there: StillHere;
    /// Not to be used any more.
    #[deprecated]
    sync old: Old;
}

#[derive(Debug)]
struct Old;

#[derive(Debug)]
struct StillHere;

#[derive(Debug)]
struct State;

#[receiver(there)]
fn conditional(_event: &Here, #[cfg(any())] _left_out: &NotHere, #[cfg(all())] _state: &State, #[cfg(not(any()))] _more: &State) {}

#[receiver(there)]
#[deprecated(note = "for those who call it by hand")]
fn deprecated(_event: &Here) {}

#[receiver(there)]
#[cfg(any())]
fn gone(_event: &NotHere) {}

#[receiver(there)]
#[cfg_attr(true, cfg(false))]
fn gone_too(_event: &NotHere) {}

#[receiver(there)]
#[cfg_attr(all(), cfg_attr(all(), must_use, cfg(any())))]
fn gone_within(_event: &NotHere) {}

#[receiver(still_there)]
#[cfg_attr(any(), cfg(any()))]
fn stays(
    _event: &StillHere,
    #[cfg_attr(all(), cfg(any()))] _left_out: &NotHere,
    #[cfg_attr(any(), cfg(any()))] _state: &State,
) {
}

trait Show: fmt::Debug {}

#[receiver(there, optional = true)]
fn parentheses(_event: &(dyn fmt::Debug + Send + Sync), _show: &(dyn Show + Send + Sync)) {}

#[receiver(there)]
fn fails(_event: &Here) -> Result<(), Box<dyn Error + Send + Sync>> {
    Ok(())
}

fn main() {
    let signals = Signals::builder().provide(State).build().unwrap();
    assert_eq!(signals.receivers_of::<Here>().len(), 3);
    assert_eq!(signals.receivers_of::<Old>().len(), 0);
    let manifest = signals.manifest();
    let idle = manifest.receivers.iter().filter(|receiver| receiver.idle).count();
    assert_eq!(signals.receivers_of::<StillHere>().len(), 1);
    assert_eq!((idle, manifest.signals.len()), (1, 3));
    signals.send_sync(&Here).unwrap();
}
