//! The pages, asked over HTTP as a browser and as an attacker would, with a store in memory.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "a failed index is a failed test"
)]

mod address;
mod change;
mod client_address;
mod close_account;
mod codes;
mod confirm_identity;
mod csrf;
mod flow_failed;
mod gate;
mod guards;
mod headers;
mod input;
mod keep_signed_in;
mod kinds_of_site;
mod limits;
mod log;
mod log_in;
mod log_in_code;
mod other_user;
mod own_log_in;
mod pages;
mod pasted_numbers;
mod redirects;
mod repeats;
mod reset;
mod sessions;
mod sessions_page;
mod sign_up;
mod sign_up_code;
mod support;
mod templates;
mod time_limit;
mod verification;
mod walk;
