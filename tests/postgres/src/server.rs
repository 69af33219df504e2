//! A server of its own, in a temporary folder.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::binaries::{Binaries, User, run};
use crate::error::PostgresError;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// Connections are ended, then everything is written to disk.
    Fast,
    /// As in a crash: what is in memory is lost, and recovered from the log at the next start.
    Immediate,
}

/// A server in a temporary folder, reached by a socket in that folder and, unless it is told to
/// [listen](Self::listen), by nothing else.
///
/// It is told to stop when the thread ends that started it, and is gone when it is dropped.
#[derive(Debug)]
pub struct Server {
    binaries: Binaries,
    user: Option<User>,
    settings: Vec<String>,
    /// How many MiB its small disk has.
    small_disk: Option<u32>,
    port: u16,
    running: Option<Child>,
    // Dropped last: the server lives in it.
    folder: TempDir,
}

impl Server {
    /// Makes a server and starts it. It does not flush to the disk: a power cut would lose what it holds,
    /// the end of its process does not.
    ///
    /// # Errors
    /// Why it does not start, in its own words.
    pub fn start(binaries: &Binaries) -> Result<Self, PostgresError> {
        Self::start_with(binaries, &[])
    }

    /// Makes a server with further settings, such as `max_connections=10`, and starts it.
    ///
    /// # Errors
    /// Why it does not start, in its own words.
    pub fn start_with(binaries: &Binaries, settings: &[&str]) -> Result<Self, PostgresError> {
        Self::start_on(binaries, settings, None)
    }

    /// Makes a server with a [small disk](Self::small_disk) of so many MiB beside its own, and starts it. It is a file
    /// system in memory that the server alone sees, and is gone with it.
    ///
    /// # Errors
    /// Why it does not start, in its own words.
    pub fn start_with_small_disk(
        binaries: &Binaries,
        mebibytes: u32,
    ) -> Result<Self, PostgresError> {
        Self::start_on(binaries, &[], Some(mebibytes))
    }

    fn start_on(
        binaries: &Binaries,
        settings: &[&str],
        small_disk: Option<u32>,
    ) -> Result<Self, PostgresError> {
        let user = User::to_become()?;
        let folder = tempfile::Builder::new().prefix("pg").tempdir()?;
        if let Some(user) = user {
            user.give(folder.path())?;
        }
        let data = folder.path().join("data");
        let mut make = binaries.server("initdb", user.as_ref());
        make.arg("--pgdata").arg(&data);
        // A locale whose `lower` knows more letters than ASCII has, as those of most databases.
        make.args(["--username=postgres", "--auth=trust", "--no-sync"]);
        run(make.args(["--encoding=UTF8", "--locale=C.UTF-8"]))?;
        let mut server = Self {
            binaries: binaries.clone(),
            user,
            settings: settings.iter().map(ToString::to_string).collect(),
            small_disk,
            port: 5432,
            running: None,
            folder,
        };
        server.start_again()?;
        Ok(server)
    }

    /// Makes it listen at 127.0.0.1 besides, by TLS if it is given a certificate and the key that goes
    /// with it; the port.
    ///
    /// # Errors
    /// Why it does not start again, in its own words.
    pub fn listen(&mut self, identity: Option<(&Path, &Path)>) -> Result<u16, PostgresError> {
        self.stop(Stop::Fast)?;
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        self.port = free.local_addr()?.port();
        drop(free);
        self.settings.push("listen_addresses=127.0.0.1".to_owned());
        if let Some((certificate, key)) = identity {
            for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
                let to = self.data().join(name);
                std::fs::copy(from, &to)?;
                // It takes no key that others can read.
                std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600))?;
                if let Some(user) = self.user {
                    user.give(&to)?;
                }
            }
            self.settings.push("ssl=on".to_owned());
        }
        self.start_again()?;
        Ok(self.port)
    }

    /// Starts it again after it was stopped.
    ///
    /// # Errors
    /// Why it does not start, in its own words.
    pub fn start_again(&mut self) -> Result<(), PostgresError> {
        let log = self.folder.path().join("log");
        let said = std::fs::File::create(&log)?;
        let command = self.binaries.server("postgres", self.user.as_ref());
        let mut command = match self.small_disk {
            Some(mebibytes) => self.with_small_disk(&command, mebibytes)?,
            None => command,
        };
        command.arg("-D").arg(self.data());
        command.arg("-k").arg(self.folder.path());
        for setting in ["listen_addresses=", "fsync=off", "max_connections=200"] {
            command.arg("-c").arg(setting);
        }
        command.arg("-c").arg(format!("port={}", self.port));
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        let running = command
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn();
        self.running = Some(running.map_err(|source| PostgresError::NotRun {
            program: "postgres".to_owned(),
            source,
        })?);
        self.wait_until_ready(&log)
    }

    /// A command that sees the small disk. Anyone may make a file system in memory who is root in a name space of their
    /// own; the server refuses to be root, so it becomes someone else there again.
    fn with_small_disk(&self, command: &Command, mebibytes: u32) -> Result<Command, PostgresError> {
        let place = self.small_disk();
        std::fs::create_dir_all(&place)?;
        let mut options = format!("size={mebibytes}m,mode=700");
        let mut wrapped = Command::new("unshare");
        wrapped.arg("--mount");
        let become_other = if let Some(User { uid, gid }) = self.user {
            // Writing to a text cannot fail.
            let _ = write!(options, ",uid={uid},gid={gid}");
            ""
        } else {
            wrapped.args(["--user", "--map-root-user"]);
            "unshare --user --map-user=1000 --map-group=1000 -- "
        };
        let script =
            format!("mount -t tmpfs -o {options} tmpfs \"$0\" && exec {become_other}\"$@\"");
        wrapped.args(["--", "sh", "-c", &script]).arg(place);
        wrapped.arg(command.get_program()).args(command.get_args());
        wrapped.current_dir("/");
        Ok(wrapped)
    }

    /// Waits until it answers.
    fn wait_until_ready(&mut self, log: &Path) -> Result<(), PostgresError> {
        let failed = |said| PostgresError::Failed {
            program: "postgres".to_owned(),
            said,
        };
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut ask = self.binaries.client("pg_isready");
            ask.arg("--quiet").arg("--host").arg(self.folder.path());
            if run(ask.arg(format!("--port={}", self.port))).is_ok() {
                return Ok(());
            }
            let ended = self.running.as_mut().map(Child::try_wait).transpose()?;
            if ended.flatten().is_some() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(failed(std::fs::read_to_string(log)?))
    }

    /// Stops it; what it holds stays.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&mut self, how: Stop) -> Result<(), PostgresError> {
        let Some(mut running) = self.running.take() else {
            return Ok(());
        };
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut command = self.binaries.server("pg_ctl", self.user.as_ref());
        command.arg("stop").arg("--pgdata").arg(self.data());
        let stopped = run(command.args(["--wait", "--mode", mode]));
        if stopped.is_err() {
            running.kill()?;
        }
        running.wait()?;
        stopped.map(drop)
    }

    /// The URL of its first database, for a user who may do everything.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost:{}/postgres?host={}",
            self.port,
            self.folder.path().display()
        )
    }

    /// The folder with its socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where its small disk is, if it was started with one: a place for a tablespace.
    pub fn small_disk(&self) -> PathBuf {
        self.folder.path().join("small")
    }

    /// The folder of its data, in which settings and keys lie.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }
}

impl Drop for Server {
    /// Nothing of it is needed any more, so nothing is saved.
    fn drop(&mut self) {
        let _ = self.stop(Stop::Immediate);
    }
}
