//! Receivers for a site on one's own machine: messages are printed and kept to be looked at.
//!
//! [`LinePrinter`] writes one line for each message, the name of its signal, a space and the event as
//! JSON. [`Mailbox`] keeps the newest messages in memory with the link to click. Both are state that
//! the application provides to the dispatcher; the receivers themselves are linked with this module.
//!
//! # Security
//! Anyone who sees a line or the mailbox can reset the password of the user it is for. A program that
//! serves others provides neither, and may disable [`RECEIVERS`] lest another crate does.

mod line_printer;
mod mailbox;
mod receivers;

pub use line_printer::LinePrinter;
pub use mailbox::{Mailbox, Message};
pub use receivers::RECEIVERS;
