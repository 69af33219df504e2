//! The store of phone-auth on SQLite, embedded.
