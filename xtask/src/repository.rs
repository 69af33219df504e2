//! Where the repository is, and cargo run in it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use cargo_metadata::{Message, Metadata, MetadataCommand};

use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;

/// The work tree that this program was built from.
#[derive(Debug)]
pub(crate) struct Repository {
    root: PathBuf,
}

impl Repository {
    /// The tree above this crate.
    ///
    /// # Errors
    /// `File` when the folder of this crate has gone.
    pub(crate) fn of_this_program() -> Result<Self, ChoreError> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        match here.parent() {
            Some(root) if here.is_dir() => Ok(Self {
                root: root.to_owned(),
            }),
            _ => Err(ChoreError::file(
                here,
                "the tree was moved after xtask was built",
            )),
        }
    }

    /// The folder that holds the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The cargo that runs us, in the root.
    pub(crate) fn cargo(&self) -> Process {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        // What cargo has told this program of its own package: a build script that reads it, as that of ring does, would run
        // again whenever cargo is called from elsewhere, and all that stands on it be compiled once more.
        Process::new(cargo)
            .in_folder(&self.root)
            .without("CARGO_MANIFEST_")
            .without("CARGO_PKG_")
    }

    /// The packages of the workspace and all they depend on.
    ///
    /// # Errors
    /// `OddOutput` when cargo cannot resolve the workspace.
    pub(crate) fn metadata(&self) -> Result<Metadata, ChoreError> {
        MetadataCommand::new()
            .current_dir(&self.root)
            .exec()
            .map_err(|error| {
                ChoreError::because(
                    ChoreErrorKind::OddOutput {
                        command: "cargo metadata".to_owned(),
                    },
                    error,
                )
            })
    }

    /// Builds with these arguments of cargo and returns where it put the program of this name.
    ///
    /// # Errors
    /// Those of cargo; `OddOutput` when there is no such program.
    pub(crate) fn build_program(&self, build: &[&str], name: &str) -> Result<PathBuf, ChoreError> {
        let format = "--message-format=json-render-diagnostics";
        let printed = self.cargo().args(build).arg(format).read()?;
        Message::parse_stream(printed.as_bytes())
            .filter_map(Result::ok)
            .filter_map(|message| match message {
                // Of a program there is another with its tests.
                Message::CompilerArtifact(artifact) if !artifact.profile.test => {
                    let is_it = artifact.target.is_bin() && artifact.target.name == name;
                    artifact.executable.filter(|_| is_it)
                }
                _ => None,
            })
            .last()
            .map(PathBuf::from)
            .ok_or_else(|| {
                let command = format!("cargo {} {format}", build.join(" "));
                ChoreError::because(
                    ChoreErrorKind::OddOutput { command },
                    "no program was named",
                )
            })
    }
}
