//! `cargo xtask docs`: the documentation of every crate, without a warning, and the list of settings.

use std::fs;

use crate::console::Console;
use crate::error::ChoreError;
use crate::repository::Repository;
use crate::tidy::settings_table::{README, SOURCE, written};

/// Writes the settings into the README of the program, builds the documentation and says where it is.
///
/// # Errors
/// `File` when the README cannot be written; `CommandFailed` when rustdoc warns or fails.
pub(crate) fn run(repository: &Repository, console: &Console) -> Result<(), ChoreError> {
    write_settings(repository)?;
    build(repository, console)?;
    let index = repository
        .metadata()?
        .target_directory
        .join("doc/phone_auth/index.html");
    console.line(format_args!("reference: {index}"));
    console.line(format_args!(
        "guide:     {}",
        repository.root().join("docs/guide/README.md").display()
    ));
    Ok(())
}

/// Writes the settings of the program into its README.
fn write_settings(repository: &Repository) -> Result<(), ChoreError> {
    let path = |name| repository.root().join(name);
    let read =
        |name| fs::read_to_string(path(name)).map_err(|error| ChoreError::file(path(name), error));
    if let Some(written) = written(&read(SOURCE)?, &read(README)?) {
        fs::write(path(README), written).map_err(|error| ChoreError::file(path(README), error))?;
    }
    Ok(())
}

/// Builds the documentation; a broken link is an error.
///
/// # Errors
/// `CommandFailed` when rustdoc warns or fails.
pub(crate) fn build(repository: &Repository, _console: &Console) -> Result<(), ChoreError> {
    // Libraries only: the program is called phone-auth as the facade is, and rustdoc would write
    // both to the same folder.
    repository
        .cargo()
        .args(["doc", "--workspace", "--all-features", "--no-deps", "--lib"])
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}
