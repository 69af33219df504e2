//! `cargo xtask check`: what a change must pass before it is offered.

use crate::chores::docs;
use crate::console::Console;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::repository::Repository;
use crate::tidy;

type Part = (
    &'static str,
    fn(&Repository, &Console) -> Result<(), ChoreError>,
);

const PARTS: [Part; 4] = [
    ("format", format),
    ("clippy", clippy),
    ("docs", docs::build),
    ("tidy", tidy::run),
];

/// Runs all parts, also after one failed: anyone who mends one wants to know the others.
///
/// # Errors
/// `PartsFailed` with the names of those that did.
pub(crate) fn run(repository: &Repository, console: &Console) -> Result<(), ChoreError> {
    let mut failed = Vec::new();
    for (name, part) in PARTS {
        console.step(name);
        if let Err(error) = part(repository, console) {
            console.failure(&error);
            failed.push(name);
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(ChoreError::new(ChoreErrorKind::PartsFailed {
        parts: failed,
    }))
}

fn format(repository: &Repository, _console: &Console) -> Result<(), ChoreError> {
    repository.cargo().args(["fmt", "--all", "--check"]).run()
}

fn clippy(repository: &Repository, _console: &Console) -> Result<(), ChoreError> {
    repository
        .cargo()
        .args([
            "clippy",
            "--workspace",
            "--all-targets",
            // What a feature turns on is read as everything else is.
            "--all-features",
            "--",
            "-D",
            "warnings",
        ])
        .run()
}
