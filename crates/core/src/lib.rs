//! Accounts without the web.
//!
//! Users, their addresses, passwords and sessions, and the flows between them: sign up, log in and
//! out, reset and change a password, add and verify an address. The flows are methods of one value,
//! [`Accounts`](accounts::Accounts), over small ports: a [store], a [clock], a
//! [password hasher](password::PasswordHasher), a source of [randomness]. What happens is told to the
//! signals of `phone-auth-events` after the store has committed; the flows themselves send no message.
//!
//! | module | holds |
//! |---|---|
//! | [`accounts`] | the flows, one file each, and their errors |
//! | [`form`] | what can be wrong with a form, as fields and problems |
//! | [`settings`] | what an operator may choose |
//! | [`client`] | who sends a request, as far as that is known |
//! | [`address`], [`username`], [`password`] | types that cannot hold nonsense, and how they are read |
//! | [`user`], [`session`] | what is stored, and what a store is asked |
//! | [`outbox`], [`link`], [`language`] | messages that are pending, the links in them, and the language they are written in |
//! | [`store`], [`clock`], [`randomness`] | the ports |
//!
//! [`signals`], [`tokens`] and [`urls`] are the crates that the flows speak with, named here so that a program with this
//! crate needs no other but a store.
//!
//! # A walk through the flows
//! A user signs up, logs in by phone, and follows the link that shows that the number is theirs. The store is the one in
//! memory; with another only one line differs:
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//!
//! use phone_auth_core::accounts::{Accounts, SignUpForm};
//! use phone_auth_core::address::AddressKind;
//! use phone_auth_core::password::Password;
//! use phone_auth_core::signals::{Signals, VerifyPhone};
//! use phone_auth_core::tokens::{Keyring, SecretKey};
//! use phone_auth_store_testkit::MemoryStore;
//!
//! let signals = Signals::isolated();
//! let mut texts = signals.capture::<VerifyPhone>();
//! let store = Arc::new(MemoryStore::new());
//! let accounts = Accounts::builder(store, Keyring::new(SecretKey::generate()?))
//!     .signals(signals)
//!     .build()?;
//!
//! let password = Password::new("plum-Orchard-7");
//! let form = SignUpForm {
//!     first_name: "Ann",
//!     last_name: "Lee",
//!     username: "ann",
//!     email: "Ann@Example.org",
//!     phone: "+91 98765 43210",
//!     password: password.clone(),
//!     confirm_password: Some(password.clone()),
//! };
//! accounts.sign_up(form).await?;
//! let logged_in = accounts.log_in("+919876543210", &password, None).await?;
//!
//! let current_user = accounts.current_user(&logged_in.key).await?.expect("the session has just begun");
//! let addresses = accounts.addresses(&current_user).await?;
//! let phone = addresses.iter().find(|address| address.kind == AddressKind::Phone);
//! let phone = phone.expect("it was given");
//! accounts.request_verification(&current_user, phone.kind, phone.id).await?;
//!
//! // What a receiver sends: a link that ends with the address and the token.
//! let text = texts.next().await.expect("the dispatcher is there");
//! let link = text.link();
//! let _ = accounts.verify_address(link.id, link.token).await?;
//! let current_user = accounts.current_user(&logged_in.key).await?.expect("the session goes on");
//! assert!(current_user.has_verified_phone());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Refused or failed
//! A flow that does not come to its end was [refused](accounts::FlowError::Refused), for one of the reasons that this flow
//! has, or it [failed](accounts::FlowError::Failed), for want of the store, the hasher or randomness. Both are values to
//! match, and hold nothing that was typed. What is wrong with a form comes as [fields and problems](form), all at once.
//! Wrong password, unknown name and disabled user are one refusal, after the same work.
//!
//! # Messages
//! A flow that needs a message sent asks for it by one of eight signals. With an [outbox](accounts::AccountsBuilder::outbox)
//! the message is one row, committed with the flow; an [`OutboxWorker`](outbox::OutboxWorker), in this process or
//! another, makes the link and calls the receivers until each has succeeded or the link expires:
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//!
//! use phone_auth_core::accounts::Accounts;
//! use phone_auth_core::outbox::WorkerOptions;
//! use phone_auth_core::tokens::{Keyring, SecretKey};
//! use phone_auth_store_testkit::MemoryStore;
//!
//! let store = Arc::new(MemoryStore::new());
//! let accounts = Accounts::builder(store.clone(), Keyring::new(SecretKey::generate()?))
//!     .outbox(store)
//!     .build()?;
//! let outbox = accounts.outbox().expect("it was given");
//! let worker = outbox.worker(WorkerOptions::default());
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let work = tokio::spawn(async move { worker.run(async { drop(stopped.await) }).await });
//! // Flows run here; when the process ends:
//! drop(stop);
//! work.await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Testing
//! Time, randomness and the store are ports. A [`ManualClock`](clock::ManualClock) is set by the test, a
//! [`RepeatableRandomness`](randomness::RepeatableRandomness) gives the same bytes each time, and the store in memory of
//! `phone-auth-store-testkit` can be told to fail. So whatever a test is about happens without waiting:
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use phone_auth_core::accounts::Accounts;
//! use phone_auth_core::clock::ManualClock;
//! use phone_auth_core::password::Password;
//! use phone_auth_core::signals::Signals;
//! use phone_auth_core::tokens::{Keyring, SecretKey};
//! use phone_auth_store_testkit::MemoryStore;
//! # use phone_auth_core::accounts::SignUpForm;
//!
//! let clock = ManualClock::starting_now();
//! let accounts = Accounts::builder(Arc::new(MemoryStore::new()), Keyring::new(SecretKey::generate()?))
//!     .signals(Signals::isolated())
//!     .clock(clock.clone())
//!     .build()?;
//! # let password = Password::new("plum-Orchard-7");
//! # let ann = SignUpForm {
//! #     first_name: "Ann",
//! #     last_name: "Lee",
//! #     username: "ann",
//! #     email: "ann@example.org",
//! #     phone: "+91 98765 43210",
//! #     password: password.clone(),
//! #     confirm_password: Some(password.clone()),
//! # };
//! accounts.sign_up(ann).await?;
//! let session = accounts.log_in("ann", &password, None).await?.key;
//!
//! assert!(accounts.current_user(&session).await?.is_some());
//! clock.advance(Duration::from_hours(15 * 24));
//! assert!(accounts.current_user(&session).await?.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read on
//! [`Accounts`](accounts::Accounts), for the flows; [`AccountsBuilder`](accounts::AccountsBuilder), for what can be said;
//! [`store`], for what a database must promise; `phone-auth`, for all of it in one builder; `SECURITY.md`, for what
//! attackers were thought of.
//!
//! What is not here: SQL, HTTP, the environment, and words for users. A store is another crate,
//! status codes and sentences are the web's.

// The README's example is a test like any other.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use phone_auth_events as signals;
pub use phone_auth_tokens as tokens;
pub use phone_auth_urls as urls;

pub mod accounts;
pub mod address;
pub mod challenge;
mod characters;
pub mod client;
pub mod clock;
mod current_user;
pub mod django_session;
mod flow_error;
pub mod foreign_tokens;
pub mod form;
pub mod gate;
pub mod language;
mod limit_sweep;
pub mod limits;
pub mod link;
pub mod outbox;
pub mod password;
pub mod randomness;
pub mod session;
mod session_sweep;
pub mod sessions;
pub mod settings;
pub mod site_key;
pub mod store;
mod typed_names;
pub mod user;
mod user_id;
pub mod username;
