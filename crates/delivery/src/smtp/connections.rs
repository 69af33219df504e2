//! Connections to the mail server, kept for the next message.
//!
//! A connection is put back only after the server has taken a mail whole. One whose message was dropped in
//! the middle is closed: answers to the old message would be taken for answers to the next.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Message;
use phone_auth_events::{Retry, Undelivered};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::server::Server;
use super::session::Session;

/// How long a connection may lie idle. Servers close them after some minutes (RFC 5321, 4.5.3.2.7).
const IDLE: Duration = Duration::from_mins(1);

/// How long a kept connection may take to answer whether it is still there.
const ANSWER: Duration = Duration::from_secs(3);

/// A server and the connections to it.
#[derive(Debug)]
pub(super) struct Connections {
    server: Server,
    /// As many permits as there may be connections at once.
    room: Semaphore,
    idle: Mutex<Vec<Idle>>,
}

/// A place for one connection.
pub(super) struct Place<'a> {
    connections: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

struct Idle {
    session: Session,
    since: Instant,
}

impl Connections {
    pub(super) fn new(server: Server, most: usize) -> Self {
        Self {
            server,
            room: Semaphore::new(most),
            idle: Mutex::default(),
        }
    }

    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// A place for one connection more, once one is free.
    pub(super) async fn place(&self) -> Result<Place<'_>, Undelivered> {
        let place = self.room.acquire().await.map_err(|closed| {
            Undelivered::with_source(Retry::Later, "the mail server is not used any more", closed)
        })?;
        Ok(Place {
            connections: self,
            _permit: place,
        })
    }

    /// Keeps a connection for the next message.
    fn keep(&self, session: Session) {
        let since = Instant::now();
        let idle = self.idle.lock();
        idle.unwrap_or_else(PoisonError::into_inner)
            .push(Idle { session, since });
    }

    /// A kept connection that still answers.
    async fn kept(&self) -> Option<Session> {
        loop {
            let mut kept = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.retain(|idle| idle.since.elapsed() < IDLE);
                idle.pop()?
            };
            let answers = kept.session.is_there();
            let patience = self.server.patience.min(ANSWER);
            match tokio::time::timeout(patience, answers).await {
                Ok(true) => return Some(kept.session),
                Ok(false) => {}
                // The other side has left without a word, and the others with it: they are older.
                Err(_elapsed) => {
                    let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                    idle.clear();
                    return None;
                }
            }
        }
    }
}

impl Place<'_> {
    /// Sends a mail over a kept connection or a new one. A server may leave a kept one at any time (RFC 5321, 3.8), which
    /// says nothing of the mail.
    pub(super) async fn send(&self, mail: &Message) -> Result<(), Undelivered> {
        let connections = self.connections;
        if let Some(mut session) = connections.kept().await {
            match session.hand_over(mail).await {
                Ok(()) => {
                    connections.keep(session);
                    return Ok(());
                }
                Err(not) if !not.has_left => return Err(not.why),
                Err(_left) => {}
            }
        }
        let mut session = connections.server.connect().await?;
        session.hand_over(mail).await.map_err(|not| not.why)?;
        connections.keep(session);
        Ok(())
    }
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
