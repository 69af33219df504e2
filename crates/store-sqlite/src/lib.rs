//! The store of phone-auth on SQLite, embedded.
//!
//! [`SqliteStore`] fills the store port of `phone-auth-core` from one file in WAL mode. Reads happen in
//! place, on the thread that asks, over a small pool of read-only connections. Writes go to one
//! thread, which commits the requests that wait together in one transaction, so that under load many
//! share one flush to the disk.
//!
//! The tables of users and addresses are those that django-phone-auth has, to the column; tables of
//! our own are prefixed `phone_auth_`. [`SqliteStore::migrate`] makes what is missing and touches no row.
//!
//! # Durability
//! What was acknowledged survives the end of the process and the loss of power: `synchronous=FULL`,
//! and no answer goes out before `COMMIT` has returned.
//!
//! # Examples
//! ```
//! use phone_auth_core::store::UserStore;
//! use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("site.sqlite3");
//! let store = SqliteStore::open_and_migrate(&path, SqliteOptions::default())?;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! assert!(store.users_after(None, 10).await?.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//!
//! let missing = folder.path().join("no such folder/site.sqlite3");
//! let error = SqliteStore::open(&missing, SqliteOptions::default()).unwrap_err();
//! assert_eq!(error.kind(), phone_auth_store_sqlite::OpenErrorKind::Unreachable);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address_changes;
mod addresses;
mod anomalies;
mod backup;
mod cause;
mod challenges;
mod claims;
mod closing;
mod closing_schedule;
mod connection;
mod dates;
mod django_sessions;
mod failure;
mod holders;
mod indexes;
mod limits;
mod links;
mod migrate_error;
mod migrations;
mod open_error;
mod options;
mod outbox;
mod password_kinds;
mod passwords;
mod place;
#[cfg(test)]
mod plans;
mod proofs;
mod readers;
mod replacements;
mod rows;
mod sessions;
mod site_key;
mod spellings;
#[cfg(test)]
mod statements;
mod steps;
mod store;
mod users;
mod verification;
mod writer;
mod zone;

pub use backup::{BackupError, BackupErrorKind};
pub use indexes::LOST_INDEXES;
pub use migrate_error::{MigrateError, MigrateErrorKind};
pub use open_error::{OpenError, OpenErrorKind};
pub use options::SqliteOptions;
pub use store::{SqliteStore, names_a_file};

/// The driver, in the version that this store was built with: for tables of your own in the same file, by a connection of
/// your own.
///
/// # Examples
/// ```
/// use phone_auth_store_sqlite::rusqlite::Connection;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("site.sqlite3");
/// let connection = Connection::open(&path)?;
/// connection.execute_batch("CREATE TABLE tea (name TEXT NOT NULL)")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub use rusqlite;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
