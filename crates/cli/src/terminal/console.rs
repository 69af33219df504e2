//! What the program says to the user who started it.
//!
//! Logs go elsewhere, see [`logs`](crate::logs). Every line is written at once and flushed, so that
//! anyone who reads the output through a pipe sees it when it happens.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};

use crate::terminal::visible::Visible;

/// Writes lines to standard output.
///
/// A closed pipe is no error: anyone who reads, like `head`, has seen enough.
///
/// # Errors
/// Those of the output, such as a full disk.
pub(crate) fn print(lines: impl fmt::Display) -> io::Result<()> {
    match write_all(&mut io::stdout().lock(), &format!("{lines}\n")) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Tells how things go. A site goes on serving when nobody reads that any more.
pub(crate) fn tell(line: impl fmt::Display) {
    // Not being able to say so is no reason to stop, and there is nobody left to tell.
    let _unread = print(line);
}

/// Writes one line about an error and its causes to standard error.
pub(crate) fn complain(error: &dyn Error) {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    let line = format!("phone-auth: {}\n", Visible(&line));
    let _unread = write_all(&mut io::stderr().lock(), &line);
}

/// Writes a line to standard error that is no error, and no answer either.
pub(crate) fn note(line: impl fmt::Display) {
    let _unread = write_all(&mut io::stderr().lock(), &format!("{line}\n"));
}

/// Writes lines of ours to standard error.
pub(crate) fn warn(lines: &str) {
    let _unread = write_all(&mut io::stderr().lock(), lines);
}

/// Writes a prompt without a line end to standard error, so that output can be redirected.
pub(crate) fn ask(prompt: &str) {
    let _unread = write_all(&mut io::stderr().lock(), prompt);
}

fn write_all(out: &mut dyn Write, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes())?;
    out.flush()
}
