//! Ready receivers for the messages of phone-auth.
//!
//! A message is a link that somebody must get: to reset a password, to verify an e-mail address or a
//! phone number. Four signals ask for one, and whoever receives them delivers it. This crate holds
//! receivers that many would write alike, each behind a feature: by e-mail through a mail server
//! (`smtp`), by text message through a gateway (`sms-gateway`), by way of another service that takes signed
//! requests (`webhook`) or reads a stream (`nats`), and, for one's own machine, printed lines and a mailbox in
//! memory (`development`).
//!
//! A receiver is linked with its feature and takes state that the application provides. Where it is not
//! wanted, it is switched off by its id.
//!
//! What is not here: flows and pages. A receiver learns of a message by its signal and nothing else.

#[cfg(feature = "development")]
pub mod development;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(feature = "sms-gateway")]
pub mod sms_gateway;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(feature = "webhook")]
pub mod webhook;

#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
mod build_error;
#[cfg(any(feature = "sms-gateway", feature = "webhook"))]
mod http;
#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
mod loopback;
#[cfg(any(feature = "webhook", feature = "nats"))]
mod payload;
#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
mod secret;
#[cfg(any(feature = "webhook", feature = "nats"))]
mod selection;
#[cfg(any(
    feature = "development",
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
#[cfg(any(feature = "smtp", feature = "sms-gateway"))]
mod texts;
#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
mod tls;

#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
pub use build_error::{BuildError, BuildErrorKind, TemplateProblem};
#[cfg(any(feature = "sms-gateway", feature = "webhook"))]
pub use http::StatusSet;
#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
pub use secret::Secret;

/// The ids of the receivers in this build that deliver for strangers, those of `development` left out. Each
/// takes state; one that gets none is to be switched off.
pub const RECEIVERS: &[&str] = &[
    #[cfg(feature = "smtp")]
    smtp::RECEIVER,
    #[cfg(feature = "sms-gateway")]
    sms_gateway::RECEIVER,
    #[cfg(feature = "webhook")]
    webhook::RECEIVER,
    #[cfg(feature = "nats")]
    nats::RECEIVER,
];

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "development", feature = "smtp"))]
#[doc = include_str!("../README.md")]
struct Readme;
