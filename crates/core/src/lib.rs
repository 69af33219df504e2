//! Accounts without the web.
//!
//! People, their addresses, passwords and sessions, and the flows between them: sign up, log in and
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
//! | [`person`], [`session`] | what is stored, and what a store is asked |
//! | [`outbox`], [`link`], [`language`] | messages that are pending, the links in them, and the language they are written in |
//! | [`store`], [`clock`], [`randomness`] | the ports |
//!
//! [`signals`], [`tokens`] and [`urls`] are the crates that the flows speak with, named here so that whoever has this
//! crate needs no other but a store.
//!
//! What is not here: SQL, HTTP, the environment, and words for people. A store is another crate,
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
pub mod client;
pub mod clock;
pub mod django_session;
mod flow_error;
pub mod foreign_tokens;
pub mod form;
pub mod language;
pub mod link;
pub mod outbox;
pub mod password;
pub mod person;
pub mod randomness;
pub mod session;
mod session_sweep;
pub mod sessions;
pub mod settings;
pub mod site_key;
pub mod store;
pub mod username;
