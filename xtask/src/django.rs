//! The Django that the dispatcher is measured against.

use std::env;
use std::path::{Path, PathBuf};

use crate::console::Console;
use crate::debian::Tools;
use crate::error::ChoreError;
use crate::process::Process;
use crate::repository::Repository;
use crate::search_path::SearchPath;

const TOOLS: Tools = Tools {
    what: "Python and its module venv",
    packages: &["python3", "python3-venv"],
};

/// What pip is asked for.
const DJANGO: &str = "django~=5.2.0";

/// A Python that can import Django: the one in `PYTHON`, else `python3`, else one in the target folder, with Django
/// from `PyPI`. None where it cannot be had, having said why: everything else is measured all the same.
pub(crate) fn bring(repository: &Repository, console: &Console) -> Option<PathBuf> {
    let path = SearchPath::of_environment();
    let python = env::var_os("PYTHON").map(PathBuf::from);
    let python = python.or_else(|| path.find(&["python3"]));
    if python.as_deref().is_some_and(has_django) {
        return python;
    }
    install(repository, console, &path)
        .inspect_err(|error| console.failure(error))
        .ok()
}

fn install(
    repository: &Repository,
    console: &Console,
    path: &SearchPath,
) -> Result<PathBuf, ChoreError> {
    let target = repository.metadata()?.target_directory.into_std_path_buf();
    let folder = target.join("django");
    let python = folder.join("bin/python3");
    if has_django(&python) {
        return Ok(python);
    }
    console.step(format_args!(
        "installing {DJANGO} from PyPI into {}",
        folder.display()
    ));
    let venv = || Process::new("python3").args(["-m", "venv"]).arg(&folder);
    if !venv().succeeds() {
        TOOLS.install(console, path)?;
        venv().run()?;
    }
    let pip = ["-m", "pip", "--disable-pip-version-check", "install"];
    Process::new(&python)
        .args(pip)
        .args(["--quiet", DJANGO])
        .run()?;
    Ok(python)
}

fn has_django(python: &Path) -> bool {
    Process::new(python)
        .args(["-c", "import django"])
        .succeeds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_programs_have_no_django() {
        assert!(!has_django(Path::new("/nowhere/python3")));
        assert!(!has_django(Path::new("/bin/false")));
    }
}
