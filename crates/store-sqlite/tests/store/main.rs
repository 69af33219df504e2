//! The store in a file of SQLite.

mod backup;
mod closing;
mod common;
mod django;
mod file;
mod growth;
mod limits;
mod migrating;
mod outbox;
mod promises;
mod promises_on_django;
mod read_only;
mod starts_at_once;
