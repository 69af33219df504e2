//! Asking for a password.
//!
//! At a terminal it is asked for twice and not shown; from a pipe the first line is taken. It is
//! never an argument, which everybody on the machine could read.

use std::io::{self, BufRead, IsTerminal, Read};

use phone_auth::core::password::Password;
use thiserror::Error;

use crate::console;

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

/// Asks whoever is at standard input for a new password.
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

/// The first line without its end, nothing else taken away.
fn line(input: &mut dyn BufRead) -> Result<String, PasswordInputError> {
    let mut bytes = Vec::new();
    input.take(MOST_BYTES + 1).read_until(b'\n', &mut bytes)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(PasswordInputError::Missing);
    }
    match String::from_utf8(bytes) {
        Ok(text) if text.len() as u64 <= MOST_BYTES => Ok(text),
        _ => Err(PasswordInputError::NotText),
    }
}

/// A terminal that does not show what is typed, until dropped.
#[cfg(unix)]
struct Hidden(rustix::termios::Termios);

#[cfg(unix)]
impl Hidden {
    fn begin() -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(before))
    }
}

#[cfg(unix)]
impl Drop for Hidden {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        // The terminal is gone if this fails, and nobody types there any more.
        let _gone = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
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
        ] {
            assert_eq!(line(&mut input.as_bytes()).unwrap(), password);
        }
    }

    #[test]
    fn no_password_is_refused() {
        for input in ["", "\n", "\r\n"] {
            let error = line(&mut input.as_bytes()).unwrap_err();
            assert!(matches!(error, PasswordInputError::Missing));
        }
        let long = "x".repeat(20_000);
        assert!(line(&mut long.as_bytes()).is_err());
        assert!(line(&mut [0xff_u8, 0xfe].as_slice()).is_err());
    }
}
