//! The browser that tests drive: Chromium and its `WebDriver`.
//!
//! Tests never look for it themselves: they are handed its place in `CHROMIUM` and `CHROMEDRIVER`,
//! and fail without, so that none is ever skipped unseen.

use std::env;
use std::path::PathBuf;

use crate::console::Console;
use crate::debian::Tools;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;
use crate::search_path::{SearchPath, is_program};

const TOOLS: Tools = Tools {
    what: "a Chromium with its driver, which the browser tests need,",
    packages: &["chromium", "chromium-driver"],
};

/// Where the two programs are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Browser {
    chromium: PathBuf,
    chromedriver: PathBuf,
}

impl Browser {
    /// The browser that the environment names, else the one on `PATH`, else one from Debian.
    ///
    /// # Errors
    /// `NoSuchTool` when a variable names no program, `ToolsMissing` or those of apt-get when
    /// there is none and none can be installed.
    pub(crate) fn bring(console: &Console) -> Result<Self, ChoreError> {
        let named = Named {
            chromium: env::var_os("CHROMIUM").map(PathBuf::from),
            chromedriver: env::var_os("CHROMEDRIVER").map(PathBuf::from),
        };
        let path = SearchPath::of_environment();
        if let Some(browser) = named.or_on(&path)? {
            return Ok(browser);
        }
        TOOLS.install(console, &path)?;
        named.or_on(&path)?.ok_or_else(|| TOOLS.missing())
    }

    /// Hands the places on to `process`.
    pub(crate) fn hand_to(&self, process: Process) -> Process {
        process
            .env("CHROMIUM", &self.chromium)
            .env("CHROMEDRIVER", &self.chromedriver)
    }

    /// One line that says what is used: the browser with its version, and where the driver is.
    pub(crate) fn describe(&self) -> String {
        let asked = Process::new(&self.chromium).arg("--version").capture();
        let version = asked.ok().and_then(|output| version(&output.stdout));
        let chromium = version.unwrap_or_else(|| self.chromium.display().to_string());
        format!("{chromium}, {}", self.chromedriver.display())
    }
}

/// `Chromium 142.0.1.2` of `Chromium 142.0.1.2 built on Debian …`.
fn version(printed: &[u8]) -> Option<String> {
    let printed = str::from_utf8(printed).ok()?;
    let words: Vec<&str> = printed.split_whitespace().collect();
    let number = words
        .iter()
        .position(|word| word.starts_with(|sign: char| sign.is_ascii_digit()))?;
    Some(words.get(..=number)?.join(" "))
}

/// What the environment says.
#[derive(Debug, Default)]
struct Named {
    chromium: Option<PathBuf>,
    chromedriver: Option<PathBuf>,
}

impl Named {
    /// What is named must be there; what is not named is looked for.
    fn or_on(&self, path: &SearchPath) -> Result<Option<Browser>, ChoreError> {
        let chromium = match &self.chromium {
            Some(named) => Some(program("CHROMIUM", named)?),
            None => path.find(&["chromium", "chromium-browser", "google-chrome", "chrome"]),
        };
        let chromedriver = match &self.chromedriver {
            Some(named) => Some(program("CHROMEDRIVER", named)?),
            None => path.find(&["chromedriver"]),
        };
        Ok(chromium
            .zip(chromedriver)
            .map(|(chromium, chromedriver)| Browser {
                chromium,
                chromedriver,
            }))
    }
}

fn program(variable: &'static str, named: &std::path::Path) -> Result<PathBuf, ChoreError> {
    if is_program(named) {
        return Ok(named.to_owned());
    }
    Err(ChoreError::new(ChoreErrorKind::NoSuchTool {
        variable,
        path: named.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nowhere() -> SearchPath {
        SearchPath::new(Vec::new())
    }

    #[test]
    fn version_is_read() {
        let printed = b"Google Chrome 142.0.1.2 built on Debian 13\n";
        assert_eq!(version(printed).as_deref(), Some("Google Chrome 142.0.1.2"));
        assert_eq!(version(b"no number"), None);
    }

    #[test]
    fn named_programs_are_used() {
        let named = Named {
            chromium: Some("/bin/true".into()),
            chromedriver: Some("/bin/sh".into()),
        };
        let found = named.or_on(&nowhere());
        let wanted = Browser {
            chromium: "/bin/true".into(),
            chromedriver: "/bin/sh".into(),
        };
        assert_eq!(found.ok().flatten(), Some(wanted));
    }

    #[test]
    fn wrong_name_is_an_error() {
        let named = Named {
            chromium: Some("/nowhere/chromium".into()),
            chromedriver: None,
        };
        let found = named.or_on(&nowhere());
        assert!(matches!(
            found.as_ref().map_err(ChoreError::kind),
            Err(ChoreErrorKind::NoSuchTool {
                variable: "CHROMIUM",
                ..
            })
        ));
    }

    #[test]
    fn half_a_browser_is_none() {
        let named = Named {
            chromium: Some("/bin/true".into()),
            chromedriver: None,
        };
        assert_eq!(named.or_on(&nowhere()).ok(), Some(None));
    }
}
