//! The promises of the store port as one suite, and a store in memory.
