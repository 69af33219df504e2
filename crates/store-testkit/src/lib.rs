//! The promises of the store port as one suite, and a store in memory.
//!
//! [`MemoryStore`] is for tests of flows: it keeps every promise, and can be told to fail.

pub mod memory;
pub mod outsider;

pub use memory::MemoryStore;
pub use outsider::{OutsideChange, Outsider};
