//! A piece of work that waits for the thread that writes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use phone_auth_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failure::Failure;

/// Some work, whatever it answers.
pub(super) trait Request: Send {
    /// Whether anyone still waits for the answer.
    fn is_wanted(&self) -> bool;

    /// Does the work and keeps what it answers; whether what it did is to be kept too.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers what the work answered. Only after what it did is committed or undone.
    fn answer(self: Box<Self>);

    /// Answers that the work was not done.
    fn refuse(self: Box<Self>, failure: &Failure);
}

/// A request and the way back to the one who asked.
pub(super) struct Pending<W, T> {
    work: W,
    outcome: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<W, T> Pending<W, T>
where
    W: FnMut(&Connection) -> Result<T, Failure>,
{
    /// A request that has not run.
    pub(super) fn new(work: W, reply: oneshot::Sender<Result<T, StoreError>>) -> Self {
        Self {
            work,
            outcome: None,
            reply,
        }
    }
}

impl<W, T> Request for Pending<W, T>
where
    W: FnMut(&Connection) -> Result<T, Failure> + Send,
    T: Send,
{
    fn is_wanted(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        // After a panic, what the work holds is only dropped or run from its start again, and what it
        // did to the database is undone: nothing half done can be seen.
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(connection)));
        let outcome = outcome.unwrap_or_else(|_| Err(StoreErrorKind::Broken.into()));
        let kept = outcome.is_ok();
        self.outcome = Some(outcome);
        kept
    }

    fn answer(self: Box<Self>) {
        let outcome = self
            .outcome
            .unwrap_or_else(|| Err(StoreErrorKind::Broken.into()));
        // Anyone who asked may be gone by now; then nobody wants to know.
        let _ = self.reply.send(outcome.map_err(StoreError::from));
    }

    fn refuse(self: Box<Self>, failure: &Failure) {
        let _ = self.reply.send(Err(failure.clone().into()));
    }
}
