//! Logs: `tracing` events on standard error, one line each.
//!
//! `RUST_LOG` chooses which; without it, warnings and errors. What others typed may stand in an
//! event, so every control character but the line end is escaped (RUSTSEC-2025-0055 and its like).
//! A log that cannot be written, because the disk is full or nobody reads it, is no reason to stop
//! serving: the line is lost.
//!
//! Of warnings and errors that say the same again, one a minute is written, with how many there were
//! ([`Repeats`]). What `RUST_LOG` asks for beyond them is written line by line.

pub(crate) mod repeats;

use std::error::Error;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use self::repeats::Repeats;
use crate::terminal::visible::misleads;

/// Targets that say more than a log may hold: the parser of phone numbers notes every number that it reads,
/// also one that was typed to log in, and the client of NATS the password that it connects with.
const PRIVATE: [&str; 2] = ["rlibphonenumber", "async_nats::connection"];

/// The most bytes of a warning or an error; what is more is cut off.
const MOST_BYTES: usize = 4096;

/// `RUST_LOG` is no list of filters.
#[derive(Debug, thiserror::Error)]
#[error("RUST_LOG (environment): not a list of filters such as info or phone_auth_core=debug")]
pub(crate) struct LogFilterError(#[source] Box<dyn Error + Send + Sync>);

/// The log, for as long as the program runs: when it is dropped, what was counted is told.
#[must_use = "counts are told when it is dropped"]
pub(crate) struct Logs(Arc<Counted>);

/// Begins to write logs, as `RUST_LOG` says. An empty one is none, as with every other variable: it would silence
/// errors too, which nobody wants who says `off` in no word.
///
/// # Errors
/// When `RUST_LOG` is no list of filters.
pub(crate) fn begin(filter: Option<&OsStr>) -> Result<Logs, LogFilterError> {
    let filter = filter.unwrap_or_default().as_encoded_bytes();
    let filter = match str::from_utf8(filter).map_err(|error| LogFilterError(error.into()))? {
        filter if filter.trim().is_empty() => "warn",
        filter => filter,
    };
    let filter = EnvFilter::builder()
        .parse(with_private_parts_off(filter))
        .map_err(|error| LogFilterError(error.into()))?;
    let counted = Arc::new(Counted::default());
    let begun = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        // It would say on standard error that standard error cannot be written, and panic.
        .log_internal_errors(false)
        .with_writer(Stderr(Arc::clone(&counted)))
        .try_init();
    // A program that links this crate may have its own subscriber already; then that one is used.
    if begun.is_ok() {
        let counted = Arc::clone(&counted);
        // Without the thread counts are told at the end.
        drop(
            thread::Builder::new()
                .name("log".to_owned())
                .spawn(move || counted.tell_when_due()),
        );
    }
    // The usual hook writes what a panic says as it is, and it may say what a user typed.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(Logs(counted))
}

impl Drop for Logs {
    fn drop(&mut self) {
        let lines = self.0.repeats().all();
        write_lines(&lines);
    }
}

/// What was written lately, and who waits to tell how often.
#[derive(Debug, Default)]
struct Counted {
    repeats: Mutex<Repeats>,
    /// Rung when there is something to count.
    wake: Condvar,
}

impl Counted {
    fn is_new(&self, place: &'static str, line: &str) -> bool {
        let is_new = self.repeats().is_new(place, line, Instant::now());
        if is_new {
            self.wake.notify_one();
        }
        is_new
    }

    /// Tells each count when its time is over. It does not end.
    fn tell_when_due(&self) {
        let mut repeats = self.repeats();
        loop {
            let now = Instant::now();
            let lines = repeats.due(now);
            if !lines.is_empty() {
                // Nobody who logs waits for a slow standard error here.
                drop(repeats);
                write_lines(&lines);
                repeats = self.repeats();
                continue;
            }
            repeats = match repeats.next_due() {
                None => self
                    .wake
                    .wait(repeats)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    let rest = due.saturating_duration_since(now);
                    let waited = self.wake.wait_timeout(repeats, rest);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The filter, with those targets silent unless they are asked for by name.
fn with_private_parts_off(filter: &str) -> String {
    let unasked = PRIVATE.iter().filter(|target| !filter.contains(**target));
    unasked.fold(filter.to_owned(), |filter, target| {
        format!("{filter},{target}=off")
    })
}

/// Makes writers to standard error, each for one event.
#[derive(Debug)]
struct Stderr(Arc<Counted>);

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Event<'a>;

    fn make_writer(&'a self) -> Event<'a> {
        Event { counted: None }
    }

    fn make_writer_for(&'a self, event: &Metadata<'_>) -> Event<'a> {
        // The more severe, the less: only warnings and errors are written unasked.
        let is_counted = *event.level() <= Level::WARN;
        Event {
            counted: is_counted.then(|| (self.0.as_ref(), event.name())),
        }
    }
}

/// Writes an event; the formatter hands over each in one call, ended by a line end.
struct Event<'a> {
    /// Where it is counted, and from which place in the code it comes.
    counted: Option<(&'a Counted, &'static str)>,
}

impl Write for Event<'_> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let most = self.counted.map_or(usize::MAX, |_| MOST_BYTES);
        let line = escaped(event, most);
        let is_written = self
            .counted
            .is_none_or(|(counted, place)| counted.is_new(place, &line));
        if is_written {
            write_lines(&[line]);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An event as one line without its end, with everything escaped that a terminal would obey.
fn escaped(event: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(event);
    let mut line = String::with_capacity(text.len());
    for character in text.trim_end_matches('\n').chars() {
        if line.len() > most {
            line.push_str(" (cut off)");
            break;
        }
        if misleads(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

fn write_lines(lines: &[String]) {
    write_to(io::stderr().lock(), lines);
}

fn write_to(mut to: impl Write, lines: &[String]) {
    for line in lines {
        // A lost line is lost: there is no other place to say so.
        drop(to.write_all(format!("{line}\n").as_bytes()));
    }
    drop(to.flush());
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
        write_to(full.unwrap(), &["WARN lost".to_owned()]);
    }

    #[test]
    fn event_stays_one_line() {
        let line = escaped(b"WARN login=\x1b[2Jann\r\nERROR forged\n", MOST_BYTES);
        assert_eq!(line, "WARN login=\\u{1b}[2Jann\\r\\nERROR forged");
        let mut out = Vec::new();
        write_to(&mut out, &[line.clone(), line.clone()]);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\n{line}\n"));
    }

    #[test]
    fn long_lines_are_cut() {
        let line = escaped("é".repeat(100_000).as_bytes(), MOST_BYTES);
        assert!(line.len() < MOST_BYTES + 20, "{}", line.len());
        assert!(line.ends_with(" (cut off)"));
    }
}
