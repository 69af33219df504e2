//! The chores of this repository, called as `cargo xtask <verb>`.
//!
//! `test` runs every test and brings what they need; `check` is what a change must pass before it
//! is offered; `tidy` holds the house rules; `bench`, `docs` and `link-matrix` are for those who
//! want to know. Nothing here is part of the product, and no crate of the product may import it.

mod arguments;
mod browser;
mod chores;
mod compiler;
mod console;
mod debian;
mod django;
mod error;
mod link_matrix;
mod postgres;
mod process;
mod python;
mod repository;
mod scratch;
mod search_path;
mod servers;
mod tidy;

/// The guide, so that its examples are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/signals.md")]
mod guide_to_signals {}

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Chore};
use crate::console::Console;
use crate::error::ChoreError;
use crate::link_matrix::Selection;
use crate::repository::Repository;

/// Reads the arguments of the process, does the chore, and says how it ended.
pub fn run() -> ExitCode {
    let console = Console::of_process();
    match chore(&Arguments::parse().chore, &console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.failure(&error);
            ExitCode::FAILURE
        }
    }
}

fn chore(chore: &Chore, console: &Console) -> Result<(), ChoreError> {
    let repository = Repository::of_this_program()?;
    match chore {
        Chore::Test { filter } => chores::test::run(&repository, console, filter),
        Chore::Check => chores::check::run(&repository, console),
        Chore::Tidy => tidy::run(&repository, console),
        Chore::HashMemory { subject } => chores::bench::run(&repository, console, *subject),
        Chore::LinkMatrix { profiles, linkers } => {
            link_matrix::run(&repository, console, &Selection { profiles, linkers })
        }
        Chore::Timing => chores::timing::run(&repository, console),
        Chore::Docs => chores::docs::run(&repository, console),
    }
}
