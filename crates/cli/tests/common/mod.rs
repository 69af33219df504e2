//! Starting the program, reading what it says, and talking HTTP to it: std only, nothing of ours.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    reason = "each test file uses a part of this, and a panic is how it fails its test"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// How long anything may take before the test that waits for it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder of its own for a database, a key and settings.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, content).unwrap();
        // Some of what is written holds a secret.
        let owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, owner).unwrap();
        path
    }

    /// The program in this folder, with nothing of the settings of the one who runs the tests.
    pub(crate) fn command(&self) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_phone-auth")))
    }

    pub(crate) fn command_of(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PHONE_AUTH_") || text == "RUST_LOG" {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that reads nothing may be gone by now.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
        Ran::from(child.wait_with_output().unwrap())
    }

    /// Starts the site on a free port of this machine.
    pub(crate) fn serve(&self) -> Site {
        self.serve_with(|_| {})
    }

    pub(crate) fn serve_with(&self, change: impl FnOnce(&mut Command)) -> Site {
        let mut command = self.command();
        command.args(["--addr", "127.0.0.1:0"]);
        change(&mut command);
        Site::start(command)
    }
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// A running site; killed when dropped.
pub(crate) struct Site {
    child: Child,
    lines: Receiver<String>,
    /// The lines of standard output read so far.
    pub(crate) said: Vec<String>,
    /// Those of them that came before it listened, and nobody has waited for yet: messages that were pending.
    early: Vec<String>,
    /// Host and port.
    pub(crate) host: String,
    logs: Option<std::thread::JoinHandle<String>>,
}

impl Site {
    /// Starts a site and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines() {
                // The test may have ended: then nobody listens any more.
                drop(send.send(line.unwrap()));
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let logs = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut site = Self {
            child,
            lines,
            said: Vec::new(),
            early: Vec::new(),
            host: String::new(),
            logs: Some(logs),
        };
        let line = site.wait_for(|line| line.contains("http://"));
        let (_, rest) = line.split_once("http://").unwrap();
        rest.split('/').next().unwrap().clone_into(&mut site.host);
        site.early = site.said.clone();
        site.early.pop();
        site
    }

    /// Reads lines until one is as wanted, and gives that one.
    pub(crate) fn wait_for(&mut self, wanted: impl Fn(&str) -> bool) -> String {
        if let Some(index) = self.early.iter().position(|line| wanted(line)) {
            return self.early.remove(index);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                drop(self.child.kill());
                let logs = self.logs.take().map(|logs| logs.join().unwrap());
                panic!("not said: {:#?}\n{}", self.said, logs.unwrap_or_default());
            };
            self.said.push(line.clone());
            if wanted(&line) {
                return line;
            }
        }
    }

    /// The path of the development mailbox, which the lines at the start say.
    pub(crate) fn mailbox(&mut self) -> String {
        let is_it = |line: &str| line.contains("/dev/mailbox/");
        let said = self.said.iter().find(|line| is_it(line)).cloned();
        let line = said.unwrap_or_else(|| self.wait_for(is_it));
        let (_, path) = line.split_once("/dev/mailbox/").unwrap();
        format!("/dev/mailbox/{path}")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: the exit code, and all of standard error.
    pub(crate) fn wait(&mut self) -> (Option<i32>, String) {
        let end = Instant::now() + PATIENCE;
        // Its output ends when it does.
        loop {
            match self
                .lines
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the site does not end: {:#?}", self.said),
            }
        }
        let status = self.child.wait().unwrap();
        (status.code(), self.logs.take().unwrap().join().unwrap())
    }

    pub(crate) fn stop(&mut self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        self.wait()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.request(
            &format!("GET {path} HTTP/1.1\r\nHost: {}\r\n", self.host),
            "",
        )
    }

    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        self.post_as(path, form, "")
    }

    pub(crate) fn post_as(&self, path: &str, form: &str, cookies: &str) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\
             Cookie: {cookies}\r\n",
            host = self.host,
            length = form.len(),
        );
        self.request(&head, form)
    }

    /// Sends a head without its empty line, then the body, and reads the answer to its end.
    pub(crate) fn request(&self, head: &str, body: &str) -> Answer {
        let mut stream = self.connect();
        write!(stream, "{head}Connection: close\r\n\r\n{body}").unwrap();
        Answer::read(&mut stream)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            panic!("not an answer: {text:?}");
        };
        Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// The first value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The cookies it sets, as a browser would send them back.
    pub(crate) fn cookies(&self) -> String {
        let pairs = self.head.lines().filter_map(|line| {
            let (key, value) = line.split_once(':')?;
            let cookie = value.trim().split(';').next()?;
            key.eq_ignore_ascii_case("set-cookie").then_some(cookie)
        });
        pairs.collect::<Vec<_>>().join("; ")
    }
}
