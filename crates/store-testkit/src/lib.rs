//! The promises of the store port as one suite, and a store in memory.
//!
//! [`store_suite!`] makes a test of every promise; a store written elsewhere runs it in a line, plus
//! an [`Outsider`] that reaches the same data past the store. [`MemoryStore`] is for tests of flows:
//! it keeps every promise, and can be told to fail.

mod django_sessions;
pub mod memory;
pub mod outsider;
pub mod suite;
pub mod workload;

pub use django_sessions::keeps_django_sessions;
pub use memory::MemoryStore;
pub use outsider::{OddCell, OddValue, OutsideChange, Outsider};
pub use suite::Subject;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
