//! The promises of the store port as one suite, and a store in memory.
//!
//! [`store_suite!`] makes a test of every promise; a store written elsewhere runs it in a line, plus
//! an [`ExternalWriter`] that reaches the same data past the store. [`MemoryStore`] is for tests of flows:
//! it keeps every promise, and can be told to fail. [`growth`] is a day of floods, after which little may be stored.

mod django_sessions;
pub mod external_writer;
pub mod growth;
pub mod memory;
mod plain;
mod statements;
pub mod suite;
pub mod workload;

pub use django_sessions::keeps_django_sessions;
pub use external_writer::{ExternalChange, ExternalWriter, OddCell, OddValue};
pub use memory::MemoryStore;
pub use plain::Plain;
pub use statements::statements_of_flows;
pub use suite::Subject;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
