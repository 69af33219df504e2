//! What an attempt records: the lease that goes on, and how it ended.

use std::future::Future;

use super::Attempt;
use crate::limits::TextChange;
use crate::outbox::texts::hour_counted;
use crate::outbox::{AttemptOutcome, LeaseState, Obsolete};
use crate::store::StoreError;

impl Attempt<'_> {
    /// Makes the lease end later. A store that cannot be asked leaves it as it is.
    pub(super) async fn extend(&self) -> LeaseState {
        let wait = self.clock.wait(self.options.lease());
        let (lease, receipts) = (self.message.lease(), &self.message.receipts);
        let extended = self.outbox.store.extend_lease(&lease, wait, receipts);
        extended.await.unwrap_or(LeaseState::Held)
    }

    /// Records how the attempt ended.
    pub(super) async fn finish(&mut self, outcome: &AttemptOutcome) {
        let lease = self.message.lease();
        let store = &self.outbox.store;
        match self
            .recorded(|| store.finish_message(&lease, outcome))
            .await
        {
            Some(LeaseState::Held) => {
                let is_given_up = matches!(outcome, AttemptOutcome::DeadLettered { .. });
                if is_given_up || self.is_obsolete {
                    self.take_text_back().await;
                }
            }
            None => {}
            Some(LeaseState::Superseded) => self.release().await,
            Some(LeaseState::Lost) => self.lost(),
        }
    }

    /// Lets the newer message be claimed that has taken the place of this one.
    pub(super) async fn release(&mut self) {
        self.note_obsolete(Obsolete::NewerRequest);
        let lease = self.message.lease();
        let store = &self.outbox.store;
        let (failures, receipts) = (self.failures, &self.message.receipts);
        let released = self
            .recorded(|| store.release_superseded(&lease, failures, receipts))
            .await;
        if released == Some(true) {
            self.take_text_back().await;
            self.outbox.wake.notify_one();
        }
    }

    /// A text message that reached nobody no longer counts, unless it may have gone out: also by a worker that was killed
    /// before this one had it. One whose number is not known any more stays counted: its address was removed or changed. So does
    /// one of a worker that dies here, which is the safe side.
    async fn take_text_back(&self) {
        let (message, receipts) = (&self.message.message, &self.message.receipts);
        if let Some(text) = &self.text
            && !self.has_panicked
            && !self.message.is_in_doubt
            && !receipts.may_have_gone_out()
        {
            let hour = hour_counted(&message.binding, message.created_at);
            let outbox = self.outbox;
            outbox.count_text(text, TextChange::TakenBack, hour).await;
        }
    }

    pub(super) fn lost(&self) {
        let id = self.message.id.get();
        tracing::info!(id, "the lease of a message was lost");
    }

    /// Has something recorded. A store that is locked for a while is asked again until the lease ends: what is not
    /// recorded is sent once more.
    async fn recorded<T, F>(&self, record: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let begun = tokio::time::Instant::now();
        loop {
            match record().await {
                Ok(recorded) => return Some(recorded),
                Err(error) if begun.elapsed() >= self.options.lease() => {
                    let id = self.message.id.get();
                    tracing::error!(id, %error, "what became of a message is not recorded");
                    return None;
                }
                Err(_) => tokio::time::sleep(self.options.lease() / 20).await,
            }
        }
    }
}
