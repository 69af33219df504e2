//! One line for each message, for users and for programs that read them.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Writes messages as lines: the name of the signal, a space, the event as JSON.
///
/// # Examples
/// ```
/// use phone_auth_delivery::development::LinePrinter;
///
/// let lines = LinePrinter::new(std::io::stdout());
/// lines.print("verify_email", &("anything", "that is JSON"))?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct LinePrinter {
    out: Mutex<Box<dyn Write + Send>>,
}

impl LinePrinter {
    /// Writes to this output.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self {
            out: Mutex::new(Box::new(out)),
        }
    }

    /// Writes one line, in one piece whatever other threads print, and flushes it.
    ///
    /// JSON escapes line ends and control characters, so that nothing a user typed begins a line.
    ///
    /// # Errors
    /// Those of the output, and of an event that is no JSON.
    pub fn print(&self, signal: &str, event: &impl Serialize) -> io::Result<()> {
        let mut line = format!("{signal} ").into_bytes();
        serde_json::to_writer(&mut line, event)?;
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        out.write_all(&line)?;
        out.flush()
    }
}

impl fmt::Debug for LinePrinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinePrinter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::{Arc, mpsc};

    use super::*;

    /// Hands over each write as it comes.
    struct Writes(mpsc::Sender<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.to_vec()).unwrap();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn each_line_is_one_write() {
        let (sender, writes) = mpsc::channel();
        let lines = Arc::new(LinePrinter::new(Writes(sender)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let lines = Arc::clone(&lines);
                std::thread::spawn(move || {
                    for _ in 0..50 {
                        lines
                            .print("verify_email", &["x".repeat(5_000), "a\nb".to_owned()])
                            .unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        drop(lines);
        let expected = format!("verify_email [\"{}\",\"a\\nb\"]\n", "x".repeat(5_000));
        let writes: Vec<_> = writes.iter().collect();
        assert_eq!(writes.len(), 200);
        assert!(writes.iter().all(|write| *write == expected.as_bytes()));
    }
}
