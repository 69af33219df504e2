//! The one place that writes to the terminal.
//!
//! Chores go on when nobody reads them (a closed pipe), so a failed write is not a failed chore.

use std::error::Error;
use std::fmt::Display;
use std::io::{self, Stderr, Stdout, Write as _};

/// Standard output and standard error, line by line.
#[derive(Debug)]
pub(crate) struct Console {
    out: Stdout,
    err: Stderr,
}

impl Console {
    /// The terminal of the process.
    pub(crate) fn of_process() -> Self {
        Self {
            out: io::stdout(),
            err: io::stderr(),
        }
    }

    /// Says what is about to happen, so that a long silence has a name.
    pub(crate) fn step(&self, what: impl Display) {
        let _ = writeln!(self.out.lock(), "==> {what}");
    }

    /// Writes one line of a result.
    pub(crate) fn line(&self, what: impl Display) {
        let _ = writeln!(self.out.lock(), "{what}");
    }

    /// Writes an error and the errors behind it.
    pub(crate) fn failure(&self, error: &dyn Error) {
        let mut err = self.err.lock();
        let _ = writeln!(err, "xtask: {error}");
        let mut cause = error.source();
        while let Some(behind) = cause {
            let _ = writeln!(err, "  because {behind}");
            cause = behind.source();
        }
    }
}
