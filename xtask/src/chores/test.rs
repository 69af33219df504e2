//! `cargo xtask test`: every test of the workspace, with what they need.
//!
//! The tests that walk whole flows start the built program, a real browser, servers that messages go
//! through and, in Python, the site that is left behind. All are brought here and named to the tests by
//! `PHONE_AUTH_BIN`, `CHROMIUM`, `CHROMEDRIVER`, `AIOSMTPD_PYTHON`, `NATS_SERVER`, `NGINX`, `HAPROXY` and
//! `PYTHON`. Those of PostgreSQL get a server by `DATABASE_URL`, and its programs and a proxy by `POSTGRES_BIN` and `PGBOUNCER`.

use std::env;
use std::io::{self, Seek as _};
use std::time::Instant;

use crate::browser::Browser;
use crate::compiler;
use crate::console::Console;
use crate::error::ChoreError;
use crate::postgres::Postgres;
use crate::python::Python;
use crate::repository::Repository;
use crate::scratch::Scratch;
use crate::servers::Servers;

/// Brings the tools, builds the program and the tests, runs the tests in two halves side by side, then the doctests, and says how
/// long it took.
///
/// # Errors
/// Those of what is missing, and `CommandFailed` when a test fails.
pub(crate) fn run(
    repository: &Repository,
    console: &Console,
    filter: &[String],
) -> Result<(), ChoreError> {
    compiler::bring(console)?;
    let scratch = Scratch::choose();
    console.step(format_args!("temporary files: {}", scratch.describe()));
    let browser = Browser::bring(console)?;
    console.step(format_args!("browser: {}", browser.describe()));
    let python = Python::bring(console)?;
    console.step(format_args!("python: {}", python.describe()));
    let servers = Servers::bring(console)?;
    console.step(format_args!("servers: {}", servers.describe()));

    // Until this is dropped, the server runs.
    let postgres = Postgres::bring(console)?;
    console.step(format_args!("PostgreSQL: {}", postgres.describe()));

    // The program is that of this build, which puts it where an earlier one would have been. One for itself has other
    // features of what it depends on, and compiles nearly all of that once more.
    console.step("building the tests and the program");
    let begun = Instant::now();
    let targets = ["test", "--workspace", "--no-run"];
    let program = repository.build_program(&targets, "phone-auth")?;

    let built = begun.elapsed();

    console.step("testing the workspace, one half beside the other");
    let tests = |targets: &[&str]| {
        // Every failing test is worth knowing, not only those of the first package.
        let tests = repository
            .cargo()
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(targets);
        let tests = servers.hand_to(python.hand_to(browser.hand_to(tests)));
        let tests = scratch.hand_to(postgres.hand_to(tests));
        let tests = tests.env("PHONE_AUTH_BIN", &program);
        if filter.is_empty() {
            tests
        } else {
            tests.arg("--").args(filter)
        }
    };
    // Many tests wait for what takes its time, so that one program after the other leaves the cores idle. Half of the
    // programs by the letters of their names takes about as long as the others.
    let first = tests(&[
        "--test=[abdeghj-r]*",
        "--test=co[!n]*",
        "--test=con[!n]*",
        "--test=f[!l]*",
        "--test=flow*",
    ]);
    let second = tests(&["--lib", "--bins", "--test=[!a-r]*", "--test=i*"]);
    let record = |error: io::Error| ChoreError::file(env::temp_dir(), error);
    let mut written = tempfile::tempfile().map_err(record)?;
    let first = first.start_into(&written)?;
    let halves = [second.run(), first.wait()];
    written.rewind().map_err(record)?;
    let written = io::read_to_string(written).map_err(record)?;
    console.line(written);
    // Who comes before whom in a crowd is told by how many are answered meanwhile, or within a second. Beside other tests those
    // wait for a core.
    console.step("testing crowds, with nothing beside them");
    let crowds = tests(&["--test=flood", "--test=connections"]).run();
    console.step("testing the examples of the documentation");
    let examples = tests(&["--doc"]).run();
    console.step(format_args!(
        "built in {} s, tested in {} s",
        built.as_secs(),
        begun.elapsed().saturating_sub(built).as_secs()
    ));
    let all = halves.into_iter().chain([crowds, examples]);
    all.collect()
}
