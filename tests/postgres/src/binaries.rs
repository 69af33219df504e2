//! The programs of PostgreSQL, and as whom they run.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::PostgresError;

/// Where Debian puts the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Those that are run here.
const PROGRAMS: [&str; 7] = [
    "createdb",
    "dropdb",
    "initdb",
    "pg_ctl",
    "pg_isready",
    "postgres",
    "psql",
];

/// The folder of the programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Finds them: in the folder that `POSTGRES_BIN` names, on `PATH`, or in Debian's folder, the newest
    /// version there.
    ///
    /// # Errors
    /// `NotInstalled` when they are in none of these.
    pub fn find() -> Result<Self, PostgresError> {
        let named = env::var_os("POSTGRES_BIN").map(PathBuf::from);
        let on_path = env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = match named {
            Some(named) => vec![named],
            None => env::split_paths(&on_path).chain(of_debian()).collect(),
        };
        // `PATH` may lead to one of them and not to the others.
        folders.retain(|folder| PROGRAMS.iter().all(|it| folder.join(it).is_file()));
        match folders.into_iter().next() {
            Some(folder) => Ok(Self { folder }),
            None => Err(PostgresError::NotInstalled),
        }
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A client program, which runs as the one who runs the test.
    pub(crate) fn client(&self, program: &str) -> Command {
        Command::new(self.folder.join(program))
    }

    /// A program of the server.
    pub(crate) fn server(&self, program: &str, user: Option<&User>) -> Command {
        bound(&self.folder.join(program), user)
    }
}

/// A program that does not run as root, such as a proxy, with a folder that it may write to. On Linux it is
/// told to stop when the thread that starts it ends.
///
/// # Errors
/// When the folder cannot be given to the user it runs as.
pub fn as_server_user(program: &Path, folder: &Path) -> Result<Command, PostgresError> {
    let user = User::to_become()?;
    if let Some(user) = user {
        user.give(folder)?;
    }
    Ok(bound(program, user.as_ref()))
}

/// A program that, on Linux, is told to stop when the thread that starts it ends, however that ends; root
/// starts it as someone else.
fn bound(program: &Path, user: Option<&User>) -> Command {
    let mut command = if cfg!(target_os = "linux") || user.is_some() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if let Some(user) = user {
            command.arg(format!("--reuid={}", user.uid));
            command.arg(format!("--regid={}", user.gid));
            command.arg("--clear-groups");
        }
        command.arg("--").arg(program);
        command
    } else {
        Command::new(program)
    };
    // The folder of the test may be closed to that user.
    command.current_dir("/");
    command
}

/// Debian's folders, the newest version first.
fn of_debian() -> Vec<PathBuf> {
    let versions = fs::read_dir(DEBIAN).into_iter().flatten().flatten();
    let mut folders: Vec<_> = versions
        .filter_map(|entry| {
            let version: f32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    folders.into_iter().map(|(_, folder)| folder).collect()
}

/// Someone as whom a server runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct User {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl User {
    /// The user to become, if we are root.
    pub(crate) fn to_become() -> Result<Option<Self>, PostgresError> {
        if id(&["-u"])? != 0 {
            return Ok(None);
        }
        let of = |name| {
            Ok::<_, PostgresError>(Self {
                uid: id(&["-u", name])?,
                gid: id(&["-g", name])?,
            })
        };
        of("postgres").or_else(|_| of("nobody")).map(Some)
    }

    /// Gives a folder to this user.
    pub(crate) fn give(self, folder: &Path) -> Result<(), PostgresError> {
        Ok(std::os::unix::fs::chown(
            folder,
            Some(self.uid),
            Some(self.gid),
        )?)
    }
}

/// A number that the program `id` tells.
fn id(arguments: &[&str]) -> Result<u32, PostgresError> {
    let mut command = Command::new("id");
    let said = run(command.args(arguments))?;
    said.trim().parse().map_err(|_| PostgresError::Failed {
        program: "id".to_owned(),
        said,
    })
}

/// Runs a program to its end; what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, PostgresError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .env("LC_MESSAGES", "C")
        .output()
        .map_err(|source| PostgresError::NotRun {
            program: program.clone(),
            source,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(PostgresError::Failed {
        program,
        said: String::from_utf8_lossy(&said).into_owned(),
    })
}
