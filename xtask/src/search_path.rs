//! Finding programs by name, as a shell does.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders in which programs are looked for.
#[derive(Debug)]
pub(crate) struct SearchPath {
    folders: Vec<PathBuf>,
}

impl SearchPath {
    /// That of the environment, and the folders of administrators, which `PATH` may leave out.
    pub(crate) fn of_environment() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path)
            .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
            .collect();
        Self { folders }
    }

    /// These folders and no others.
    #[cfg(test)]
    pub(crate) fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// The first program that bears one of `names`; earlier names win over earlier folders.
    pub(crate) fn find(&self, names: &[&str]) -> Option<PathBuf> {
        names
            .iter()
            .flat_map(|name| self.folders.iter().map(move |folder| folder.join(name)))
            .find(|path| is_program(path))
    }
}

/// Whether `path` is a file that may be executed.
pub(crate) fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|about| about.is_file() && is_executable(&about))
}

#[cfg(unix)]
fn is_executable(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    about.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_about: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_found_by_name() {
        let path = SearchPath::new(vec!["/nowhere".into(), "/bin".into()]);
        assert_eq!(path.find(&["sh"]), Some("/bin/sh".into()));
    }

    #[test]
    fn later_names_are_tried() {
        let path = SearchPath::new(vec!["/bin".into()]);
        assert_eq!(path.find(&["no-such-shell", "sh"]), Some("/bin/sh".into()));
    }

    #[test]
    fn plain_file_is_no_program() {
        assert!(!is_program(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/Cargo.toml"
        ))));
        assert!(!is_program(Path::new("/bin")));
    }
}
