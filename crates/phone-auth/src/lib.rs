//! Accounts by phone number, e-mail address or username, with signals that the linker registers.
//!
//! This is the crate that most applications add. It puts the parts together, [`PhoneAuth`], and names
//! them: [`core`] has the flows, [`signals`] tells what happens and asks for messages to be sent,
//! [`tokens`] makes the links good for one use, [`urls`] names the pages, [`web`] shows them. Each is
//! a crate that can be used alone.
//!
//! What is not here: anything of its own beyond putting together.
//!
//! # Examples
//! The application of the project's README, in `examples/embed.rs`:
//! ```no_run,standalone_crate
#![doc = include_str!("../examples/embed.rs")]
//! ```
//!
//! # Logs
//! All crates write to `tracing`, a line for each event: also for a refused form or a full outbox, which strangers can
//! cause without end. The `phone-auth` program writes one warning or error of a kind a minute and counts the others. In
//! your own program your subscriber decides; see to it that it does not fill the disk.
//!
//! # Features
//! - `web` (default): the pages, sessions and guards on axum.
//! - `sqlite` (default): the embedded database.
//! - `postgres`: a database on a server, which several servers of the site share.
//! - `django`: what serves a database of django-phone-auth: its hashes, links and sessions.
//! - `development`: receivers for one's own machine, which print messages and keep them in a mailbox.
//! - `smtp`, `sms-gateway`, `webhook`, `nats`: receivers that send messages by e-mail, by text message, or by
//!   way of another service.

mod build_error;
mod builder;
mod database;
#[cfg(feature = "web")]
mod pages;
#[cfg(feature = "delivery")]
mod ready;
mod reception;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use build_error::{BuildError, BuildErrorKind};
pub use builder::PhoneAuthBuilder;
pub use phone_auth_core as core;
#[cfg(feature = "delivery")]
pub use phone_auth_delivery as delivery;
#[cfg(feature = "django")]
pub use phone_auth_django as django;
#[cfg(feature = "postgres")]
pub use phone_auth_store_postgres as postgres;
#[cfg(feature = "sqlite")]
pub use phone_auth_store_sqlite as sqlite;
pub use phone_auth_tokens as tokens;
pub use phone_auth_urls as urls;
#[cfg(feature = "web")]
pub use phone_auth_web as web;

/// The dispatcher, the signals of accounts and those of tokens.
pub mod signals {
    pub use phone_auth_events::*;
    pub use phone_auth_tokens::{TokenIssued, TokenRefused, token_issued, token_refused};
}

pub use core::accounts::Accounts;
pub use core::settings::Settings;
pub use signals::{Signals, SiteOrigin};
pub use tokens::SecretKey;

/// Accounts, put together: the flows over a store, told to receivers, shown on pages.
///
/// Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct PhoneAuth {
    #[cfg(feature = "web")]
    web: web::Web,
    accounts: Accounts,
    site: SiteOrigin,
    worker: Option<Arc<worker::RunningWorker>>,
}

impl PhoneAuth {
    /// Begins to put accounts together.
    pub fn builder() -> PhoneAuthBuilder {
        PhoneAuthBuilder::new()
    }

    /// The flows.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The hub that the flows tell what happens.
    pub fn signals(&self) -> &Signals {
        self.accounts.signals()
    }

    /// The origin that links begin with.
    pub fn site(&self) -> &SiteOrigin {
        &self.site
    }

    /// Has the worker claim no further message, without waiting for those it delivers. Call it when the process is asked to
    /// stop, before the requests under way are waited for: then both finish side by side, and a client that keeps the
    /// server waiting leaves no message half sent. [`shut_down`](Self::shut_down) waits for the rest.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # async fn stop(auth: phone_auth::PhoneAuth, server: impl Future<Output = ()>) {
    /// auth.stop_claiming();
    /// server.await; // the requests under way
    /// auth.shut_down(Duration::from_secs(20)).await;
    /// # }
    /// ```
    pub fn stop_claiming(&self) {
        if let Some(worker) = &self.worker {
            worker.stop_claiming();
        }
    }

    /// Ends what runs in the background, when no request is served any more: claims nothing from here on, and lets
    /// receivers at work finish, at most so long. `false` when some had not finished: they go on for as long as the runtime
    /// does. What is still pending is delivered by another worker or after the next start.
    ///
    /// # Cancel safety
    /// Dropping it only stops the waiting; whoever calls it again waits again.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        let begun = std::time::Instant::now();
        let has_stopped = match &self.worker {
            Some(worker) => worker.stop(patience).await,
            None => true,
        };
        let left = patience.saturating_sub(begun.elapsed());
        self.accounts.drain(left).await && has_stopped
    }

    /// The account pages at their full paths, for [`Router::merge`](axum::Router::merge).
    #[cfg(feature = "web")]
    pub fn router(&self) -> axum::Router {
        self.web.router()
    }

    /// The pages, guards and extractors; the state that the extractors look for.
    #[cfg(feature = "web")]
    pub fn web(&self) -> &web::Web {
        &self.web
    }
}

impl fmt::Debug for PhoneAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PhoneAuth")
            .field("accounts", &self.accounts)
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// The examples of the README are tests.
#[cfg(all(doctest, feature = "web", feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;
