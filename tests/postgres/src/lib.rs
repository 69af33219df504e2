//! PostgreSQL for tests, by the programs that come with it.
//!
//! A [`Server`] of its own for who must stop it, a [`Database`] of its own for everybody else. Nothing
//! here knows the product.

mod binaries;
mod database;
mod error;
mod server;

pub use binaries::{Binaries, as_server_user};
pub use database::{Database, run_at};
pub use error::PostgresError;
pub use server::{Server, Stop};

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
