//! Ready receivers for the messages of phone-auth.
//!
//! A message is a link that somebody must get: to reset a password, to verify an e-mail address or a
//! phone number. Four signals ask for one, and whoever receives them delivers it. This crate holds
//! receivers that many would write alike; so far those of the development mode, under the feature
//! `development`.
//!
//! What is not here: flows and pages. A receiver learns of a message by its signal and nothing else.

#[cfg(feature = "development")]
pub mod development;

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "development"))]
#[doc = include_str!("../README.md")]
struct Readme;
