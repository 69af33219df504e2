//! `cargo xtask bench`: how fast the small crates are, as ratios to what they are compared with.

use crate::arguments::Subject;
use crate::console::Console;
use crate::django;
use crate::error::ChoreError;
use crate::postgres::Postgres;
use crate::repository::Repository;

/// Runs the benchmarks of `subject`, or of all.
///
/// # Errors
/// `CommandFailed` when one does not build or run.
pub(crate) fn run(
    repository: &Repository,
    console: &Console,
    subject: Option<Subject>,
) -> Result<(), ChoreError> {
    let subjects = subject.map_or_else(|| Subject::ALL.to_vec(), |one| vec![one]);
    for subject in subjects {
        console.step(format_args!("benchmarks of {}", subject.package()));
        let bench = repository.cargo().args([
            "bench",
            "--package",
            subject.package(),
            "--bench",
            subject.bench(),
        ]);
        let python = match subject {
            Subject::Signals => django::bring(repository, console),
            _ => None,
        };
        let bench = match python {
            Some(python) => bench.env("PYTHON", python),
            None => bench,
        };
        match subject {
            // Until this is dropped, the server runs.
            Subject::Postgres | Subject::Delivery => {
                Postgres::bring_to_measure(console)?.bench(bench)?;
            }
            _ => bench.run()?,
        }
    }
    Ok(())
}
