//! One connection to the mail server, which is not left without a word.

use std::fmt;
use std::pin::pin;
use std::task::{Context, Waker};

use lettre::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailParameter};
use phone_auth_events::{Retry, Undelivered};

use super::refusal::{self, Step};

/// A connection. It says `QUIT` when it is dropped between two commands (RFC 5321, 4.1.1.10): after a refusal, when it was
/// idle for long, when the program stops. One that is dropped while an answer is awaited is closed.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// Whether the server waits for a command.
    is_our_turn: bool,
}

/// Why a mail was not handed over.
pub(super) struct NotHandedOver {
    pub(super) why: Undelivered,
    /// Whether the server has left, whatever the mail is. It has not taken it then.
    pub(super) has_left: bool,
}

impl Session {
    pub(super) fn new(connection: AsyncSmtpConnection) -> Self {
        Self {
            connection,
            is_our_turn: true,
        }
    }

    /// Whether the server still answers.
    pub(super) async fn is_there(&mut self) -> bool {
        self.say(Step::Connect, Noop).await.is_ok()
    }

    pub(super) async fn log_in(&mut self, credentials: &Credentials) -> Result<(), Undelivered> {
        self.is_our_turn = false;
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let answer = self.connection.auth(&mechanisms, credentials).await;
        self.hear(Step::LogIn, answer).map_err(|not| not.why)
    }

    /// One mail, from the sender to the final dot.
    pub(super) async fn hand_over(&mut self, mail: &Message) -> Result<(), NotHandedOver> {
        let envelope = mail.envelope();
        let mut parameters = Vec::new();
        if envelope.to().iter().any(|to| !to.to_string().is_ascii()) {
            let server = self.connection.server_info();
            if !server.supports_feature(Extension::SmtpUtfEight) {
                let why = "the mail server takes no addresses beyond ASCII";
                let why = Undelivered::new(Retry::Later, why);
                let has_left = false;
                return Err(NotHandedOver { why, has_left });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let sender = Mail::new(envelope.from().cloned(), parameters);
        self.say(Step::Sender, sender).await?;
        for recipient in envelope.to() {
            let recipient = Rcpt::new(recipient.clone(), Vec::new());
            self.say(Step::Recipient, recipient).await?;
        }
        self.say(Step::Content, Data).await?;
        self.is_our_turn = false;
        let answer = self.connection.message(&mail.formatted()).await;
        // A server that falls silent after a whole mail may have taken it.
        let has_answered = answer.as_ref().is_err_and(|error| error.status().is_some());
        self.hear(Step::Content, answer)
            .map_err(|NotHandedOver { why, has_left }| NotHandedOver {
                why,
                has_left: has_left && has_answered,
            })
    }

    async fn say(&mut self, step: Step, command: impl fmt::Display) -> Result<(), NotHandedOver> {
        self.is_our_turn = false;
        let answer = self.connection.command(command).await;
        self.hear(step, answer)
    }

    /// Notes whether it is our turn.
    fn hear<T>(&mut self, step: Step, answer: Result<T, Error>) -> Result<(), NotHandedOver> {
        let has_left = match &answer {
            Ok(_answer) => false,
            Err(error) => match error.status() {
                // Who says so closes the connection (RFC 5321, 3.8).
                Some(code) => u16::from(code) == 421,
                None => !error.is_client(),
            },
        };
        self.is_our_turn = !has_left;
        answer.map(drop).map_err(|error| NotHandedOver {
            why: refusal::of(step, error),
            has_left,
        })
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_our_turn || self.connection.has_broken() {
            return;
        }
        // Polled once: the line fits in what the system buffers, and nobody is there to wait for the answer.
        let quit = tokio::task::unconstrained(self.connection.quit());
        let _answer = pin!(quit).poll(&mut Context::from_waker(Waker::noop()));
    }
}
