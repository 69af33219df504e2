//! Why a database could not be opened.

use std::error::Error;
use std::{fmt, io};

use phone_auth_core::store::StoreErrorKind;

use rustls::CertificateError;

use crate::cause::Cause;
use crate::failure::Failure;

/// What kept a database from being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The text is no URL of PostgreSQL, or names no user.
    Url,
    /// A parameter of the URL is unknown, or would protect less than it says; the source names it.
    Parameter,
    /// A file of certificates or keys that the URL or the environment names cannot be read, or holds none, or others than
    /// its owner can read the key; the source names the parameter.
    CertificateFile,
    /// No server answers there, or it has too many connections, or the database takes none for now; the source says which.
    /// Trying again may work.
    Unavailable,
    /// What answers is a proxy such as PgBouncer, which takes no settings of a session: see
    /// [`with_transaction_pooler`](crate::PostgresOptions::with_transaction_pooler).
    Pooler,
    /// The server does not let this user in.
    Refused,
    /// The server has no database of this name.
    Missing,
    /// The URL asks for TLS, and the server offers none, or not as we speak it.
    Tls,
    /// The server's certificate is by an authority that is not trusted.
    Authority,
    /// The server's certificate is for another name than the one in the URL.
    ServerName,
    /// The server's certificate will not do for another reason; it has expired, say.
    Certificate,
    /// The database keeps texts in another encoding than UTF8, in which not every name can be stored or looked for; the
    /// source names it.
    Encoding,
    /// This user of the database may not look at its tables; the source says which rights to grant.
    Denied,
    /// The tables were made by a later version of this crate.
    TooNew,
    /// The tables could not be made; the source is a [`MigrateError`](crate::MigrateError).
    Migration,
    /// The server refused something else.
    Broken,
}

/// A database could not be opened.
pub struct OpenError {
    kind: OpenErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl OpenError {
    /// An error without a source.
    pub(crate) fn new(kind: OpenErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error with a source.
    pub(crate) fn with_source(
        kind: OpenErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// An error of the driver while it connected.
    pub(crate) fn from_sqlx(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Configuration(_) => OpenErrorKind::Url,
            sqlx::Error::Tls(_) => OpenErrorKind::Tls,
            sqlx::Error::Database(refusal) => {
                match refusal.code().filter(|it| it.len() == 5).as_deref() {
                    // What tells no code is no server.
                    None => OpenErrorKind::Unavailable,
                    Some(code) if code.starts_with("28") => OpenErrorKind::Refused,
                    // A violation of the protocol, by a driver that keeps it: PgBouncer so refuses parameters that it does not
                    // know how to give to another session.
                    Some("08P01") => OpenErrorKind::Pooler,
                    Some("3D000") => OpenErrorKind::Missing,
                    Some("42501") => OpenErrorKind::Refused,
                    // What may pass later passes now.
                    _ if Failure::kind_of(&error) == StoreErrorKind::Unavailable => {
                        OpenErrorKind::Unavailable
                    }
                    _ => OpenErrorKind::Broken,
                }
            }
            sqlx::Error::Io(error) => kind_of_io(error),
            sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) => OpenErrorKind::Unavailable,
            _ => OpenErrorKind::Broken,
        };
        Self::with_source(kind, Cause::from(error))
    }

    /// What kept the database from being opened.
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == OpenErrorKind::Unavailable
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            OpenErrorKind::Url => "not a URL such as postgres://user@host/database",
            OpenErrorKind::Parameter => "a parameter of the URL cannot be heeded",
            OpenErrorKind::CertificateFile => "a file of a certificate or its key cannot be used",
            OpenErrorKind::Unavailable => "the database server cannot be reached, or lets nobody in for now",
            OpenErrorKind::Pooler => {
                "what answers for the database server is a proxy such as PgBouncer, which `with_transaction_pooler` is for"
            }
            OpenErrorKind::Refused => "the database server refused the login",
            OpenErrorKind::Missing => "the database server has no database of this name",
            OpenErrorKind::Tls => "the database server cannot be reached by TLS",
            OpenErrorKind::Authority => {
                "the certificate of the database server is by no authority that is trusted"
            }
            OpenErrorKind::ServerName => {
                "the certificate of the database server is for another name"
            }
            OpenErrorKind::Certificate => "the certificate of the database server is not valid",
            OpenErrorKind::Encoding => "the database does not keep texts in UTF8",
            OpenErrorKind::Denied => "this user of the database may not use its tables",
            OpenErrorKind::TooNew => "the tables were made by a later version of phone-auth",
            OpenErrorKind::Migration => "the tables could not be made",
            OpenErrorKind::Broken => "the database cannot be used",
        })
    }
}

impl fmt::Debug for OpenError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_core::signals::write_causes(self, f)
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// The encoding of a database that is not UTF8.
#[derive(Debug)]
pub(crate) struct WrongEncoding(pub(crate) String);

impl fmt::Display for WrongEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "its encoding is {}; make another with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and move what \
             is stored with pg_dump",
            self.0
        )
    }
}

impl Error for WrongEncoding {}

/// What an error of the connection means: the driver hands on what TLS says as one of these.
fn kind_of_io(error: &io::Error) -> OpenErrorKind {
    let tls = error.get_ref().and_then(|it| it.downcast_ref());
    match tls {
        None => OpenErrorKind::Unavailable,
        Some(rustls::Error::InvalidCertificate(reason)) => match reason {
            // A bad signature is that of an authority which only bears the name of one that is trusted.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                OpenErrorKind::Authority
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                OpenErrorKind::ServerName
            }
            _ => OpenErrorKind::Certificate,
        },
        Some(_) => OpenErrorKind::Tls,
    }
}
