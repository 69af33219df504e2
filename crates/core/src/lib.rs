//! Accounts without the web.
//!
//! People, their addresses, passwords and sessions, and the flows between them: sign up, log in and
//! out, reset and change a password, add and verify an address. The flows are methods of one value,
//! `Accounts`, over small ports: a [store], a clock, a password hasher, a source of randomness.
//!
//! What is not here: SQL, HTTP, the environment, and words for people. A store is another crate,
//! status codes and sentences are the web's.
//!
//! [store]: store

pub mod accounts;
pub mod address;
pub mod clock;
pub mod form;
pub mod password;
pub mod person;
pub mod randomness;
pub mod session;
pub mod settings;
pub mod store;
pub mod username;
