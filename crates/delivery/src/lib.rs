//! Ready receivers for the messages of phone-auth.
//!
//! A message is a link that somebody must get: to reset a password, to verify an e-mail address or a
//! phone number. Four signals ask for one, and whoever receives them delivers it. This crate holds
//! receivers that many would write alike, each behind a feature: by e-mail through a mail server
//! (`smtp`), and, for one's own machine, printed lines and a mailbox in memory (`development`).
//!
//! A receiver is linked with its feature and takes state that the application provides. Where it is not
//! wanted, it is switched off by its id.
//!
//! What is not here: flows and pages. A receiver learns of a message by its signal and nothing else.

#[cfg(feature = "development")]
pub mod development;
#[cfg(feature = "smtp")]
pub mod smtp;

#[cfg(feature = "smtp")]
mod build_error;
#[cfg(feature = "smtp")]
mod loopback;
#[cfg(feature = "smtp")]
mod secret;
#[cfg(any(feature = "development", feature = "smtp"))]
mod signal_name;
#[cfg(feature = "smtp")]
mod texts;
#[cfg(feature = "smtp")]
mod tls;

#[cfg(feature = "smtp")]
pub use build_error::{BuildError, BuildErrorKind, TemplateProblem};
#[cfg(feature = "smtp")]
pub use secret::Secret;

/// The ids of the receivers in this build that deliver for strangers, those of `development` left out. Each
/// takes state; one that gets none is to be switched off.
pub const RECEIVERS: &[&str] = &[
    #[cfg(feature = "smtp")]
    smtp::RECEIVER,
];

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "development", feature = "smtp"))]
#[doc = include_str!("../README.md")]
struct Readme;
