//! What the macros need to reach from other crates. No part of the public interface.

pub use crate::{
    __place as place, __receiver_awaited, __receiver_durable, __receiver_sync,
    __version as version,
    answer::{Answer, IntoAnswer, ReceiverError, admits, skipped},
    catalogue::SignalEntry,
    event::{Awaited, Declared, Event, Sync},
    receiver::{Begun, Call, Receiver, ReceiverInfo, begin},
    registry::RegisteredReceiver,
    signal::{Signal, SignalInfo},
    state::{Held, Need, State},
};
pub use inventory;
#[cfg(not(any(miri, target_family = "wasm")))]
pub use linkme;
pub use phone_auth_signals_macros::{declare_signals, register_receiver};
pub use std::{
    boxed::Box,
    option::Option::{self, None, Some},
    task::Context,
    time::Duration,
};
