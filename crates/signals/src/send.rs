//! Sending one after the other, and stopping at the first failure.

use crate::{Event, SendError, Signals, SyncEvent, step::Called, wait};

impl Signals {
    /// Calls the receivers of `event` one after the other, the highest priority first, and stops at the first failure.
    ///
    /// # Errors
    /// When a receiver failed: see [`SendErrorKind`](crate::SendErrorKind). The receivers after it were not called.
    ///
    /// # Panics
    /// When a receiver panics: its panic is the sender's. [`Signals::send_robust`] catches it.
    ///
    /// # Cancel safety
    /// Dropping the future drops the receiver that is running at the point where it waits, and the rest are not called.
    pub async fn send<E: Event>(&self, event: &E) -> Result<(), SendError> {
        let Some(plan) = self.inner.plan::<E>() else {
            return Ok(());
        };
        let roster = plan.snapshot();
        for step in &roster.steps {
            let outcome = match step.call(event) {
                Called::Ended(outcome) => outcome,
                Called::Waiting(waiting) => wait::within(waiting, step.timeout).await,
            };
            if !outcome.is_ok()
                && let Some(error) = SendError::from_outcome(&step.about, outcome)
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Calls the receivers of `event`, whose signal is declared `sync`, and stops at the first failure.
    ///
    /// # Errors
    /// When a receiver failed: see [`SendErrorKind`](crate::SendErrorKind). The receivers after it were not called.
    ///
    /// # Panics
    /// When a receiver panics: its panic is the sender's. [`Signals::send_robust_sync`] catches it.
    #[inline]
    pub fn send_sync<E: SyncEvent>(&self, event: &E) -> Result<(), SendError> {
        let Some(plan) = self.inner.plan::<E>() else {
            return Ok(());
        };
        for step in &plan.current().steps {
            if let Err(error) = step.call_sync(event) {
                return Err(SendError::failed(&step.about, error));
            }
        }
        Ok(())
    }
}
