//! Being asked to stop: Ctrl-C, and the signals of the one who supervises the program.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// A signal that comes so soon after the first is the same wish: `timeout` sends one to the program and one to its group,
/// and a terminal that closes sends several kinds.
const SAME: Duration = Duration::from_secs(1);

/// Listens for the wish to stop. Asked once, the program finishes what is under way; asked again,
/// it stops at once.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<u32>);

impl Stop {
    /// Begins to listen; from here on no such signal ends the program by itself.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut asked = Asked::listen()?;
        #[cfg(unix)]
        ignore_others()?;
        let (count, receiver) = watch::channel(0);
        tokio::spawn(async move {
            let mut first: Option<Instant> = None;
            loop {
                asked.again().await;
                let now = Instant::now();
                if first.is_some_and(|first| now < first + SAME) {
                    continue;
                }
                first.get_or_insert(now);
                count.send_modify(|times| *times += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Ready once someone has asked.
    pub(crate) async fn asked(&self) {
        self.asked_times(1).await;
    }

    /// Ready once someone has asked twice.
    pub(crate) async fn insisted(&self) {
        self.asked_times(2).await;
    }

    async fn asked_times(&self, wanted: u32) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|times| *times >= wanted).await.is_err() {
            // The listener lives as long as the runtime: without it nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
struct Asked {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    quit: tokio::signal::unix::Signal,
    /// None under `nohup`, which has asked that a closed terminal ends nothing.
    hang_up: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Asked {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let hang_up = SignalKind::hangup();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hang_up: if is_ignored(hang_up.as_raw_value()) {
                None
            } else {
                Some(signal(hang_up)?)
            },
        })
    }

    async fn again(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            asked = self.interrupt.recv() => asked,
            asked = self.terminate.recv() => asked,
            asked = self.quit.recv() => asked,
            asked = hang_up => asked,
        };
        if asked.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Has signals that ask other programs to open their logs again, as scripts of logrotate send them, end nothing.
#[cfg(unix)]
fn ignore_others() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    for (kind, name) in [
        (SignalKind::user_defined1(), "SIGUSR1"),
        (SignalKind::user_defined2(), "SIGUSR2"),
    ] {
        let mut signal = signal(kind)?;
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                tracing::warn!(
                    "{name} is not for this program, which writes its log to standard error and opens no file again"
                );
            }
        });
    }
    Ok(())
}

/// Whether anyone who started the program has a signal ignored. Where Linux does not say, none is.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(not(unix))]
struct Asked;

#[cfg(not(unix))]
impl Asked {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn again(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
