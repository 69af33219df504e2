//! The prompt for a password at a terminal: nothing is shown, and the terminal is left as it was.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::{Folder, PATIENCE};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

/// A terminal: what is typed and seen, and what a program has of it.
struct Terminal {
    keys: File,
    of_program: File,
}

impl Terminal {
    fn new() -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let path = OsStr::from_bytes(name.as_bytes());
        let of_program = OpenOptions::new().read(true).write(true).open(path);
        Self {
            keys: File::from(keys),
            of_program: of_program.unwrap(),
        }
    }

    fn shows_what_is_typed(&self) -> bool {
        let modes = tcgetattr(&self.of_program).unwrap().local_modes;
        modes.contains(LocalModes::ECHO)
    }

    /// Waits until it shows what is typed, or no longer does.
    fn wait(&self, shows: bool) {
        until(|| self.shows_what_is_typed() == shows);
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
    }

    /// Asks for a password at this terminal, by this program before ours.
    fn ask(&self, folder: &Folder, before: &[&str]) -> Asking {
        let ours = folder.command();
        let mut command = match before.split_first() {
            None => folder.command(),
            Some((program, arguments)) => {
                let mut command = folder.command_of(program.as_ref());
                command.args(arguments).arg(ours.get_program());
                command
            }
        };
        command.args(["user", "create", "ann", "--email", "ann@example.org"]);
        let child = with_terminal(&mut command, &self.of_program);
        Asking(child)
    }
}

fn with_terminal(command: &mut Command, terminal: &File) -> Child {
    command
        .stdin(terminal.try_clone().unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// A program that asks; killed when dropped.
struct Asking(Child);

impl Asking {
    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn end(&mut self) -> (ExitStatus, String) {
        until(|| self.0.try_wait().unwrap().is_some());
        let mut said = String::new();
        let stderr = self.0.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        (self.0.wait().unwrap(), said)
    }

    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        let (_, rest) = stat.rsplit_once(')').unwrap();
        rest.trim_start().starts_with('T')
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn until(mut is_true: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_true() {
        assert!(Instant::now() < end, "it does not become true");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn signal_leaves_the_terminal_as_it_was() {
    let folder = Folder::new();
    for signal in [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::XCPU,
        Signal::PROF,
        Signal::VTALARM,
    ] {
        let terminal = Terminal::new();
        let mut asking = terminal.ask(&folder, &[]);
        terminal.wait(false);
        asking.send(signal);
        let (status, said) = asking.end();
        assert!(terminal.shows_what_is_typed(), "{signal:?}: {said}");
        // It ended by the signal, as a shell that runs a script wants to know.
        assert_eq!(status.signal(), Some(signal.as_raw()), "{said}");
    }
}

#[test]
fn interrupt_key_leaves_the_terminal_as_it_was() {
    let folder = Folder::new();
    for (key, signal, before) in [
        (b"\x03", Signal::INT, &b""[..]),
        (b"\x03", Signal::INT, b"correct-horse\n"),
        (b"\x1c", Signal::QUIT, b""),
    ] {
        let mut terminal = Terminal::new();
        let mut asking = terminal.ask(&folder, &["/usr/bin/setsid", "--ctty"]);
        terminal.wait(false);
        terminal.press(before);
        terminal.press(key);
        let (status, said) = asking.end();
        assert!(terminal.shows_what_is_typed(), "{said}");
        assert_eq!(status.signal(), Some(signal.as_raw()), "{said}");
    }
}

#[test]
fn stopped_program_asks_on() {
    let folder = Folder::new();
    let mut terminal = Terminal::new();
    let mut asking = terminal.ask(&folder, &[]);
    terminal.wait(false);
    asking.send(Signal::TSTP);
    until(|| asking.is_stopped());
    assert!(terminal.shows_what_is_typed());
    asking.send(Signal::CONT);
    terminal.wait(false);
    terminal.press(b"correct-horse\ncorrect-horse\n");
    let (status, said) = asking.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(terminal.shows_what_is_typed());
}

#[test]
fn answer_leaves_the_terminal_as_it_was() {
    let folder = Folder::new();
    for (answers, code) in [
        (&b"correct-horse\ncorrect-house\n"[..], 1),
        (b"\n", 1),
        (b"\x04", 1),
        (b"correct-horse\ncorrect-horse\n", 0),
    ] {
        let mut terminal = Terminal::new();
        let mut asking = terminal.ask(&folder, &[]);
        terminal.wait(false);
        terminal.press(answers);
        let (status, said) = asking.end();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(terminal.shows_what_is_typed(), "{said}");
        assert!(!said.contains("horse"), "{said}");
    }
}
