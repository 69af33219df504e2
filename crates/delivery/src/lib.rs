//! Ready receivers for the messages of phone-auth.
//!
//! A message is a link that someone must get: to reset a password, to verify an email address or a
//! phone number. Eight signals ask for one, and anyone who receives them delivers it. This crate holds
//! receivers that many would write alike, each behind a feature: by email through a mail server
//! (`smtp`), by text message through a gateway (`sms-gateway`), by way of another service that takes signed
//! requests (`webhook`) or reads a stream (`nats`), and, for one's own machine, printed lines and a mailbox in
//! memory (`development`).
//!
//! # A first receiver
//! A receiver is linked with its feature and takes state that the application provides. Its builder refuses what could
//! not send; nothing is connected before the first message:
#![cfg_attr(feature = "smtp", doc = "```standalone_crate")]
#![cfg_attr(not(feature = "smtp"), doc = "```text")]
//! use phone_auth_delivery::smtp::Smtp;
//! use phone_auth_delivery::{BuildErrorKind, Secret};
//! use phone_auth_events::{Signals, SiteOrigin, VerifyEmail};
//!
//! let site = SiteOrigin::parse("https://example.org")?;
//! let smtp = Smtp::builder(site.clone(), "mail.example.org", "Example <accounts@example.org>")
//!     .log_in("accounts", Secret::new("from a file"))
//!     .build()?;
//! let nobody = Smtp::builder(site, "mail.example.org", "no address").build();
//! assert_eq!(*nobody.unwrap_err().kind(), BuildErrorKind::Sender);
//!
//! // What is linked and has no state is idle.
//! let dispatcher = Signals::builder().provide(smtp).build()?;
//! assert!(dispatcher.has_receiver::<VerifyEmail>());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which receiver
//! | to send | feature | state | takes |
//! |---|---|---|---|
//! | mail, through a mail server | `smtp` | `smtp::Smtp` | the two signals by email |
//! | text messages, through a gateway over HTTP | `sms-gateway` | `sms_gateway::SmsGateway` | the two signals to a phone |
//! | by way of a service that is posted to | `webhook` | `webhook::Webhook` | all six, or those chosen |
//! | by way of a stream | `nats` | `nats::Nats` | all six, or those chosen |
//! | to one's own terminal | `development` | `development::{LinePrinter, Mailbox}` | all six |
//!
//! Your own receivers are called beside them; each counts for itself, and one that fails keeps no other from its message.
//!
//! # When a message cannot be delivered
//! A receiver says whether to try again, by `Undelivered`: never, when the other side refused this message for good; after
//! the time that the other side named; else later. The reason is kept with the message for the operator, so it holds no
//! link, no secret, and no words of the other side. A message is sent at least once: each attempt has the same idempotency
//! key, which every receiver here passes on.
//!
//! # What messages say
//! Texts are templates in the language of the user, compiled in; `templates_from` replaces them one by one from a folder,
//! or adds languages. A mistake in one is found when the state is built.
//!
//! # Where to read on
//! The module of each receiver; `docs/guide/delivery.md`, for the settings of the program, for what each refusal means and
//! for the outbox; `phone_auth_events`, for the signals and for a receiver of your own.
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
#[cfg(any(feature = "smtp", feature = "sms-gateway"))]
pub use phone_auth_events::{Carries, CarriesTo, NotCarried};
#[cfg(any(
    feature = "smtp",
    feature = "sms-gateway",
    feature = "webhook",
    feature = "nats"
))]
pub use secret::Secret;
#[cfg(any(feature = "smtp", feature = "sms-gateway"))]
pub use texts::unused_templates;

/// The ids of the receivers in this build that deliver for strangers, those of `development` left out. Each
/// takes state; one that gets none is idle.
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
