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
mod commands;
mod configuration;
mod database;
mod delivery;
mod exit;
mod logs;
mod program;
mod secrets;
mod server;
mod site;
mod start;
mod stop;
mod terminal;

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
