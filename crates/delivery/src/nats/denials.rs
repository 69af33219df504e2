//! What the account may not do, as the server says it.
//!
//! A server answers a message that may not be published with an error that belongs to no message, and then nothing more
//! comes; and the answer to one that may is not received by an account that may not subscribe to it.

use std::fmt;

use async_nats::{Event, ServerError};
use phone_auth_events::{Retry, Undelivered};
use tokio::sync::broadcast::{self, Receiver, Sender};

/// What an account may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Denial {
    /// Publish to this subject.
    Publish(String),
    /// Receive answers. The client subscribes to them once for each connection.
    Answers,
}

/// Those that are told while someone waits for an answer.
#[derive(Clone)]
pub(super) struct Denials(Sender<Denial>);

impl Denials {
    pub(super) fn new() -> Self {
        Self(broadcast::channel(64).0)
    }

    /// Notes what the server has said.
    pub(super) fn note(&self, event: &Event) {
        if let Event::ServerError(ServerError::Other(text)) = event
            && let Some(denial) = Denial::read(text)
        {
            // Nobody may be waiting.
            drop(self.0.send(denial));
        }
    }

    /// What is told from now on.
    pub(super) fn listen(&self) -> Receiver<Denial> {
        self.0.subscribe()
    }
}

impl Denial {
    /// As a server of NATS writes it: `Permissions Violation for Publish to "phone_auth.verify_email"`.
    fn read(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        let of = text.strip_prefix("permissions violation for ")?;
        match of.strip_prefix("publish to ") {
            Some(subject) => Some(Self::Publish(subject.trim_matches('"').to_owned())),
            None => Some(Self::Answers),
        }
    }

    /// The first that keeps a message to this subject from being stored, or its answer from being received.
    pub(super) async fn of(subject: &str, told: &mut Receiver<Self>) -> Self {
        loop {
            match told.recv().await {
                Ok(Self::Publish(denied)) if !denied.eq_ignore_ascii_case(subject) => {}
                Ok(denial) => return denial,
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                // Anyone who waits has the sender too.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    pub(super) fn told(&self) -> Undelivered {
        let why = match self {
            Self::Publish(_) => "NATS does not permit us to publish to this subject",
            Self::Answers => {
                "NATS does not permit us to receive its answers (subscribe to _INBOX.>)"
            }
        };
        let failure = Undelivered::new(Retry::Later, why);
        match self {
            Self::Publish(_) => failure.unsent(),
            // The stream may have it.
            Self::Answers => failure,
        }
    }
}

impl fmt::Debug for Denials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Denials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_read() {
        let publish = |subject: &str| Some(Denial::Publish(subject.to_owned()));
        for (text, denial) in [
            (
                "Permissions Violation for Publish to \"phone_auth.verify_email\"",
                publish("phone_auth.verify_email"),
            ),
            (
                "permissions violation for publish to \"a.b\"",
                publish("a.b"),
            ),
            (
                "Permissions Violation for Subscription to \"_INBOX.x.*\"",
                Some(Denial::Answers),
            ),
            (
                "Permissions Violation for Publish with Reply of \"_INBOX.x.y\"",
                Some(Denial::Answers),
            ),
            ("Maximum Payload Violation", None),
            ("", None),
        ] {
            assert_eq!(Denial::read(text), denial, "{text}");
        }
    }
}
