//! A receiver that could not deliver as it is set up.

use std::error::Error;
use std::fmt;

use phone_auth_events::BoxError;

/// The state of a receiver could not be built.
pub struct BuildError {
    kind: BuildErrorKind,
    source: Option<BoxError>,
}

/// What is wrong with the state of a receiver.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// The sender is no email address that mail can come from. What stands before the `@` must be ASCII: few
    /// servers take more.
    #[error(
        "the sender is not an email address such as Accounts <accounts@example.org>, ASCII before the @"
    )]
    Sender,
    /// The name of the other side is no host.
    #[error("the host is not a name or an IP address")]
    Host,
    /// The mail server cannot be greeted with this.
    #[error(
        "the name to greet the mail server with is not a full domain name such as www.example.org, nor an address such as [192.0.2.1]"
    )]
    Hello,
    /// Messages would cross a network where others can read them.
    #[error("messages would cross the network in the clear")]
    Plaintext,
    /// What should be a certificate is none.
    #[error("the root certificate is not one or more certificates in PEM")]
    Certificate,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls,
    /// The folder of templates cannot be read.
    #[error("the folder of templates cannot be read")]
    TemplateFolder,
    /// A template is missing or has a mistake, or a file is none of the templates.
    #[error("the template {name} {}", .wrong)]
    Template {
        /// Its language and name: `de/verify_email.txt`.
        name: String,
        /// What is wrong with it.
        wrong: TemplateProblem,
    },
    /// The address is no URL that messages can be sent to.
    #[error("the address is not a URL with https, the host the same for every message")]
    Url,
    /// The address has a name or a password in it. It is shown where they must not be, and they are not sent.
    #[error("the address has a name or a password in it, which belong in settings of their own")]
    LogInUrl,
    /// The name to log in with has a colon in it, which would end it (RFC 7617, 2).
    #[error("the name to log in with has a colon or a control character in it")]
    User,
    /// A secret is not of the form that it must have.
    #[error("the secret is not of the form that it must have")]
    Secret,
    /// A secret that is signed with besides the first is not of the form that it must have.
    #[error("the other secret is not of the form that it must have")]
    OtherSecret,
    /// A status means two things, or is none.
    #[error("the statuses are not ones such as 2xx, 404, 500-503, each meaning one thing")]
    Statuses,
    /// What an answer must say is nothing that it could.
    #[error(
        "what the answer must say is not a pointer such as /messages/0/status with a text, a number or a yes or no, nor a text"
    )]
    Confirmation,
    /// The method is none that a message is sent by. They are written in large letters (RFC 9110, 9.1).
    #[error("the method is not one of GET, POST, PUT, PATCH")]
    Method,
    /// What should be the name of a header is none.
    #[error("the name of a header is none")]
    Header,
    /// A template of the request cannot be rendered, or gives a header more than a line.
    #[error("a template of the request cannot be rendered, or gives what its place cannot hold")]
    Request,
    /// The request says not to whom or not what: it is the same for another number or another text.
    #[error("the request asks nowhere for `to` and `text`")]
    Incomplete,
    /// The request has the number or the text otherwise than they must arrive, as by a filter that encodes what is
    /// encoded anyway.
    #[error(
        "the request has `to` or `text` changed or encoded twice: each is encoded for its place without a filter"
    )]
    Changed,
    /// A signal that was chosen asks for no message, or none was chosen.
    #[error("the signals chosen are not some of those that ask for messages")]
    Signal,
    /// The subject is not words with dots between them.
    #[error("the subject is not words with dots between them")]
    Subject,
    /// There are no texts in the language that is taken when a user's own is not there.
    #[error("there are no texts in the default language")]
    Language,
}

/// What is wrong with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// It is missing although others of its language are there.
    #[error("is missing, although others of its language are there")]
    Missing,
    /// Nothing asks for it: its name is misspelt, or it should begin with `_`.
    #[error("is none that is asked for; one that others include begins with _")]
    Unknown,
    /// Anyone who gets it could do nothing with it: it is the same for another link and another code.
    #[error("says neither {{{{ link }}}} nor {{{{ code }}}}")]
    NeitherLinkNorCode,
    /// It cannot be rendered.
    #[error("cannot be rendered (line {line})")]
    Broken {
        /// The line of the mistake.
        line: usize,
    },
}

impl BuildError {
    pub(crate) fn new(kind: BuildErrorKind) -> Self {
        Self { kind, source: None }
    }

    pub(crate) fn with_source(kind: BuildErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &BuildErrorKind {
        &self.kind
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Debug for BuildError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
