//! Installing packages of Debian, where that is allowed.

use crate::console::Console;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;
use crate::search_path::SearchPath;

/// The package manager of Debian and its kin, with the right to use it.
#[derive(Debug)]
pub(crate) struct Debian {
    becomes_root: Becoming,
}

/// How to be allowed to install.
#[derive(Debug)]
enum Becoming {
    IsRoot,
    ByPasswordlessSudo,
}

impl Debian {
    /// The package manager, if this machine has it and lets us use it without a question.
    pub(crate) fn if_allowed(path: &SearchPath) -> Option<Self> {
        path.find(&["apt-get"])?;
        let is_root = Process::new("id")
            .arg("-u")
            .capture()
            .is_ok_and(|id| id.stdout == b"0\n");
        if is_root {
            return Some(Self {
                becomes_root: Becoming::IsRoot,
            });
        }
        let may_sudo = Process::new("sudo")
            .args(["--non-interactive", "true"])
            .succeeds();
        may_sudo.then_some(Self {
            becomes_root: Becoming::ByPasswordlessSudo,
        })
    }

    /// Installs `packages`, saying so.
    ///
    /// # Errors
    /// `CommandFailed` when the archive cannot be reached or has no such package.
    pub(crate) fn install(&self, console: &Console, packages: &[&str]) -> Result<(), ChoreError> {
        console.step(format_args!(
            "installing {} with apt-get",
            packages.join(" ")
        ));
        self.apt_get().args(["--quiet", "update"]).run()?;
        self.apt_get()
            .args(["--quiet", "--yes", "--no-install-recommends", "install"])
            .args(packages)
            .run()
    }

    fn apt_get(&self) -> Process {
        // Through `env`, because sudo forgets variables.
        let quietly = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
        match self.becomes_root {
            Becoming::IsRoot => Process::new("env").args(quietly),
            Becoming::ByPasswordlessSudo => Process::new("sudo")
                .args(["--non-interactive", "env"])
                .args(quietly),
        }
    }
}

/// Tools that tests need, as the packages that hold them.
#[derive(Debug)]
pub(crate) struct Tools {
    /// What they are, for users.
    pub(crate) what: &'static str,
    /// The packages that hold them.
    pub(crate) packages: &'static [&'static str],
}

impl Tools {
    /// Installs them, or says which packages to install by hand.
    ///
    /// # Errors
    /// `ToolsMissing` where nothing may be installed, else those of [`Debian::install`].
    pub(crate) fn install(&self, console: &Console, path: &SearchPath) -> Result<(), ChoreError> {
        match Debian::if_allowed(path) {
            Some(debian) => debian.install(console, self.packages),
            None => Err(self.missing()),
        }
    }

    /// The error that names the packages.
    pub(crate) fn missing(&self) -> ChoreError {
        ChoreError::new(ChoreErrorKind::ToolsMissing {
            what: self.what,
            packages: self.packages,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: Tools = Tools {
        what: "a thing",
        packages: &["one", "two"],
    };

    #[test]
    fn missing_tools_name_their_packages() {
        let text = TOOLS.missing().to_string();
        assert!(text.ends_with("apt-get install one two"), "{text}");
    }

    #[test]
    fn without_apt_nothing_is_tried() {
        let nowhere = SearchPath::new(vec!["/nowhere".into()]);
        let tried = TOOLS.install(&Console::of_process(), &nowhere);
        assert!(matches!(
            tried.as_ref().map_err(ChoreError::kind),
            Err(ChoreErrorKind::ToolsMissing { .. })
        ));
    }
}
