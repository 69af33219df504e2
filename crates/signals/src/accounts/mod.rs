//! The signals of accounts: what phone-auth sends, and what each event carries.
//!
//! An application that has no accounts can ignore all of it and declare its own with [`signal!`](crate::signal).

mod delivery;
mod envelope;
mod event_struct;
mod happened;
mod links;
mod message;
mod sender;
mod tokens;
mod undelivered;
mod user;

pub use delivery::*;
pub use envelope::Envelope;
pub use happened::*;
pub use links::*;
pub use message::{Destination, EmailMessage, Message, MessageKind, PhoneMessage};
pub use sender::Sender;
pub use tokens::*;
pub use undelivered::{Retry, Undelivered};
pub use user::User;
