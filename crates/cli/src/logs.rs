//! Logs: `tracing` events on standard error, one line each.
//!
//! `RUST_LOG` chooses which; without it, warnings and errors. What others typed may stand in an
//! event, so every control character but the line end is escaped (RUSTSEC-2025-0055 and its like).
//! A log that cannot be written, because the disk is full or nobody reads it, is no reason to stop
//! serving: the line is lost.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

use crate::visible::misleads;

/// Targets that say more than a log may hold: the parser of phone numbers notes every number that it reads,
/// also one that was typed to log in, and the client of NATS the password that it connects with.
const PRIVATE: [&str; 2] = ["rlibphonenumber", "async_nats::connection"];

/// `RUST_LOG` is no list of filters.
#[derive(Debug, thiserror::Error)]
#[error("RUST_LOG (environment): not a list of filters such as info or phone_auth_core=debug")]
pub(crate) struct LogFilterError(#[source] ParseError);

/// Begins to write logs.
///
/// # Errors
/// When `RUST_LOG` is no list of filters.
pub(crate) fn begin(filter: Option<&str>) -> Result<(), LogFilterError> {
    let filter = EnvFilter::builder()
        .parse(with_private_parts_off(filter.unwrap_or("warn")))
        .map_err(LogFilterError)?;
    let begun = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // It would say on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .with_writer(EscapedStderr)
        .try_init();
    // A program that links this crate may have its own subscriber already; then that one is used.
    drop(begun);
    // The usual hook writes what a panic says as it is, and it may say what somebody typed.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}

/// The filter, with those targets silent unless they are asked for by name.
fn with_private_parts_off(filter: &str) -> String {
    let unasked = PRIVATE.iter().filter(|target| !filter.contains(**target));
    unasked.fold(filter.to_owned(), |filter, target| {
        format!("{filter},{target}=off")
    })
}

/// Makes writers to standard error that escape what a terminal would obey.
#[derive(Debug)]
struct EscapedStderr;

impl<'a> MakeWriter<'a> for EscapedStderr {
    type Writer = Escaped<io::StderrLock<'a>>;

    fn make_writer(&'a self) -> Self::Writer {
        Escaped(io::stderr().lock())
    }
}

/// Escapes whole events; the formatter hands over each in one call, ended by a line end.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let mut line = String::with_capacity(text.len() + 1);
        for character in text.trim_end_matches('\n').chars() {
            if misleads(character) {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        line.push('\n');
        // A lost line is lost: there is no other place to say so.
        drop(self.0.write_all(line.as_bytes()));
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        drop(self.0.flush());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn private_targets_are_silent() {
        let silent = "trace,rlibphonenumber=off,async_nats::connection=off";
        assert_eq!(with_private_parts_off("trace"), silent);
        let asked = "rlibphonenumber=debug,async_nats::connection=trace";
        assert_eq!(with_private_parts_off(asked), asked);
    }

    #[test]
    fn full_disk_loses_lines() {
        let full = std::fs::File::options().write(true).open("/dev/full");
        Escaped(full.unwrap()).write_all(b"WARN lost\n").unwrap();
    }

    #[test]
    fn event_stays_one_line() {
        let mut out = Vec::new();
        Escaped(&mut out)
            .write_all(b"WARN login=\x1b[2Jann\r\nERROR forged\n")
            .unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "WARN login=\\u{1b}[2Jann\\r\\nERROR forged\n");
    }
}
