//! The application as a Rust library that is linked dynamically.

pub use app::report;
