//! Finding the built program, and running its commands that end.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The place of the built program: `PHONE_AUTH_BIN`, else what `cargo build` makes now.
///
/// Cargo is asked once per process.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| match env::var_os("PHONE_AUTH_BIN") {
        Some(named) => {
            let path = PathBuf::from(named);
            assert!(
                path.is_file(),
                "PHONE_AUTH_BIN names no file: {}",
                path.display()
            );
            path
        }
        None => build(),
    })
}

/// Builds the program and takes its place from cargo's own report.
fn build() -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args([
            "build",
            "--package",
            "phone-auth-cli",
            "--message-format=json-render-diagnostics",
        ])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs, since it built this test");
    assert!(built.status.success(), "the program does not build");
    String::from_utf8_lossy(&built.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .find(|path| path.file_stem().is_some_and(|stem| stem == "phone-auth"))
        .expect("phone-auth-cli has a program named phone-auth")
}

/// A command that takes nothing from the settings of the one who runs the tests.
pub(crate) fn clean_command(folder: &Path) -> Command {
    cleaned(Command::new(program()), folder)
}

/// The same with no more file descriptors than these.
pub(crate) fn limited_command(folder: &Path, descriptors: u32) -> Command {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
    command.args(["-c", &script]).arg(program());
    cleaned(command, folder)
}

fn cleaned(mut command: Command, folder: &Path) -> Command {
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PHONE_AUTH_") || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command
}

/// Writes a file that its owner alone may read, as files with secrets must be.
pub fn secret_file(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// What a command that ended has said.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ran {
    /// Whether it ended with success.
    pub success: bool,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Both outputs, for messages and for words that may stand in either.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs the program in `folder` with these arguments, variables and standard input, to its end.
///
/// A program that does not end within [`crate::PATIENCE`] is killed and fails the test.
pub fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Ran {
    use std::io::{Read as _, Write as _};
    use std::sync::mpsc;

    let mut child = clean_command(folder)
        .args(arguments)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // A program that reads nothing may have closed its end by now.
    drop(
        child
            .stdin
            .take()
            .map(|mut stdin| stdin.write_all(input.as_bytes())),
    );
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let (send, said) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let err = std::thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).map(|_| text)
        });
        let mut out = Vec::new();
        stdout.read_to_end(&mut out).unwrap();
        let err = err.join().unwrap().unwrap();
        send.send((out, err)).unwrap();
    });
    let ended = said.recv_timeout(crate::PATIENCE);
    if ended.is_err() {
        child.kill().unwrap();
    }
    let success = child.wait().unwrap().success();
    reader.join().unwrap();
    let (out, err) = ended.unwrap_or_else(|_| {
        let (out, err) = said.recv().unwrap();
        panic!(
            "`phone-auth {}` does not end:\n{}{}",
            arguments.join(" "),
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(&err)
        )
    });
    Ran {
        success,
        stdout: String::from_utf8_lossy(&out).into_owned(),
        stderr: String::from_utf8_lossy(&err).into_owned(),
    }
}
