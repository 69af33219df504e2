//! The application of `xtask/link-matrix`: building and running it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::{env, iter};

use cargo_metadata::{Artifact, Message};

use crate::error::{ChoreError, ChoreErrorKind};
use crate::link_matrix::artefact::Artefact;
use crate::link_matrix::linker::Linker;
use crate::link_matrix::outcome::Outcome;
use crate::link_matrix::profile::Profile;
use crate::process::Process;
use crate::repository::Repository;

/// The variable that the build script of the application reads.
const LINK_ARGS: &str = "LINK_MATRIX_ARGS";

/// The application, and where to build it.
#[derive(Debug)]
pub(crate) struct Fixture {
    folder: PathBuf,
    target: PathBuf,
    host: String,
    libraries: PathBuf,
    rust_lld: String,
    loader: PathBuf,
}

impl Fixture {
    /// The application of this repository. Builds the program that opens its C library.
    ///
    /// # Errors
    /// `OddOutput` when rustc does not say where it is, and when the loader does not build.
    pub(crate) fn of(repository: &Repository) -> Result<Self, ChoreError> {
        let about = Process::new("rustc").arg("-vV").read()?;
        let host = about
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or_else(|| {
                ChoreError::new(ChoreErrorKind::OddOutput {
                    command: "rustc -vV".to_owned(),
                })
            })?;
        let sysroot = Process::new("rustc").args(["--print", "sysroot"]).read()?;
        let of_host = Path::new(sysroot.trim()).join("lib/rustlib").join(host);
        let target = repository.metadata()?.target_directory.into_std_path_buf();
        let mut fixture = Self {
            folder: repository.root().join("xtask/link-matrix"),
            target: target.join("link-matrix"),
            host: host.to_owned(),
            libraries: of_host.join("lib"),
            rust_lld: of_host.join("bin/gcc-ld").display().to_string(),
            loader: PathBuf::new(),
        };
        let built = fixture.build(
            "plain",
            Profile::Dev,
            &fixture.host,
            &["--package", "loader"],
        );
        let loader = built.map(|artefacts| executable(&artefacts, "loader"));
        fixture.loader = loader.ok().flatten().ok_or_else(|| {
            let command = "cargo build --package loader".to_owned();
            ChoreError::new(ChoreErrorKind::OddOutput { command })
        })?;
        Ok(fixture)
    }

    /// The cells of one row.
    pub(crate) fn cells(&self, profile: Profile, linker: Linker) -> Vec<(Artefact, Outcome)> {
        let (program, test, cdylib) = self.static_cells(profile, linker);
        vec![
            (Artefact::Program, program),
            (Artefact::Test, test),
            (Artefact::CDylib, cdylib),
            (Artefact::Dylib, self.dynamic_cell(profile, linker)),
        ]
    }

    /// What is linked statically shares one build.
    fn static_cells(&self, profile: Profile, linker: Linker) -> (Outcome, Outcome, Outcome) {
        let what = [
            "--package",
            "app",
            "--package",
            "cdylib",
            "--lib",
            "--bins",
            "--test",
            "*",
        ];
        let built = match self.link(profile, linker, "plain", &what) {
            Ok(built) => built,
            Err(broken) => return (broken.clone(), broken.clone(), broken),
        };
        let program = executable(&built, "app").map(Process::new);
        let test = executable(&built, "linked");
        let test = test.map(|test| Process::new(test).args(["--nocapture", "--quiet"]));
        let cdylib = library(&built, "cdylib");
        let cdylib = cdylib.map(|cdylib| Process::new(&self.loader).arg(cdylib));
        (outcome(program), outcome(test), outcome(cdylib))
    }

    /// The program that links the application dynamically, and the standard library too.
    fn dynamic_cell(&self, profile: Profile, linker: Linker) -> Outcome {
        if !Artefact::Dylib.exists_with(profile) {
            return Outcome::Untried("–");
        }
        let built = match self.link(profile, linker, "dynamic", &["--package", "dylib-user"]) {
            Ok(built) => built,
            Err(broken) => return broken,
        };
        let folders = [library(&built, "dylib"), Some(self.libraries.join("any"))];
        let folders = folders
            .iter()
            .flatten()
            .filter_map(|library| library.parent());
        let path = env::join_paths(folders).unwrap_or_else(|_| OsString::new());
        let user = executable(&built, "dylib-user").map(Process::new);
        outcome(user.map(|user| user.env("LD_LIBRARY_PATH", path)))
    }

    /// Builds `what` for this machine, linked by `linker`.
    fn link(
        &self,
        profile: Profile,
        linker: Linker,
        kind: &str,
        what: &[&str],
    ) -> Result<Vec<Artifact>, Outcome> {
        let arguments = linker.arguments(&self.rust_lld);
        Self::run_build(
            self.cargo(kind, profile, &self.host, what)
                .env(LINK_ARGS, arguments),
        )
    }

    /// Builds `what` for `target` with the linker that rustc chooses.
    pub(crate) fn build(
        &self,
        kind: &str,
        profile: Profile,
        target: &str,
        what: &[&str],
    ) -> Result<Vec<Artifact>, Outcome> {
        Self::run_build(self.cargo(kind, profile, target, what))
    }

    fn cargo(&self, kind: &str, profile: Profile, target: &str, what: &[&str]) -> Process {
        // The target is named so that flags do not reach build scripts and macros.
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Process::new(cargo)
            .in_folder(&self.folder)
            .args([
                "build",
                "--quiet",
                "--message-format=json-render-diagnostics",
            ])
            .args([
                "--profile",
                profile.name(),
                "--target",
                target,
                "--target-dir",
            ])
            .arg(self.target.join(kind))
            .args(what)
            .env("RUSTFLAGS", flags(kind, target))
            .env(LINK_ARGS, "")
    }

    fn run_build(cargo: Process) -> Result<Vec<Artifact>, Outcome> {
        let output = cargo
            .capture()
            .map_err(|error| Outcome::of_failure(&error.to_string()))?;
        if !output.status.success() {
            return Err(Outcome::of_failure(&String::from_utf8_lossy(
                &output.stderr,
            )));
        }
        let messages = Message::parse_stream(output.stdout.as_slice()).filter_map(Result::ok);
        Ok(messages
            .filter_map(|message| match message {
                Message::CompilerArtifact(artefact) => Some(artefact),
                _ => None,
            })
            .collect())
    }
}

/// The flags of a whole build; a change of them compiles everything again.
fn flags(kind: &str, target: &str) -> String {
    // Since 1.90 rustc links with its own LLD on this target, whatever comes later in PATH.
    let no_lld = (target == "x86_64-unknown-linux-gnu").then_some("-Clinker-features=-lld");
    let dynamic = (kind == "dynamic").then_some("-Cprefer-dynamic");
    let flags: Vec<_> = iter::chain(no_lld, dynamic).collect();
    flags.join(" ")
}

/// The program or test called `name` among what was built.
pub(crate) fn executable(built: &[Artifact], name: &str) -> Option<PathBuf> {
    let named = built.iter().filter(|artefact| artefact.target.name == name);
    named
        .filter_map(|artefact| artefact.executable.clone())
        .map(PathBuf::from)
        .next_back()
}

/// The shared library called `name` among what was built.
fn library(built: &[Artifact], name: &str) -> Option<PathBuf> {
    let named = built.iter().filter(|artefact| artefact.target.name == name);
    let files = named.flat_map(|artefact| &artefact.filenames);
    files
        .filter(|file| file.extension() == Some("so"))
        .map(PathBuf::from)
        .next_back()
}

/// Runs what was built and reads its report.
pub(crate) fn outcome(process: Option<Process>) -> Outcome {
    let Some(process) = process else {
        return Outcome::Broken("cargo named no such artefact".to_owned());
    };
    match process.capture() {
        Ok(output) if output.status.success() => {
            Outcome::of_output(&String::from_utf8_lossy(&output.stdout))
        }
        Ok(output) => Outcome::of_failure(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => Outcome::of_failure(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_processes_are_read() {
        let said = outcome(Some(Process::new("echo").arg("heard: a")));
        assert_eq!(said, Outcome::Heard(vec!["a".to_owned()]));
        assert!(matches!(
            outcome(Some(Process::new("false"))),
            Outcome::Broken(_)
        ));
        assert!(matches!(outcome(None), Outcome::Broken(_)));
    }

    #[test]
    fn dynamic_build_prefers_dynamic() {
        let host = "x86_64-unknown-linux-gnu";
        assert_eq!(
            flags("dynamic", host),
            "-Clinker-features=-lld -Cprefer-dynamic"
        );
        assert_eq!(flags("plain", "wasm32-wasip1"), "");
    }
}
