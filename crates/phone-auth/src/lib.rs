//! Accounts by phone number, email address or username: sign-up, log-in, verification, reset and change of passwords,
//! as pages on axum, as functions without the web, and as signals that any crate of a program can receive.
//!
//! This is the crate that most applications add. It puts the parts together, [`PhoneAuth`], and names them: [`core`]
//! has the flows, [`signals`] tells what happens and asks for messages to be sent, [`tokens`] makes links good for one
//! use, [`urls`] names the pages, [`web`] shows them, [`sqlite`] keeps what must last. Each is a crate that can be used
//! alone. What is not here: anything of its own beyond putting together.
//!
//! # A first program
//! A site with own routes, an own mailer and a page for members only, in `examples/embed.rs`. It needs a database, a
//! secret key and someone who sends messages; anyone who signs up at `/accounts/signup/` goes from there to the club:
//! ```no_run,standalone_crate
#![doc = include_str!("../examples/embed.rs")]
//! ```
//! Three values are needed by type, the [`SiteOrigin`], the [`SecretKey`] and the [`Database`]; whatever else there is
//! to say goes to the builder of the crate that it is about, which [`PhoneAuthBuilder`] hands out:
//!
//! | to say | method | builder |
//! |---|---|---|
//! | settings, hasher, clock | [`accounts`](PhoneAuthBuilder::accounts) |
//! [`AccountsBuilder`](crate::core::accounts::AccountsBuilder) |
//! | state of receivers, which of them are disabled | [`receivers`](PhoneAuthBuilder::receivers) |
//! [`SignalsBuilder`](signals::SignalsBuilder) |
//! | templates, cookies, trusted origins, content policy | [`web`](PhoneAuthBuilder::web) |
//! [`WebBuilder`](web::WebBuilder) |
//! | how pending messages are delivered | [`worker`](PhoneAuthBuilder::worker) |
//! [`WorkerOptions`](crate::core::outbox::WorkerOptions) |
//!
//! And [`mount`](PhoneAuthBuilder::mount) says where the pages are, if not at `/accounts/`.
//!
//! What could not work is refused by [`build`](PhoneAuthBuilder::build), with a sentence that says what to write.
//!
//! # Two ways of use
//! **By receivers.** A function with `#[receiver(…)]`, in any crate that is linked, is called when its signal is sent:
//! there is no list of receivers to keep. Add this crate, build, merge [`PhoneAuth::router`], and write receivers for
//! what your application wants to know: a greeting at `user_signed_up`, a counter at `user_login_failed`.
//!
//! **À la carte.** Every flow is a method of [`Accounts`], with typed problems in place of pages, over any store; so
//! there may be pages of your own, a command line, or no receivers at all:
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("app.sqlite3");
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//!
//! use phone_auth::core::accounts::SignUpForm;
//! use phone_auth::core::password::Password;
//! use phone_auth::sqlite::{SqliteOptions, SqliteStore};
//! use phone_auth::tokens::Keyring;
//! use phone_auth::{Accounts, SecretKey, Signals};
//!
//! let store = SqliteStore::open_and_migrate(path, SqliteOptions::default())?;
//! let accounts = Accounts::builder(Arc::new(store), Keyring::new(SecretKey::generate()?))
//!     .signals(Signals::isolated())
//!     .build()?;
//! let password = Password::new("plum-Orchard-7");
//! let form = SignUpForm {
//!     first_name: "Ann",
//!     last_name: "Lee",
//!     username: "ann",
//!     email: "ann@example.org",
//!     phone: "+91 98765 43210",
//!     password: password.clone(),
//!     confirm_password: Some(password.clone()),
//! };
//! accounts.sign_up(form).await?;
//!
//! // By phone, by email or by username: one flow.
//! let logged_in = accounts.log_in("+919876543210", &password, None).await?;
//! assert_eq!(logged_in.user.username, "ann");
//! assert!(accounts.log_in("ann", &Password::new("wrong"), None).await.is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })
//! # }
//! ```
//!
//! # Sending messages
//! Four signals ask for a message: `verify_email`, `verify_phone`, `reset_password_email`, `reset_password_phone`; where
//! users may log in by code, also `login_email` and `login_phone`.
//! Anyone who receives one sends it. Ready receivers come with features: mail (`smtp`), text messages (`sms-gateway`),
//! another service (`webhook`, `nats`), one's own machine (`development`). A receiver of your own takes the message and
//! state that was provided, and says when a failure is for good:
//! ```standalone_crate
//! use phone_auth::signals::{Message, Retry, SiteOrigin, Undelivered};
//! use phone_auth::signals::{receiver, reset_password_email, verify_email};
//!
//! struct Mailer;
//!
//! impl Mailer {
//!     async fn send(&self, to: &str, text: String, unique: Option<&str>) -> Result<(), std::io::Error> {
//!         # let _ = (to, text, unique);
//!         Ok(())
//!     }
//! }
//!
//! #[receiver(verify_email, reset_password_email)]
//! async fn send(message: &dyn Message, mailer: &Mailer, site: &SiteOrigin) -> Result<(), Undelivered> {
//!     let to = message.destination().as_str();
//!     if to.ends_with("@example.com") {
//!         return Err(Undelivered::new(Retry::Never, "no mail leaves for this domain"));
//!     }
//!     let text = format!("Follow this link: {}", message.url().absolute(site));
//!     // The same for each attempt, so that the mail server can drop a repeat.
//!     let unique = message.envelope().idempotency_key.as_deref();
//!     let sent = mailer.send(to, text, unique).await;
//!     sent.map_err(|_| Undelivered::new(Retry::Later, "the mail server is not available"))
//! }
//! # fn main() {}
//! ```
//! Provide the state by `.receivers(|receivers| receivers.provide(mailer))`. A flow never waits for a receiver: the
//! message is one row of the database, committed with the flow, and a worker in this process delivers it, tries again
//! later and later until the link expires, and keeps what failed for the operator. A message that nobody receives is
//! refused when the builder builds, unless [`allow_unreceived`](PhoneAuthBuilder::allow_unreceived) says that this is
//! meant.
//!
//! # Guards on your own routes
//! Extractors tell a handler who is logged in; layers guard whole routers:
//! ```
//! use axum::{Router, routing::get};
//! use phone_auth::PhoneAuth;
//! use phone_auth::web::{LoggedIn, VerifiedPhone};
//!
//! async fn hello(LoggedIn(current_user): LoggedIn) -> String {
//!     format!("Hello {}", current_user.user().first_name)
//! }
//!
//! async fn orders(_: VerifiedPhone) -> &'static str {
//!     "for users with a verified phone number"
//! }
//!
//! fn app(auth: &PhoneAuth) -> Router {
//!     let staff = Router::new().route("/staff/", get("all of it")).layer(auth.web().login_required());
//!     Router::new()
//!         .route("/hello/", get(hello))
//!         .route("/orders/", get(orders))
//!         .with_state(auth.web().clone())
//!         .merge(staff)
//!         .merge(auth.router())
//!         .layer(auth.web().layer())
//! }
//! ```
//! The layer around all keeps answers about users out of caches that others share. A user who may not see a page is sent to the one where that can be changed, and comes back from there.
//!
//! # Your own templates
//! The templates are compiled in. One of yours replaces the one of its name, from a folder or from the program:
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let site = phone_auth::SiteOrigin::parse("https://example.org")?;
//! # let (key, store) = (phone_auth::SecretKey::generate()?, phone_auth_store_testkit::MemoryStore::new());
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use phone_auth::{BuildErrorKind, PhoneAuth};
//!
//! let builder = PhoneAuth::builder(site, key, store)
//!     .web(|web| web.site_name("Tea house"))
//!     .web(|web| web.template("phone_auth/logout.html", "{% block %}"));
//! # use phone_auth::signals::{ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone};
//! # let builder = builder.allow_unreceived::<VerifyEmail>().allow_unreceived::<VerifyPhone>()
//! #     .allow_unreceived::<ResetPasswordEmail>().allow_unreceived::<ResetPasswordPhone>();
//!
//! // A mistake in one stops the start, not a page.
//! let refused = builder.build().await.unwrap_err();
//! assert_eq!(refused.kind(), BuildErrorKind::Web);
//! # });
//! # Ok(())
//! # }
//! ```
//!
//! # Testing
//! The crate `phone-auth-testkit` has a site in memory, a browser, users, the messages that were sent and a cheap hasher;
//! let the function of yours that says what accounts are like take a [`PhoneAuthBuilder`], and hand it the one of the test.
//!
//! By hand, a dispatcher is a value, so each test has its own, with no receiver but those that it connects. A capture keeps what
//! was sent, typed; a clock that is set and randomness that repeats are in [`core`]:
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let name = format!("sqlite:{}", folder.path().join("app.sqlite3").display());
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use phone_auth::core::accounts::SignUpForm;
//! use phone_auth::core::password::Password;
//! use phone_auth::signals::{ResetPasswordEmail, ResetPasswordPhone, VerifyEmail, VerifyPhone};
//! use phone_auth::{Database, PhoneAuth, SecretKey, Signals, SiteOrigin};
//!
//! let dispatcher = Signals::isolated();
//! let mut resets = dispatcher.capture::<ResetPasswordEmail>();
//! let site = SiteOrigin::parse("https://example.org")?;
//! let auth = PhoneAuth::builder(site, SecretKey::generate()?, Database::open(&name).await?)
//!     .signals(dispatcher)
//!     .allow_unreceived::<ResetPasswordPhone>()
//!     .allow_unreceived::<VerifyEmail>()
//!     .allow_unreceived::<VerifyPhone>()
//!     .build()
//!     .await?;
//! # let password = Password::new("plum-Orchard-7");
//! # let ann = SignUpForm {
//! #     first_name: "Ann",
//! #     last_name: "Lee",
//! #     username: "ann",
//! #     email: "ann@example.org",
//! #     phone: "+91 98765 43210",
//! #     password: password.clone(),
//! #     confirm_password: Some(password),
//! # };
//! auth.accounts().sign_up(ann).await?;
//! auth.accounts().request_password_reset("ann@example.org").await?;
//!
//! let message = resets.next().await.expect("the dispatcher is there");
//! assert_eq!(message.email, "ann@example.org");
//! assert!(message.url.absolute(auth.site()).starts_with("https://example.org/accounts/"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })
//! # }
//! ```
//!
//! # Stopping
//! When the process is asked to stop, [`PhoneAuth::finish`] lets the worker begin no further message, and waits for the
//! requests under way and the receivers at work, until a deadline. What is pending then is delivered after the next start.
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
//! - `smtp`, `sms-gateway`, `webhook`, `nats`: receivers that send messages by email, by text message, or by
//!   way of another service.
//!
//! # Where to read on
//! [`PhoneAuthBuilder`], for what can be said; [`core`], for the flows and their errors; [`signals`], for receivers and
//! what each signal carries; [`web`], for the pages and guards. The guide of the project, `docs/guide`, tells of
//! applications, testing, production, delivery, receivers, other stores and moving from Django; `SECURITY.md` of what attackers were thought of.

mod build_error;
mod builder;
mod database;
mod missing_features;
#[cfg(feature = "delivery")]
mod ready;
mod receivers;
mod stop;
mod worker;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use build_error::{BuildError, BuildErrorKind};
pub use builder::PhoneAuthBuilder;
pub use database::Database;
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

/// Names a module for the compiler only. It never is there; but of a module whose first condition fails the compiler says
/// which feature that asks for, and of a `pub use` that is configured out it says nothing.
macro_rules! say_feature {
    ($($feature:literal $name:ident,)+) => {$(
        #[cfg(feature = $feature)]
        #[cfg(not(feature = $feature))]
        pub mod $name {}
    )+};
}

say_feature! {
    "delivery" delivery,
    "django" django,
    "postgres" postgres,
    "sqlite" sqlite,
    "web" web,
}

/// The dispatcher, the signals of accounts and those of tokens.
pub mod signals {
    pub use phone_auth_events::*;
    pub use phone_auth_tokens::{TokenIssued, TokenRefused, token_issued, token_refused};
}

pub use core::accounts::Accounts;
pub use core::settings::Settings;
pub use signals::{Signals, SiteOrigin};
pub use stop::stop_requested;
pub use tokens::{Keyring, SecretKey};

/// Accounts, put together: the flows over a store, told to receivers, shown on pages.
///
/// Cheap to clone; clones share everything.
///
/// # Examples
/// See the [page of the crate](crate).
#[derive(Clone)]
pub struct PhoneAuth {
    #[cfg(feature = "web")]
    web: web::Web,
    accounts: Accounts,
    site: SiteOrigin,
    worker: Option<Arc<worker::RunningWorker>>,
}

impl PhoneAuth {
    /// Begins to put accounts together, with what no site can do without:
    ///
    /// - the origin of the site, which every link that is sent begins with;
    /// - the secret that links are signed with. Keep it: with another one, links sent before are void. The database
    ///   keeps a fingerprint of it, so that a process with another one is refused: its links would not work anywhere
    ///   else. To change keys, give a [`Keyring`] of the new one with the old one as a fallback, at one process after
    ///   the other, and leave the old one out when the links made with it have run out;
    /// - the store that keeps the accounts: a [`Database`], or what becomes one.
    ///
    /// # Examples
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use phone_auth_store_testkit::MemoryStore;
    /// # let (old, new, store) = (phone_auth::SecretKey::generate()?, phone_auth::SecretKey::generate()?, MemoryStore::new());
    /// use phone_auth::{Keyring, PhoneAuth, SiteOrigin};
    ///
    /// let site = SiteOrigin::parse("https://example.org")?;
    /// let keys = Keyring::new(new).with_fallback(old);
    /// let builder = PhoneAuth::builder(site, keys, store);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(
        site: SiteOrigin,
        key: impl Into<Keyring>,
        store: impl Into<Database>,
    ) -> PhoneAuthBuilder {
        PhoneAuthBuilder::new(site, key.into(), store.into())
    }

    /// The flows.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The dispatcher that the flows tell what happens.
    pub fn signals(&self) -> &Signals {
        self.accounts.signals()
    }

    /// The origin that links begin with.
    pub fn site(&self) -> &SiteOrigin {
        &self.site
    }

    /// Lets requests and messages under way finish side by side, when the process is asked to stop: claims no further
    /// message, waits for the server, and then for the receivers at work, all within one patience. A client that sends half a
    /// request, or does not read its answer, can keep a server waiting for ever: it does not keep the process. Gives what the
    /// server gave, as the error that ended it, and [whether all had finished](Finished::is_whole): what had not goes on for as
    /// long as the runtime does. What is still pending is delivered by another worker or after the next start.
    ///
    /// A runtime that is dropped waits for what holds its threads, as a receiver that is not `async` and waits for a server that
    /// does not answer. Where there are such, end it by `Runtime::shutdown_timeout`, as the guide's chapter on production does.
    ///
    /// # Cancel safety
    /// No further message is claimed from the first poll on. Dropping it drops the server, and only stops the waiting for the rest.
    ///
    /// # Examples
    /// ```
    /// # use std::{error::Error, time::Duration};
    /// # async fn serve(auth: phone_auth::PhoneAuth, app: axum::Router) -> Result<(), Box<dyn Error>> {
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    /// let server = tokio::spawn(server.into_future());
    /// phone_auth::stop_requested()?.await;
    /// drop(stop);
    /// if let Some(served) = auth.finish(server, Duration::from_secs(20)).await.server {
    ///     served??; // The task, then the server.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn finish<S: Future>(&self, server: S, patience: Duration) -> Finished<S::Output> {
        let begun = tokio::time::Instant::now();
        self.stop_claiming();
        let server = tokio::time::timeout(patience, server).await.ok();
        let left = patience.saturating_sub(begun.elapsed());
        let receivers = self.shut_down(left).await;
        Finished { server, receivers }
    }

    /// Has the worker claim no further message, without waiting for those it delivers. Call it when the process is
    /// asked to stop, before the requests under way are waited for: then both finish side by side, and a client that
    /// keeps the server waiting leaves no message half sent. [`shut_down`](Self::shut_down) waits for the rest, and
    /// [`finish`](Self::finish) does all of it.
    ///
    /// # Examples
    /// ```
    /// # use std::time::Duration;
    /// # async fn stop(auth: phone_auth::PhoneAuth, server: impl Future<Output = ()>) {
    /// auth.stop_claiming();
    /// // The requests under way, and no longer than a deadline.
    /// drop(tokio::time::timeout(Duration::from_secs(20), server).await);
    /// auth.shut_down(Duration::from_secs(20)).await;
    /// # }
    /// ```
    pub fn stop_claiming(&self) {
        if let Some(worker) = &self.worker {
            worker.stop_claiming();
        }
    }

    /// Ends what runs in the background, when no request is served any more, or none is to be waited for: claims nothing from here on, and lets
    /// receivers at work finish, at most so long. `false` when some had not finished: they go on for as long as the
    /// runtime does. What is still pending is delivered by another worker or after the next start.
    ///
    /// # Cancel safety
    /// Dropping it only stops the waiting; anyone who calls it again waits again.
    pub async fn shut_down(&self, patience: Duration) -> bool {
        let begun = tokio::time::Instant::now();
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

/// What had finished when [`PhoneAuth::finish`] stopped waiting.
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "the server may have ended by an error"]
pub struct Finished<T> {
    /// What the server gave; none where it had not ended.
    pub server: Option<T>,
    /// Whether all receivers that were at work had.
    pub receivers: bool,
}

impl<T> Finished<T> {
    /// Whether the server and all receivers had.
    pub const fn is_whole(&self) -> bool {
        self.server.is_some() && self.receivers
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
