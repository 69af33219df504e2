//! Python with django-phone-auth in it: a virtual environment under `target/`, made once and kept.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What a missing Python's failure says.
const PACKAGES: &str = "the tests that change over from Django need Python 3.10 or newer with venv: \
    apt-get install python3 python3-venv, or name it in PYTHON";

/// What is installed.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/django/requirements.txt");

/// The interpreter of an environment that has all of `django/requirements.txt`.
///
/// It is made by the Python that `PYTHON` names, else by `python3`, with packages from `PyPI`.
pub(crate) fn python() -> &'static Path {
    static ENVIRONMENT: OnceLock<PathBuf> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        fs::create_dir_all(&target).unwrap();
        let target = target.canonicalize().unwrap();
        // Several test programs may come here at once: one makes it, the others wait.
        let lock = File::create(target.join("django-environment.lock")).unwrap();
        lock.lock().unwrap();
        let folder = target.join("django-environment");
        let python = folder.join("bin/python");
        let (wanted, has) = (
            fs::read_to_string(REQUIREMENTS).unwrap(),
            fs::read_to_string(folder.join("has.txt")).ok(),
        );
        if has.as_ref() != Some(&wanted) || !python.exists() {
            make(&folder, &python);
            fs::write(folder.join("has.txt"), wanted).unwrap();
        }
        python
    })
}

fn make(folder: &Path, python: &Path) {
    let base = env::var_os("PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let mut venv = Command::new(base);
    venv.args(["-m", "venv", "--clear"]).arg(folder);
    succeed(venv, PACKAGES);
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
        .args(["--disable-pip-version-check", "--no-deps", "--requirement"])
        .arg(REQUIREMENTS);
    succeed(
        pip,
        "the tests that change over from Django install it from PyPI, which cannot be reached",
    );
}

fn succeed(mut command: Command, otherwise: &str) {
    let ran = command.stdin(Stdio::null()).output();
    let ran = ran.unwrap_or_else(|error| panic!("{command:?}: {error}. {otherwise}"));
    assert!(
        ran.status.success(),
        "{command:?} fails: {}{}\n{otherwise}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
}
