//! The formats of Django 5.2 and django-phone-auth 0.3, accepted while a site changes over.
//!
//! People hold links that the old site sent. [`DjangoTokens`] accepts those until a moment that the
//! operator names; [`DjangoKeys`] reads and writes sessions of Django's, and checks the hash that binds
//! them to a password. Nothing here makes a token: what is sent now comes from [`OneTimeTokens`](crate::OneTimeTokens).
//!
//! # Security
//!
//! The verification tokens can be forged. Their fields follow each other without a mark between them, so
//! that a token for one account and address is one for another account, time and address too. Refusing
//! times that are far from now closes all forgeries but those whose digits happen to fit. Keep the window
//! short: the longest that a link of the old site lives is three days.

mod calling_code;
mod keys;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod time_zone;
mod tokens;

pub use self::keys::{DjangoKeys, SessionAuthHash};
pub use self::session::SessionData;
pub use self::state::{DjangoAddress, ResetState, VerificationState};
pub use self::time_zone::{TimeZone, TimeZoneError};
pub use self::tokens::{DJANGO_LIFETIME, DjangoTokens, FUTURE_TOLERANCE};
