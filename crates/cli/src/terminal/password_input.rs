//! Asking for a password.
//!
//! At a terminal it is asked for twice and not shown; from a pipe the first line is taken. It is
//! never an argument, which everybody on the machine could read.

use std::io::{self, BufRead, IsTerminal, Read};
#[cfg(unix)]
use std::{
    ffi::c_int,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use phone_auth::core::password::Password;
#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
#[cfg(unix)]
use signal_hook::{
    consts::{
        SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
        SIGXCPU,
    },
    iterator::Signals,
    low_level::emulate_default_handler,
};
use thiserror::Error;

use crate::secrets::secret_file::BYTE_ORDER_MARK;
use crate::terminal::console;

/// More than any password that the policy takes.
const MOST_BYTES: u64 = 16 * 1024;

/// No password could be read.
#[derive(Debug, Error)]
pub(crate) enum PasswordInputError {
    #[error("the two passwords differ")]
    Differ,
    #[error("no password came on standard input")]
    Missing,
    #[error("the password is too long or not text")]
    NotText,
    #[error("cannot read the password")]
    Unreadable(#[from] io::Error),
}

/// Asks anyone who is at standard input for a new password.
///
/// # Errors
/// When there is none, the two differ, or it cannot be read.
pub(crate) fn ask() -> Result<Password, PasswordInputError> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return line(&mut stdin.lock()).map(Password::new);
    }
    let _hidden = Hidden::begin()?;
    let ask = |prompt| {
        console::ask(prompt);
        let typed = line(&mut stdin.lock());
        console::ask("\n");
        typed
    };
    let first = ask("Password: ")?;
    if first != ask("The same again: ")? {
        return Err(PasswordInputError::Differ);
    }
    Ok(Password::new(first))
}

/// The first line without its end and without a byte-order mark, with which some shells begin what they pipe; nothing else is
/// taken away.
fn line(input: &mut dyn BufRead) -> Result<String, PasswordInputError> {
    let mut bytes = Vec::new();
    input.take(MOST_BYTES + 1).read_until(b'\n', &mut bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) if text.len() as u64 <= MOST_BYTES => text,
        _ => return Err(PasswordInputError::NotText),
    };
    match text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text) {
        "" => Err(PasswordInputError::Missing),
        text => Ok(text.to_owned()),
    }
}

/// A terminal that does not show what is typed, until dropped.
///
/// A signal that ends or stops the program leaves nothing to drop, and the terminal belongs to a shell that goes on.
/// So it is put back before such a signal has its effect, and hides again when the program goes on.
#[cfg(unix)]
struct Hidden(Arc<Mutex<Option<Termios>>>);

/// The signals that end or stop a program and can be caught, but those by which it says that it is broken.
#[cfg(unix)]
const ENDS: [c_int; 11] = [
    SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGVTALRM,
    SIGXCPU,
];

#[cfg(unix)]
impl Hidden {
    fn begin() -> io::Result<Self> {
        let shown = tcgetattr(io::stdin())?;
        let before = Arc::new(Mutex::new(Some(shown)));
        let hidden = Self(Arc::clone(&before));
        let mut signals = Signals::new(ENDS)?;
        // It lives as long as the process: without it the signals would have no effect any more.
        std::thread::Builder::new().spawn(move || {
            for signal in signals.forever() {
                show(
                    before
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .as_ref(),
                );
                // What cannot be done as usual is not done at all; there is nobody to tell.
                let _unusual = emulate_default_handler(signal);
                let _gone = hide(
                    before
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .as_ref(),
                );
            }
        })?;
        // Rather no password than one that everybody in the room can read.
        hide(hidden.shown().as_ref())?;
        Ok(hidden)
    }

    /// How the terminal was.
    fn shown(&self) -> MutexGuard<'_, Option<Termios>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        let mut shown = self.shown();
        show(shown.as_ref());
        *shown = None;
    }
}

/// Puts a terminal back as it was.
#[cfg(unix)]
fn show(shown: Option<&Termios>) {
    if let Some(shown) = shown {
        // The terminal is gone if this fails, and nobody types there any more.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, shown);
    }
}

/// Has a terminal no longer show what is typed.
#[cfg(unix)]
fn hide(shown: Option<&Termios>) -> io::Result<()> {
    let Some(shown) = shown else {
        return Ok(());
    };
    let mut quiet = shown.clone();
    quiet.local_modes.remove(LocalModes::ECHO);
    Ok(tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?)
}

#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    /// Rather no password than one that everybody in the room can read.
    fn begin() -> io::Result<Self> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "on this system the password must come from a pipe",
        ))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn only_the_line_end_is_taken_away() {
        for (input, password) in [
            ("  pass word \n", "  pass word "),
            ("pass\r\nnext\n", "pass"),
            ("pass", "pass"),
            ("päß\r\r\n", "päß\r"),
            ("\u{feff}pass\r\n", "pass"),
            ("pa\u{feff}ss\n", "pa\u{feff}ss"),
        ] {
            assert_eq!(line(&mut input.as_bytes()).unwrap(), password);
        }
    }

    #[test]
    fn no_password_is_refused() {
        for input in ["", "\n", "\r\n", "\u{feff}\n"] {
            let error = line(&mut input.as_bytes()).unwrap_err();
            assert!(matches!(error, PasswordInputError::Missing));
        }
        let long = "x".repeat(20_000);
        assert!(line(&mut long.as_bytes()).is_err());
        assert!(line(&mut [0xff_u8, 0xfe].as_slice()).is_err());
    }
}
