//! Named routes: reverse a name to its path, resolve a path to its name, and links that are relative
//! until a site is named.
//!
//! ```
//! use phone_auth_urls::{AccountPage, AccountRoutes, SiteOrigin};
//!
//! let routes = AccountRoutes::new("/accounts/")?;
//! assert_eq!(routes.page(AccountPage::Signup), "/accounts/signup/");
//!
//! // What a link carries in the end comes from the configuration, never from the request's `Host`.
//! let url = routes.password_reset_confirm(1, "toxhc0-9a4f")?;
//! let site = SiteOrigin::parse("https://example.org")?;
//! assert_eq!(
//!     url.absolute(&site),
//!     "https://example.org/accounts/password_reset_confirm/MQ/toxhc0-9a4f/"
//! );
//!
//! // And back.
//! let resolved = routes.routes().resolve(url.as_str()).unwrap();
//! assert_eq!(AccountPage::from_name(resolved.name()), Some(AccountPage::PasswordResetConfirm));
//! assert_eq!(resolved.param("token").as_deref(), Some("toxhc0-9a4f"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`AccountRoutes`]: the pages of accounts, typed, and their links (feature `signals`).
//! - [`Routes`]: any set of named routes, for one's own pages beside them.
//! - [`id`]: row ids as they stand in links, one text for each.
//! - [`local_path`]: where to go after a log-in, and no further.
//! - [`RelativeUrl`] and [`SiteOrigin`]: what a signal carries, and what is put before it.
//!
//! # Features
//!
//! `signals` (default): [`AccountRoutes`] with the links that the signals of accounts carry, `link_followed`, the ids of
//! addresses, and [`UrlPath::absolute`]. Without it the crate needs nothing of ours.
//!
//! # What it does not do
//!
//! It handles no requests and renders nothing, and it has no idea whether a token is good.

#[cfg(feature = "signals")]
mod account_routes;
mod error;
pub mod id;
mod next;
mod page;
mod pattern;
mod percent;
mod routes;
mod url_path;

#[cfg(feature = "signals")]
pub use phone_auth_events::{AddressKind, RelativeUrl, SiteOrigin};

#[cfg(feature = "signals")]
pub use crate::account_routes::{AccountRoutes, SET_PASSWORD};
pub use crate::error::{ReverseError, ReverseErrorKind, RouteError, RouteErrorKind};
pub use crate::next::{MAX_NEXT_BYTES, local_path};
pub use crate::page::AccountPage;
pub use crate::routes::{Resolved, Routes, RoutesBuilder};
pub use crate::url_path::UrlPath;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
