//! Typed signals whose receivers are checked by the compiler and registered by the linker.

// The macros name this crate by `$crate` alone.
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod accounts;
mod answer;
mod builder;
mod capture;
mod catalogue;
mod connection;
mod detached;
mod event;
mod hub;
mod macros;
mod manifest;
mod place;
mod plan;
mod receiver;
mod report;
mod robust;
mod roster;
mod send;
mod send_error;
mod setup_error;
mod signal;
mod state;
mod step;
mod trace;
mod url;
mod wait;

pub use accounts::*;
pub use answer::BoxError;
pub use builder::SignalsBuilder;
pub use capture::Capture;
pub use catalogue::Integrity;
pub use connection::{ConnectOptions, Connection, DuplicateIdError, Listen, ListenAsync};
pub use detached::NoRuntimeError;
pub use event::{AwaitedEvent, Event, SyncEvent};
pub use hub::Signals;
pub use manifest::{Manifest, ReceiverEntry};
pub use phone_auth_signals_macros::receiver;
pub use place::Place;
pub(crate) use receiver::Receiver;
pub use receiver::ReceiverInfo;
pub use report::{Outcome, ReceiverReport, Report};
pub use send_error::{SendError, SendErrorKind};
pub use setup_error::{SetupError, SetupErrorKind};
pub use signal::{Signal, SignalInfo};
pub use state::Need;
pub use url::{RelativeUrl, SiteOrigin, UrlError, UrlErrorKind};
