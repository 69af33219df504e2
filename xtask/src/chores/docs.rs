//! `cargo xtask docs`: the documentation of every crate, without a warning.

use crate::console::Console;
use crate::error::ChoreError;
use crate::repository::Repository;

/// Builds the documentation and says where it is.
///
/// # Errors
/// `CommandFailed` when rustdoc warns or fails.
pub(crate) fn run(repository: &Repository, console: &Console) -> Result<(), ChoreError> {
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
