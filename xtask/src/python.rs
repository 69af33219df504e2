//! The Python that the tests of the change-over from Django need. They install Django from `PyPI` into
//! an environment of their own, under `target/`, and keep it.

use std::env;
use std::path::PathBuf;

use crate::console::Console;
use crate::debian::Tools;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;
use crate::search_path::{SearchPath, is_program};

const TOOLS: Tools = Tools {
    what: "a Python with venv, which the tests beside Django need,",
    packages: &["python3", "python3-venv"],
};

/// Where Python is.
#[derive(Debug)]
pub(crate) struct Python(PathBuf);

impl Python {
    /// The Python that `PYTHON` names, else the one on `PATH`, else one from Debian.
    ///
    /// # Errors
    /// `NoSuchTool` when the variable names no program, `ToolsMissing` or those of apt-get when there
    /// is none that will do and none can be installed.
    pub(crate) fn bring(console: &Console) -> Result<Self, ChoreError> {
        if let Some(named) = env::var_os("PYTHON").map(PathBuf::from) {
            if is_program(&named) {
                return Ok(Self(named));
            }
            return Err(ChoreError::new(ChoreErrorKind::NoSuchTool {
                variable: "PYTHON",
                path: named,
            }));
        }
        let path = SearchPath::of_environment();
        if let Some(python) = Self::on(&path) {
            return Ok(python);
        }
        TOOLS.install(console, &path)?;
        Self::on(&path).ok_or_else(|| TOOLS.missing())
    }

    /// The first Python that can make an environment: on Debian that is a package of its own.
    fn on(path: &SearchPath) -> Option<Self> {
        let python = path.find(&["python3"])?;
        let can_do = Process::new(&python)
            .args([
                "-c",
                "import sys, venv, ensurepip; assert sys.version_info >= (3, 10)",
            ])
            .succeeds();
        can_do.then_some(Self(python))
    }

    /// Hands its place on to `process`.
    pub(crate) fn hand_to(&self, process: Process) -> Process {
        process.env("PYTHON", &self.0)
    }

    /// One line that says what is used.
    pub(crate) fn describe(&self) -> String {
        let asked = Process::new(&self.0).arg("--version").capture();
        let version = asked
            .ok()
            .and_then(|output| Some(str::from_utf8(&output.stdout).ok()?.trim().to_owned()))
            .filter(|version| !version.is_empty());
        format!(
            "{}, which installs Django from PyPI under target/ once",
            version.unwrap_or_else(|| self.0.display().to_string())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_python_there_is_none() {
        assert!(Python::on(&SearchPath::new(vec!["/nowhere".into()])).is_none());
    }
}
