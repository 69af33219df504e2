//! `cargo xtask test`: every test of the workspace, with what they need.
//!
//! The tests that walk whole flows start the built program, a real browser, servers that messages go
//! through and, in Python, the site that is left behind. All are brought here and named to the tests by
//! `PHONE_AUTH_BIN`, `CHROMIUM`, `CHROMEDRIVER`, `AIOSMTPD_PYTHON`, `NATS_SERVER`, `NGINX`, `HAPROXY` and
//! `PYTHON`. Those of PostgreSQL get a server by `DATABASE_URL`, and its programs and a proxy by `POSTGRES_BIN` and `PGBOUNCER`.

use crate::browser::Browser;
use crate::compiler;
use crate::console::Console;
use crate::error::ChoreError;
use crate::postgres::Postgres;
use crate::python::Python;
use crate::repository::Repository;
use crate::servers::Servers;

/// Brings the tools, builds the program, runs `cargo test --workspace`.
///
/// # Errors
/// Those of what is missing, and `CommandFailed` when a test fails.
pub(crate) fn run(
    repository: &Repository,
    console: &Console,
    filter: &[String],
) -> Result<(), ChoreError> {
    compiler::bring(console)?;
    let browser = Browser::bring(console)?;
    console.step(format_args!("browser: {}", browser.describe()));
    let python = Python::bring(console)?;
    console.step(format_args!("python: {}", python.describe()));
    let servers = Servers::bring(console)?;
    console.step(format_args!("servers: {}", servers.describe()));

    // Until this is dropped, the server runs.
    let postgres = Postgres::bring(console)?;
    console.step(format_args!("PostgreSQL: {}", postgres.describe()));

    console.step("building the program");
    let program = repository.build_program("phone-auth-cli")?;

    console.step("testing the workspace");
    // Every failing test is worth knowing, not only those of the first package.
    let tests = repository
        .cargo()
        .args(["test", "--workspace", "--no-fail-fast"]);
    let tests = servers.hand_to(python.hand_to(browser.hand_to(tests)));
    let tests = postgres.hand_to(tests).env("PHONE_AUTH_BIN", program);
    let tests = if filter.is_empty() {
        tests
    } else {
        tests.arg("--").args(filter)
    };
    tests.run()
}
