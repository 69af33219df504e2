//! What codes promise, at the pages of the whole program, on both databases.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    reason = "what is not there is a failed test"
)]

mod addresses;
mod attempts;
mod browsers;
mod clock;
mod links;
mod pages;
mod servers;
mod sessions;
mod texts;
