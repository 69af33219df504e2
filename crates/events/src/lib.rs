//! The signals of accounts: what phone-auth sends, and what each event carries.
//!
//! It re-exports the dispatcher, `phone-auth-signals`, so that anyone who receives something of accounts needs this
//! crate alone. A program without accounts declares its own signals with that one.
//!
//! ```standalone_crate
//! use phone_auth_events::{Signals, SiteOrigin, VerifyEmail, receiver, verify_email};
//! # use phone_auth_events::{RelativeUrl, Sender, User};
//!
//! #[receiver(verify_email)]
//! fn send_link(event: &VerifyEmail, site: &SiteOrigin) {
//!     println!("{}: please open {}", event.email, event.url.absolute(site));
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let signals = Signals::builder().provide(SiteOrigin::parse("https://example.org")?).build()?;
//! # let url = RelativeUrl::new("/accounts/verify/")?;
//! # let event = VerifyEmail::new(Sender::new("docs"), User::new(1, "anna", "", ""), url, "a@example.org".into());
//! signals.send(&event).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The signals
//! Eight ask for a message to be delivered. Six of these carry a link: [`verify_email`], [`verify_phone`],
//! [`reset_password_email`], [`reset_password_phone`], [`login_email`], [`login_phone`]. Two tell users what was changed about their account:
//! [`security_notice_email`], [`security_notice_phone`]. The others tell what happened: [`user_signed_up`], [`user_logged_in`],
//! [`user_login_failed`], [`user_logged_out`], [`password_changed`], [`password_was_reset`], [`email_added`],
//! [`phone_added`], [`email_removed`], [`phone_removed`], [`email_lost`], [`phone_lost`], [`email_verified`], [`phone_verified`], [`attempt_limited`],
//! [`message_refused`], [`link_followed`], [`account_closing`], [`account_closed`], [`account_closing_scheduled`],
//! [`account_closing_cancelled`], [`account_exporting`]. Those of one-time tokens, `token_issued`
//! and `token_refused`, are in `phone-auth-tokens`, whose errors say why.
//!
//! What asks for a message is delivered at least once where there is an outbox. What tells what happened is sent at most
//! once, after it is stored: of a receiver that fails there is a warning in the log, and it is not called again. One that is
//! marked `durable` is called for the outbox instead, at least once: see [`DurableSignal`], which lists the signals that can be
//! received so.
//!
//! # Security
//! Any crate that is linked can receive any of them, also those that carry links with which passwords are set. So
//! `Debug` of a [`RelativeUrl`] shows nothing, and the [manifest](Signals::manifest) says who receives what.

mod account_change;
mod address_kind;
mod carries;
mod channel;
mod closing;
mod delivery;
mod durable_signal;
mod envelope;
mod event_client;
mod event_struct;
mod happened;
mod limit;
mod link;
mod links;
mod message;
mod message_refusal;
mod message_signal;
mod one_time_code;
mod purpose;
mod sender;
mod undelivered;
mod url;
mod user;

pub use phone_auth_signals::*;

pub use crate::account_change::AccountChange;
pub use crate::address_kind::AddressKind;
pub use crate::carries::{Carries, CarriesTo, NotCarried};
pub use crate::channel::Channel;
pub use crate::closing::*;
pub use crate::delivery::*;
pub use crate::durable_signal::DurableSignal;
pub use crate::envelope::Envelope;
pub use crate::event_client::{EventClient, Happened};
pub use crate::happened::*;
pub use crate::limit::Limit;
pub use crate::link::Link;
pub use crate::links::*;
pub use crate::message::{Destination, EmailMessage, Message, PhoneMessage};
pub use crate::message_refusal::MessageRefusal;
pub use crate::message_signal::MessageSignal;
pub use crate::one_time_code::OneTimeCode;
pub use crate::purpose::Purpose;
pub use crate::sender::Sender;
pub use crate::undelivered::{Retry, Undelivered};
pub use crate::url::{RelativeUrl, SiteOrigin, UrlError, UrlErrorKind};
pub use crate::user::User;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
