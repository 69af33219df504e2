//! Pages, sessions and guards of phone-auth on axum.
//!
//! [`Web`] puts the account pages in front of the flows of `phone-auth-core`. An application
//! merges [`Web::router`] into its own, and guards its pages with the extractors [`LoggedIn`],
//! [`VerifiedEmail`], [`VerifiedPhone`] and [`Anonymous`], or with layers of the same names.
//!
//! # Examples
//! ```
//! use std::sync::Arc;
//!
//! use axum::{Router, routing::get};
//! use phone_auth_core::accounts::Accounts;
//! use phone_auth_events::SiteOrigin;
//! use phone_auth_store_testkit::MemoryStore;
//! use phone_auth_tokens::{Keyring, SecretKey};
//! use phone_auth_web::{LoggedIn, Web};
//!
//! async fn hello(LoggedIn(current_user): LoggedIn) -> String {
//!     format!("Hello {}", current_user.user().first_name)
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keyring = Keyring::new(SecretKey::generate()?);
//! let accounts = Accounts::builder(Arc::new(MemoryStore::new()), keyring).build()?;
//! let web = Web::builder(accounts, SiteOrigin::parse("https://example.org")?).build()?;
//!
//! let app: Router = Router::new()
//!     .route("/hello/", get(hello))
//!     .route(
//!         "/members/",
//!         get(async || "for users with a verified phone").layer(web.verified_phone_required()),
//!     )
//!     .with_state(web.clone())
//!     .merge(web.router())
//!     .layer(web.layer());
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! An application with a state of its own keeps a [`Web`] in it and says where:
//! ```
//! use axum::extract::FromRef;
//! use phone_auth_web::Web;
//!
//! #[derive(Clone)]
//! struct App {
//!     web: Web,
//! }
//!
//! impl FromRef<App> for Web {
//!     fn from_ref(app: &App) -> Self {
//!         app.web.clone()
//!     }
//! }
//! ```
//! Without it the compiler says that `Web: FromRef<App>` is missing.
//!
//! # What is not here
//! No store, no rule about accounts, no sending of messages, no JavaScript. Where kinds of errors
//! become status codes and words is one module, `answer`; the words of fields are in `form::words`.

mod answer;
mod asked;
mod build_error;
mod client_address;
mod code;
mod cookie_options;
mod cookies;
mod csrf;
mod current_user_view;
mod form;
mod gate;
mod guard;
mod headers;
mod held_back;
mod language;
mod next;
mod notice;
mod offered;
mod opening;
mod overrides;
mod own_pages;
mod page;
mod pages;
mod redirect;
mod request_context;
mod request_log;
mod router;
mod session_change;
mod session_layer;
mod set_cookie;
pub mod site;
mod stylesheet;
mod template_note;
mod templates;
mod time_limit;
mod wait;
mod web;
mod written;

pub use crate::build_error::{WebBuildError, WebBuildErrorKind};
pub use crate::client_address::{ClientAddress, ClientAddressHeader, NetworkError, TrustedProxies};
pub use crate::cookie_options::CookieOptions;
pub use crate::csrf::{CsrfField, SameOrigin, SameOriginLayer};
pub use crate::form::{SubmittedForm, sentence};
pub use crate::guard::{
    Anonymous, GuardLayer, Guarded, LoggedIn, RecentlyProven, Refusal, VerifiedEmail, VerifiedPhone,
};
pub use crate::headers::{PageHeaders, PageHeadersLayer};
pub use crate::held_back::HeldBack;
pub use crate::page::Page;
pub use crate::redirect::append_slash;
pub use crate::request_context::RequestContext;
pub use crate::request_log::{RequestLog, RequestLogLayer};
pub use crate::session_change::SessionChange;
pub use crate::session_layer::{SessionLayer, WithSession};
pub use crate::template_note::TemplateNote;
pub use crate::time_limit::{TimeLimit, TimeLimitLayer};
pub use crate::web::{Web, WebBuilder};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
