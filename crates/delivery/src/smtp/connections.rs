//! Connections to the mail server, kept for the next message.
//!
//! A connection is put back only after the server has taken a mail whole. One whose message was dropped in
//! the middle is closed: answers to the old message would be taken for answers to the next.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::Message;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailParameter};
use phone_auth_events::{Retry, Undelivered};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal::{self, Step};
use super::server::Server;

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
    connection: AsyncSmtpConnection,
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

    /// A kept connection that still answers.
    async fn kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut kept = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.retain(|idle| idle.since.elapsed() < IDLE);
                idle.pop()?
            };
            let answers = kept.connection.test_connected();
            let patience = self.server.patience.min(ANSWER);
            match tokio::time::timeout(patience, answers).await {
                Ok(true) => return Some(kept.connection),
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
    /// Sends a mail over a kept connection or a new one.
    pub(super) async fn send(&self, mail: &Message) -> Result<(), Undelivered> {
        let connections = self.connections;
        let mut connection = match connections.kept().await {
            Some(connection) => connection,
            None => connections.server.connect().await?,
        };
        hand_over(&mut connection, mail).await?;
        let since = Instant::now();
        let idle = connections.idle.lock();
        idle.unwrap_or_else(PoisonError::into_inner)
            .push(Idle { connection, since });
        Ok(())
    }
}

/// One mail, from the sender to the final dot.
async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    mail: &Message,
) -> Result<(), Undelivered> {
    let envelope = mail.envelope();
    let mut parameters = Vec::new();
    if envelope.to().iter().any(|to| !to.to_string().is_ascii()) {
        if !connection
            .server_info()
            .supports_feature(Extension::SmtpUtfEight)
        {
            let why = "the mail server takes no addresses beyond ASCII";
            return Err(Undelivered::new(Retry::Later, why));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let sender = Mail::new(envelope.from().cloned(), parameters);
    let taken = connection.command(sender).await;
    taken.map_err(|error| refusal::of(Step::Sender, error))?;
    for recipient in envelope.to() {
        let taken = connection
            .command(Rcpt::new(recipient.clone(), Vec::new()))
            .await;
        taken.map_err(|error| refusal::of(Step::Recipient, error))?;
    }
    let begun = connection
        .command(lettre::transport::smtp::commands::Data)
        .await;
    begun.map_err(|error| refusal::of(Step::Content, error))?;
    let taken = connection.message(&mail.formatted()).await;
    taken.map_err(|error| refusal::of(Step::Content, error))?;
    Ok(())
}

impl std::fmt::Debug for Idle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Idle")
            .field("since", &self.since)
            .finish_non_exhaustive()
    }
}
