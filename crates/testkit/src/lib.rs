//! For tests of applications: a site in memory, a browser with cookies, users who are there already, the messages that
//! were sent, and a hasher that costs nothing.
//!
//! The application is tested as it is: its own function that says what its accounts are like is handed a
//! [`PhoneAuthBuilder`](phone_auth::PhoneAuthBuilder) of the test, and the router that it makes is asked without a
//! network. Each test has a site of its own, so tests run side by side.
//!
//! # Examples
//! ```
//! use axum::{Router, routing::get};
//! use phone_auth::{BuildError, PhoneAuth, PhoneAuthBuilder, web};
//! use phone_auth_testkit::{MemoryStore, TestSite};
//!
//! // What the application's own `main` calls too.
//! async fn tea_house(builder: PhoneAuthBuilder) -> Result<(PhoneAuth, Router), BuildError> {
//!     let auth = builder.web(|web| web.site_name("Tea house")).build().await?;
//!     let club = get(async |web::VerifiedEmail(who): web::VerifiedEmail| format!("Tea for {}", who.user().username));
//!     let app = Router::new().route("/club/", club.with_state(auth.web().clone())).merge(auth.router());
//!     Ok((auth, app))
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let site = TestSite::start(MemoryStore::new(), tea_house).await?;
//! let stranger = site.browser().get("/club/").await;
//! assert_eq!(stranger.path, "/accounts/login/?next=/club/");
//!
//! let mut ann = site.user("ann").verified().signed_in().await;
//! assert_eq!(ann.get("/club/").await.body, "Tea for ann");
//!
//! let forgotten = site.browser().get("/accounts/password_reset/").await;
//! site.browser().press(&forgotten, "Continue", &[("login", "ann@example.org")]).await;
//! let mail = site.mail_to("ann@example.org").await;
//! assert!(mail.link.starts_with("/accounts/password_reset_confirm/"));
//! # Ok::<(), BuildError>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Panics
//! What a test asks for and is not there ends the test, with a sentence that says what there is.
//!
//! # What is not here
//! No network, no browser that runs scripts, and no store but the one of `phone-auth-store-testkit`: a test that needs
//! SQL opens a [`Database`](phone_auth::Database) and hands it to [`TestSite::start`].
#![expect(
    clippy::panic,
    reason = "a test that asks for what is not there ends here, with a sentence"
)]

mod browser;
mod form;
mod hasher;
mod mail;
mod page;
mod site;
mod tag;
mod user;

pub use crate::browser::TestBrowser;
pub use crate::hasher::CheapHasher;
pub use crate::mail::Mail;
pub use crate::page::TestPage;
pub use crate::site::TestSite;
pub use crate::user::{PASSWORD, TestUser};
pub use phone_auth_store_testkit::MemoryStore;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
