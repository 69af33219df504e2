//! `cargo xtask timing`: whether the time of an answer tells who has an account.

use crate::console::Console;
use crate::error::ChoreError;
use crate::repository::Repository;

/// Builds the program, and measures it.
///
/// # Errors
/// `CommandFailed` when someone can be told from nobody, or it does not build.
pub(crate) fn run(repository: &Repository, console: &Console) -> Result<(), ChoreError> {
    console.step("building the program");
    let program =
        repository.build_program(&["build", "--package", "phone-auth-cli"], "phone-auth")?;
    console.step("asking for users who exist and users who do not, in turns");
    repository
        .cargo()
        .args(["test", "--package", "phone-auth-tests", "--bench", "timing"])
        .env("PHONE_AUTH_BIN", program)
        .run()
}
