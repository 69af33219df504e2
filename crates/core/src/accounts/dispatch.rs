//! Telling the receivers what happened.

use std::time::Duration;

use phone_auth_events::{Event, EventClient, Happened};

use super::Accounts;

/// When the receivers of a flow's signals run. Either way they run after the store has committed, and
/// whatever becomes of them changes no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dispatch {
    /// Before the flow answers, for a bounded time. When the flow has answered, everybody was told: what
    /// scripts, tests and small programs want. The answer takes as long as the receivers, so it tells
    /// by its time whether a message was sent; and anyone who stops waiting for the answer stops the
    /// receivers, but for those of a log-in, of another password and of an address that is proven or freed.
    #[default]
    InRequest,
    /// In a task of its own, started before the flow answers. The answer takes no longer for a message
    /// than for none. Call [`Accounts::drain`] before the process ends.
    Background,
}

impl Accounts {
    /// Waits until the receivers that run in the background have ended, and log-ins that nobody waits for any more, at most so
    /// long. `false` when some still run.
    ///
    /// # Cancel safety
    /// Dropping it only stops the waiting.
    pub async fn drain(&self, patience: Duration) -> bool {
        let began = tokio::time::Instant::now();
        let has_ended = self.inner.going_on.end(patience).await;
        let left = patience.saturating_sub(began.elapsed());
        self.inner.signals.drain(left).await && has_ended
    }

    /// Tells what the request of this client made happen.
    pub(super) async fn happened<E: Happened + Clone>(&self, event: E) {
        let client = self.client.address().map(EventClient::new);
        let client = if self.settings().redact_client_addresses {
            client.map(EventClient::redacted)
        } else {
            client
        };
        self.tell(event.of(client)).await;
    }

    /// Tells everybody who listens for this event, once. Failures are for the log.
    pub(super) async fn tell<E: Event + Clone>(&self, event: E) {
        let signals = &self.inner.signals;
        let name = E::signal().info().name;
        match self.inner.dispatch {
            Dispatch::Background => {
                if let Err(error) = signals.send_detached(event) {
                    tracing::error!(signal = name, %error, "a signal was not sent");
                }
            }
            Dispatch::InRequest => {
                let sent = signals.send_robust(&event);
                let limit = self.inner.dispatch_timeout;
                if tokio::time::timeout(limit, sent).await.is_err() {
                    let seconds = limit.as_secs();
                    tracing::warn!(signal = name, seconds, "gave up on receivers");
                }
            }
        }
    }
}
