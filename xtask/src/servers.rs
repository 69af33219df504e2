//! The servers that tests talk to: a mail server in Python and NATS, which the program delivers to, and nginx and
//! `HAProxy`, which stand before it.

use std::env;
use std::path::{Path, PathBuf};

use crate::console::Console;
use crate::debian::Tools;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;
use crate::search_path::{SearchPath, is_program};

/// A program that a test starts, and where it comes from.
#[derive(Debug)]
struct Server {
    /// The variable that names it.
    variable: &'static str,
    tools: Tools,
    find: fn(&SearchPath) -> Option<PathBuf>,
}

const MAIL: Server = Server {
    variable: "AIOSMTPD_PYTHON",
    tools: Tools {
        what: "a Python with aiosmtpd, the mail server of the tests,",
        packages: &["python3-aiosmtpd"],
    },
    find: python_with_aiosmtpd,
};

const NATS: Server = Server {
    variable: "NATS_SERVER",
    tools: Tools {
        what: "a NATS server, which tests publish to,",
        packages: &["nats-server"],
    },
    find: |path| path.find(&["nats-server"]),
};

const NGINX: Server = Server {
    variable: "NGINX",
    tools: Tools {
        what: "an nginx, which tests put before the program,",
        packages: &["nginx-light"],
    },
    find: |path| path.find(&["nginx"]),
};

const HAPROXY: Server = Server {
    variable: "HAPROXY",
    tools: Tools {
        what: "an HAProxy, which tests put before the program,",
        packages: &["haproxy"],
    },
    find: |path| path.find(&["haproxy"]),
};

/// Where the servers are.
#[derive(Debug)]
pub(crate) struct Servers {
    found: Vec<(&'static str, PathBuf)>,
}

impl Servers {
    /// Those that the environment names, else those of this machine, else those of Debian.
    ///
    /// # Errors
    /// `NoSuchTool` when a variable names no program, `ToolsMissing` or those of apt-get when there is
    /// none and none can be installed.
    pub(crate) fn bring(console: &Console) -> Result<Self, ChoreError> {
        let path = SearchPath::of_environment();
        let bring = |server: &Server| Ok((server.variable, server.bring(console, &path)?));
        let found = [MAIL, NATS, NGINX, HAPROXY];
        let found = found.iter().map(bring).collect::<Result<_, _>>()?;
        Ok(Self { found })
    }

    /// Hands the places on to `process`.
    pub(crate) fn hand_to(&self, process: Process) -> Process {
        let found = self.found.iter();
        found.fold(process, |process, (variable, place)| {
            process.env(variable, place)
        })
    }

    /// One line that says what is used.
    pub(crate) fn describe(&self) -> String {
        let found = self.found.iter();
        let places: Vec<_> = found
            .map(|(_, place)| place.display().to_string())
            .collect();
        places.join(", ")
    }
}

impl Server {
    fn bring(&self, console: &Console, path: &SearchPath) -> Result<PathBuf, ChoreError> {
        if let Some(named) = env::var_os(self.variable).map(PathBuf::from) {
            return self.named(named);
        }
        if let Some(found) = (self.find)(path) {
            return Ok(found);
        }
        self.tools.install(console, path)?;
        (self.find)(path).ok_or_else(|| self.tools.missing())
    }

    fn named(&self, path: PathBuf) -> Result<PathBuf, ChoreError> {
        if is_program(&path) {
            return Ok(path);
        }
        let variable = self.variable;
        Err(ChoreError::new(ChoreErrorKind::NoSuchTool {
            variable,
            path,
        }))
    }
}

/// A Python that has the mail server: the one on `PATH`, or Debian's own, which its package is for.
fn python_with_aiosmtpd(path: &SearchPath) -> Option<PathBuf> {
    let has_it = |python: &PathBuf| {
        let import = ["-c", "import aiosmtpd.smtp"];
        Process::new(python).args(import).succeeds()
    };
    let debian = Path::new("/usr/bin/python3");
    let pythons = [path.find(&["python3"])?, debian.to_owned()];
    pythons.into_iter().find(has_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_server_must_exist() {
        assert!(MAIL.named("/bin/sh".into()).is_ok());
        for server in [MAIL, NATS, NGINX, HAPROXY] {
            let missing = server.named("/nowhere/program".into());
            let is_named = matches!(
                missing.as_ref().map_err(ChoreError::kind),
                Err(ChoreErrorKind::NoSuchTool { variable, .. }) if *variable == server.variable
            );
            assert!(is_named, "{missing:?}");
        }
    }

    #[test]
    fn missing_server_names_its_package() {
        for (server, package) in [
            (NGINX, "nginx-light"),
            (HAPROXY, "haproxy"),
            (NATS, "nats-server"),
        ] {
            let said = server.tools.missing().to_string();
            assert!(said.contains(package), "{said}");
        }
    }

    #[test]
    fn nothing_is_found_nowhere() {
        let nowhere = SearchPath::new(vec!["/nowhere".into()]);
        assert_eq!(python_with_aiosmtpd(&nowhere), None);
    }
}
