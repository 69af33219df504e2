//! A running site: the built program on a folder and a port of its own.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::PATIENCE;
use crate::client::Client;
use crate::database::Database;
use crate::options::SiteOptions;
use crate::printed::{Printed, Record, nth_printed};
use crate::program::{clean_command, limited_command};

/// A running site. It is stopped by SIGTERM when it is dropped.
pub struct Site {
    folder: Arc<TempDir>,
    database: String,
    origin: String,
    record: watch::Receiver<Record>,
    process: Mutex<Option<Process>>,
}

/// The program and the threads that read what it says.
struct Process {
    child: Child,
    readers: Vec<JoinHandle<()>>,
}

/// A site that has ended.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// All it said.
    pub record: Record,
    /// How long it took from the signal to the end.
    pub took: Duration,
}

impl Site {
    /// Starts a site with the program's own defaults on a new folder, without limits.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    /// How to start one with settings.
    pub fn options() -> SiteOptions {
        SiteOptions::default()
    }

    pub(crate) async fn start_with(options: SiteOptions) -> Self {
        let folder = options
            .folder
            .clone()
            .unwrap_or_else(|| Arc::new(tempfile::tempdir().unwrap()));
        let mut command = match options.descriptors {
            Some(count) => limited_command(folder.path(), count),
            None => clean_command(folder.path()),
        };
        command
            .arg("serve")
            .args(["--addr", "127.0.0.1:0", "--database"]);
        let in_folder = || format!("sqlite:{}", database_path(folder.path()).display());
        let database = options.database.clone().unwrap_or_else(in_folder);
        command.arg(&database);
        if let Some(toml) = &options.config {
            let path = folder.path().join("phone-auth.toml");
            crate::secret_file(&path, toml);
            command.arg("--config").arg(path);
        }
        if let Some(origin) = &options.origin {
            command.args(["--site-url", origin]);
        }
        if options.is_for_this_machine() {
            // Asked for, so that a site takes over what another one has left pending.
            command.env("PHONE_AUTH_DEVELOPMENT", "true");
        }
        if !options.is_limited {
            command.env("PHONE_AUTH_DANGER_NO_LIMITS", "true");
        }
        command.args(&options.arguments);
        command.envs(options.variables.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, mut record) = watch::channel(Record::default());
        let send = Arc::new(send);
        let stdout = child.stdout.take().unwrap();
        let stderr = child.stderr.take().unwrap();
        let out = Arc::clone(&send);
        let readers = vec![
            follow(stdout, move |line| {
                out.send_modify(|record| record.stdout.push(line));
            }),
            follow(stderr, move |line| {
                send.send_modify(|record| record.stderr.push(line));
            }),
        ];
        let said = tokio::time::timeout(PATIENCE, record.wait_for(|it| it.origin().is_some()))
            .await
            .ok()
            .and_then(|heard| heard.ok()?.origin());
        let Some(origin) = said else {
            drop(child.kill());
            panic!(
                "the site does not say where it listens: {:#?}",
                *record.borrow()
            )
        };
        let process = Mutex::new(Some(Process { child, readers }));
        Self {
            folder,
            database,
            origin,
            record,
            process,
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host and port, as they stand in the Host header.
    pub fn host(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    /// Its folder: the database, the key, and the working directory.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A new client without cookies.
    pub fn client(&self) -> Client {
        Client::new(&self.origin)
    }

    /// Its database, opened by a stranger; that in its folder.
    pub fn database(&self) -> Database {
        Database::open(&database_path(self.folder.path()))
    }

    /// The value of `--database` that this site uses.
    pub fn database_url(&self) -> String {
        self.database.clone()
    }

    /// All it has said so far.
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// The line of `signal` to `destination` that is number `nth` (from 1) of its kind.
    pub async fn nth_printed(&self, signal: &str, destination: &str, nth: usize) -> Printed {
        let found = nth_printed(self.record.clone(), signal, destination, nth).await;
        found.unwrap_or_else(|| panic!("no line {nth} of {signal} to {destination}:\n{self:?}"))
    }

    /// The first line of `signal` to `destination`.
    pub async fn printed(&self, signal: &str, destination: &str) -> Printed {
        self.nth_printed(signal, destination, 1).await
    }

    /// Waits until what it says, other than the lines of signals, has these words.
    pub async fn says(&self, words: &str) {
        let mut record = self.record.clone();
        let said = record.wait_for(|record| record.rest().contains(words));
        let is_said = tokio::time::timeout(PATIENCE, said).await.is_ok();
        assert!(is_said, "the site does not say {words:?}:\n{self:?}");
    }

    /// The path of its development mailbox, which it says at the start and nowhere else.
    pub async fn mailbox(&self) -> String {
        self.says("/dev/mailbox/").await;
        let rest = self.record().rest();
        let (_, path) = rest.split_once("/dev/mailbox/").unwrap();
        let token = path.split('/').next().unwrap();
        format!("/dev/mailbox/{token}/")
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process
            .lock()
            .unwrap()
            .as_ref()
            .expect("the site runs")
            .child
            .id()
    }

    /// The most memory it has ever held, in bytes (`VmHWM` of Linux).
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kilobytes * 1024
    }

    /// For how long processors have worked for it, whatever else the machine has done meanwhile (`utime` and `stime` of Linux,
    /// in hundredths of a second).
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        // The name of the program, in brackets, may have spaces. Behind it the two are the twelfth and the thirteenth.
        let (_, fields) = stat.rsplit_once(')').unwrap();
        let times = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = times.map(|it| it.parse::<u64>().unwrap()).sum();
        Duration::from_millis(ticks * 10)
    }

    /// How many descriptors it has open (of Linux).
    pub fn descriptors(&self) -> usize {
        let folder = std::fs::read_dir(format!("/proc/{}/fd", self.pid()));
        folder.unwrap().count()
    }

    /// Sends SIGTERM and does not wait.
    pub fn terminate(&self) {
        signal(self.pid(), Signal::TERM);
    }

    /// Stops it by SIGTERM and waits until it has ended and all it said is read.
    ///
    /// A site that does not end within [`PATIENCE`] fails the test.
    pub fn stop(&self) -> Ended {
        self.end(Some(Signal::TERM))
    }

    /// Waits for the end of a site that was told to stop before.
    pub fn stop_waiting(&self) -> Ended {
        self.end(None)
    }

    /// Kills it where it stands.
    pub fn kill(&self) -> Ended {
        self.end(Some(Signal::KILL))
    }

    fn end(&self, by: Option<Signal>) -> Ended {
        let started = Instant::now();
        let mut process = self.process.lock().unwrap().take().expect("the site runs");
        if let Some(by) = by {
            signal(process.child.id(), by);
        }
        let status = wait(&mut process.child).unwrap_or_else(|| {
            process.child.kill().unwrap();
            panic!("the site does not end:\n{self:?}")
        });
        for reader in process.readers {
            reader.join().unwrap();
        }
        Ended {
            status,
            record: self.record(),
            took: started.elapsed(),
        }
    }

    /// Stops it if it runs, and starts it again on the same folder.
    pub async fn restart(&self, options: SiteOptions) -> Self {
        if self.process.lock().unwrap().is_some() {
            self.stop();
        }
        options.folder(Arc::clone(&self.folder)).start().await
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.record();
        writeln!(f, "site at {:?}, which has said", self.origin)?;
        for line in record.stdout {
            writeln!(f, "  out: {line}")?;
        }
        for line in record.stderr {
            writeln!(f, "  err: {line}")?;
        }
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let Some(mut process) = self.process.get_mut().ok().and_then(Option::take) else {
            return;
        };
        signal(process.child.id(), Signal::TERM);
        let ended = wait(&mut process.child).is_some();
        if !ended {
            drop(process.child.kill());
        }
        if std::thread::panicking() {
            // The test's own output is captured, and shown because it failed.
            let record = self.record.borrow().clone();
            let all: Vec<String> = record.stdout.into_iter().chain(record.stderr).collect();
            let tail = all.len().saturating_sub(60);
            let lines = all.get(tail..).unwrap_or_default().join("\n");
            drop(std::io::Write::write_all(
                &mut std::io::stderr(),
                lines.as_bytes(),
            ));
        } else {
            assert!(ended, "the site does not end at SIGTERM");
        }
    }
}

pub(crate) fn database_path(folder: &Path) -> PathBuf {
    folder.join("site.sqlite3")
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// Waits for the end of a child; `None` when [`PATIENCE`] is over.
fn wait(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Hands each line of `source` on, from a thread of its own.
pub(crate) fn follow(
    source: impl Read + Send + 'static,
    mut take: impl FnMut(String) + Send + 'static,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(source).split(b'\n');
        while let Some(Ok(line)) = lines.next() {
            take(
                String::from_utf8_lossy(&line)
                    .trim_end_matches('\r')
                    .to_owned(),
            );
        }
    })
}
