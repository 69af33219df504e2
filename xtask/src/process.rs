//! Running other programs, with errors that name them.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::error::{ChoreError, ChoreErrorKind};

/// A program about to be run.
#[derive(Debug)]
pub(crate) struct Process {
    command: Command,
}

impl Process {
    /// The program `name`, in the folder of the caller.
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        Self {
            command: Command::new(name),
        }
    }

    /// Adds one argument.
    #[must_use]
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Leaves out the variables of its environment whose names begin so.
    #[must_use]
    pub(crate) fn without(mut self, beginning: &str) -> Self {
        for (name, _) in env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with(beginning))
            {
                self.command.env_remove(name);
            }
        }
        self
    }

    /// Runs it in `folder`.
    #[must_use]
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with our input and output and waits for a success.
    ///
    /// # Errors
    /// `NotStarted` when there is no such program, `CommandFailed` when it ends otherwise.
    pub(crate) fn run(mut self) -> Result<(), ChoreError> {
        let status = self
            .command
            .status()
            .map_err(|error| self.not_started(error))?;
        if status.success() {
            Ok(())
        } else {
            Err(self.failed(&status.to_string()))
        }
    }

    /// Starts it without input. All that it writes goes to this file, in the order it is written.
    ///
    /// # Errors
    /// `NotStarted` when there is no such program.
    pub(crate) fn start_into(mut self, file: &File) -> Result<Started, ChoreError> {
        let both = file
            .try_clone()
            .and_then(|out| Ok((out, file.try_clone()?)));
        let started = both.and_then(|(out, err)| {
            self.command.stdin(Stdio::null()).stdout(out).stderr(err);
            self.command.spawn()
        });
        match started {
            Ok(child) => Ok(Started {
                process: self,
                child,
            }),
            Err(error) => Err(self.not_started(error)),
        }
    }

    /// Runs it and returns what it printed; what it complains of goes to our standard error.
    ///
    /// # Errors
    /// As [`run`](Self::run), and `OddOutput` when it prints what is not UTF-8.
    pub(crate) fn read(mut self) -> Result<String, ChoreError> {
        self.command.stderr(Stdio::inherit());
        let output = self
            .command
            .output()
            .map_err(|error| self.not_started(error))?;
        if !output.status.success() {
            return Err(self.failed(&output.status.to_string()));
        }
        String::from_utf8(output.stdout).map_err(|error| {
            ChoreError::because(
                ChoreErrorKind::OddOutput {
                    command: self.text(),
                },
                error,
            )
        })
    }

    /// Runs it in silence, whatever its status.
    ///
    /// # Errors
    /// `NotStarted` when there is no such program.
    pub(crate) fn capture(mut self) -> Result<Output, ChoreError> {
        self.command.stdin(Stdio::null());
        self.command
            .output()
            .map_err(|error| self.not_started(error))
    }

    /// Whether it can be run in silence and ends well.
    pub(crate) fn succeeds(self) -> bool {
        self.capture().is_ok_and(|output| output.status.success())
    }

    fn failed(&self, status: &str) -> ChoreError {
        ChoreError::because(
            ChoreErrorKind::CommandFailed {
                command: self.text(),
            },
            status,
        )
    }

    fn not_started(&self, error: std::io::Error) -> ChoreError {
        ChoreError::because(
            ChoreErrorKind::NotStarted {
                command: self.text(),
            },
            error,
        )
    }

    /// The command as one would type it, without quotes.
    fn text(&self) -> String {
        let mut text = self.command.get_program().to_string_lossy().into_owned();
        for argument in self.command.get_args() {
            text.push(' ');
            text.push_str(&argument.to_string_lossy());
        }
        text
    }
}

/// A program that runs.
#[derive(Debug)]
pub(crate) struct Started {
    process: Process,
    child: Child,
}

impl Started {
    /// Waits for a success.
    ///
    /// # Errors
    /// `CommandFailed` when it ends otherwise.
    pub(crate) fn wait(mut self) -> Result<(), ChoreError> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.process.failed(&status.to_string())),
            Err(error) => Err(self.process.failed(&error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io::{self, Seek as _};

    use super::*;

    #[test]
    fn failing_program_is_named() {
        let error = Process::new("false").arg("now").run();
        assert!(matches!(
            error.as_ref().map_err(ChoreError::kind),
            Err(ChoreErrorKind::CommandFailed { command }) if command == "false now"
        ));
    }

    #[test]
    fn started_program_writes_in_order() {
        let mut file = tempfile::tempfile().unwrap();
        let script = "echo one; echo two >&2; echo three; exit 3";
        let started = Process::new("sh").args(["-c", script]).start_into(&file);
        let outcome = started.unwrap().wait();
        file.rewind().unwrap();
        assert_eq!(io::read_to_string(file).unwrap(), "one\ntwo\nthree\n");
        assert!(matches!(
            outcome.as_ref().map_err(ChoreError::kind),
            Err(ChoreErrorKind::CommandFailed { .. })
        ));
    }

    #[test]
    fn absent_program_is_named() {
        let error = Process::new("no-such-program-here").read();
        assert!(matches!(
            error.as_ref().map_err(ChoreError::kind),
            Err(ChoreErrorKind::NotStarted { command }) if command == "no-such-program-here"
        ));
    }

    #[test]
    fn output_is_read() {
        let printed = Process::new("echo").args(["a", "b"]).read();
        assert_eq!(printed.ok().as_deref(), Some("a b\n"));
    }
}
