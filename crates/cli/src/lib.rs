//! The phone-auth program: the site, its migrations and its users.
//!
//! [`run`] is the whole program. A binary that links receivers of its own gets the same program with
//! them: name their crate, and provide the state they take.
//! ```no_run,standalone_crate
//! use std::process::ExitCode;
//!
//! struct Mailer;
//! # impl Mailer { fn new() -> Self { Self } }
//!
//! // use my_receivers as _;
//!
//! fn main() -> ExitCode {
//!     phone_auth_cli::Program::new().provide(Mailer::new()).run()
//! }
//! ```
//!
//! What is not here: flows, pages and SQL. This crate reads settings, puts the parts together by the
//! facade, listens, and says what is going on.

mod arguments;
mod banner;
mod commands;
mod configuration;
mod console;
mod database;
mod database_name;
mod delivery;
mod django;
mod exit;
mod folder;
mod key_file;
mod keys;
mod legacy_hashes;
mod logs;
mod mailbox_page;
mod mode;
mod pages;
mod password_input;
mod program;
mod receivers;
mod repeats;
mod secrecy;
mod secret_file;
mod server;
mod setup;
mod site;
mod start;
mod stop;
mod table;
mod visible;

use std::process::ExitCode;

pub use program::Program;

/// Runs the program without receivers that take state of their own.
///
/// It reads the arguments and the environment of the process. The exit code is 0 when it did what it
/// was asked, 1 when that could not be done, 2 when a setting or an argument is wrong.
pub fn run() -> ExitCode {
    Program::new().run()
}

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
