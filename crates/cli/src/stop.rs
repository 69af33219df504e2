//! Being asked to stop: Ctrl-C, and SIGTERM from whoever supervises the program.

use std::io;

use tokio::sync::watch;

/// Listens for the wish to stop. Asked once, the program finishes what is under way; asked again,
/// it stops at once.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<u32>);

impl Stop {
    /// Begins to listen; from here on neither signal ends the program by itself.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut asked = Asked::listen()?;
        let (count, receiver) = watch::channel(0);
        tokio::spawn(async move {
            loop {
                asked.again().await;
                count.send_modify(|times| *times += 1);
            }
        });
        Ok(Self(receiver))
    }

    /// Ready once somebody has asked.
    pub(crate) async fn asked(&self) {
        self.asked_times(1).await;
    }

    /// Ready once somebody has asked twice.
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
}

#[cfg(unix)]
impl Asked {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn again(&mut self) {
        let asked = tokio::select! {
            asked = self.interrupt.recv() => asked,
            asked = self.terminate.recv() => asked,
        };
        if asked.is_none() {
            std::future::pending::<()>().await;
        }
    }
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
