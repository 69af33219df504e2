//! The store of phone-auth on PostgreSQL.
//!
//! [`PostgresStore`] fills the store port of `phone-auth-core` from a database that any number of
//! processes share. A call is one statement, and so one round trip to the server, wherever one
//! statement can tell the whole truth; what takes a name or ends all sessions of a user takes a lock
//! first.
//!
//! The tables of users and addresses are those that django-phone-auth has, to the column; tables of
//! our own are prefixed `phone_auth_`. [`PostgresStore::migrate`] makes what is missing and touches no
//! row.
//!
//! # Durability
//! What was acknowledged is committed. Whether a commit survives the loss of power is the server's to
//! promise (`synchronous_commit`, `fsync`), whether it survives the loss of the server its standby's.
//! If the connection is lost while the server commits, the call is answered as unavailable though it
//! may have happened: anyone who asks again learns how it is.
//!
//! # Examples
//! ```
//! use phone_auth_core::store::UserStore;
//! use phone_auth_store_postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = PostgresOptions::default();
//! let refused = PostgresStore::connect("postgres://db.example.org/site", options).await;
//! assert_eq!(refused.unwrap_err().kind(), OpenErrorKind::Url); // it names no user
//! # Ok(()) }
//! ```

mod address_changes;
mod addresses;
mod anomalies;
mod cause;
mod challenges;
mod claim_proofs;
mod claims;
mod closing;
mod closing_schedule;
mod django_sessions;
mod failure;
mod gates;
mod indexes;
mod limits;
mod links;
mod locks;
mod made;
mod migrate_error;
mod migrations;
mod open_error;
mod options;
mod outbox;
mod password_kinds;
mod passwords;
mod pem_file;
#[cfg(test)]
mod plans;
mod pool;
mod proofs;
mod replacements;
mod rights;
mod rows;
mod server_url;
mod sessions;
mod site_key;
mod spellings;
mod steps;
mod store;
mod taken;
mod users;
mod verification;

pub use indexes::LOST_INDEXES;
pub use migrate_error::{MigrateError, MigrateErrorKind};
pub use open_error::{OpenError, OpenErrorKind};
pub use options::PostgresOptions;
pub use rights::MissingRight;
pub use store::PostgresStore;

/// The driver, in the version that this store was built with: for tables of your own in the same database, by a pool of
/// your own. Its features are those that this store needs; ask for others in your own `Cargo.toml`.
///
/// # Examples
/// ```
/// use phone_auth_store_postgres::sqlx::PgPool;
///
/// async fn add(pool: &PgPool, name: &str) -> Result<(), phone_auth_store_postgres::sqlx::Error> {
///     let statement = phone_auth_store_postgres::sqlx::query("INSERT INTO tea (name) VALUES ($1)");
///     statement.bind(name).execute(pool).await?;
///     Ok(())
/// }
/// ```
pub use sqlx;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
