//! A running `phone-auth worker`, beside a site and on its database.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;

use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::PATIENCE;
use crate::printed::{Printed, Record, nth_printed};
use crate::program::clean_command;
use crate::site::{Site, follow};

/// A worker apart from its site. It is killed when it is dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    record: watch::Receiver<Record>,
    reader: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts a worker for the messages of this site, with further settings by their names, and waits until it is ready.
    pub async fn start(site: &Site, settings: &[(&str, &str)]) -> Self {
        let mut command = clean_command(site.folder());
        command
            .args(["worker", "--database", &site.database_url()])
            .args(["--site-url", site.origin()]);
        if !settings.iter().any(|(name, _)| *name == "config") {
            // A worker assumes nothing: it shows messages where it is asked to.
            command.env("PHONE_AUTH_DEVELOPMENT", "true");
        }
        for (name, value) in settings {
            command.env(format!("PHONE_AUTH_{}", name.to_uppercase()), value);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (send, mut record) = watch::channel(Record::default());
        let send = Arc::new(send);
        let reader = follow(child.stdout.take().unwrap(), move |line| {
            send.send_modify(|record| record.stdout.push(line));
        });
        let ready = record.wait_for(|record| record.rest().contains("sends queued messages"));
        let is_ready = tokio::time::timeout(PATIENCE, ready)
            .await
            .is_ok_and(|heard| heard.is_ok());
        if !is_ready {
            drop(child.kill());
            panic!("the worker does not start: {:#?}", *record.borrow());
        }
        Self {
            child,
            record,
            reader: Some(reader),
        }
    }

    /// The first line of `signal` to `destination`.
    pub async fn printed(&self, signal: &str, destination: &str) -> Printed {
        let found = nth_printed(self.record.clone(), signal, destination, 1).await;
        found.unwrap_or_else(|| panic!("no line of {signal} to {destination}: {self:#?}"))
    }

    /// All it has said so far.
    pub fn record(&self) -> Record {
        self.record.borrow().clone()
    }

    /// Sends a signal and does not wait.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it by SIGTERM and waits for its end; whether it ended with success.
    pub fn stop(mut self) -> bool {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status.success()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
