//! The URL of a database: what the driver is told, and what it must not be told.
//!
//! The driver logs a parameter that it does not know, with its value, and goes on without it; some that it
//! knows it takes for less than they say. Here such a URL is refused.

use std::error::Error;
use std::str::FromStr;
use std::{env, fmt, fs, io};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::cause::Cause;
use crate::open_error::{OpenError, OpenErrorKind};

/// The parameters that the driver heeds, beside `options[…]`.
const KNOWN: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "statement-cache-capacity",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A URL that names a server, a user and a database.
pub(crate) struct ServerUrl {
    url: Url,
    options: PgConnectOptions,
}

impl ServerUrl {
    /// Reads a URL; what its parameters mean for safety is not asked yet.
    ///
    /// # Errors
    /// `Url`.
    pub(crate) fn parse(text: &str) -> Result<Self, OpenError> {
        let wrong = || OpenError::new(OpenErrorKind::Url);
        let url =
            Url::parse(text).map_err(|error| OpenError::with_source(OpenErrorKind::Url, error))?;
        // Without a name in the URL the driver would take that of whoever runs the process, which is
        // another one on the next machine.
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.username().is_empty() {
            return Err(wrong());
        }
        let mut heeded = url.clone();
        heeded
            .query_pairs_mut()
            .clear()
            .extend_pairs(url.query_pairs().filter(|(name, _)| is_known(name)));
        let options = PgConnectOptions::from_str(heeded.as_str())
            .map_err(|error| OpenError::with_source(OpenErrorKind::Url, Cause::from(error)))?;
        // Proxies do not know it, and no number with a fraction is ever read.
        let options = options.extra_float_digits(None);
        Ok(Self { url, options })
    }

    /// Where the database is, without a password.
    pub(crate) fn place(&self) -> String {
        let user = self.options.get_username();
        let database = self.options.get_database().unwrap_or(user);
        match self.options.get_socket() {
            Some(folder) => format!("postgres://{user}@/{database}?host={}", folder.display()),
            None => format!(
                "postgres://{user}@{}:{}/{database}",
                self.options.get_host(),
                self.options.get_port()
            ),
        }
    }

    /// What the driver is to be told.
    ///
    /// # Errors
    /// `Parameter` and `CertificateFile`.
    pub(crate) fn into_options(self) -> Result<PgConnectOptions, OpenError> {
        let refused = |reason| Err(OpenError::with_source(OpenErrorKind::Parameter, reason));
        let unknown = self.url.query_pairs().find(|(name, _)| !is_known(name));
        if let Some((name, _)) = unknown {
            return refused(ParameterError::Unknown(name.into_owned()));
        }
        let mode = self.options.get_ssl_mode();
        if matches!(mode, PgSslMode::VerifyCa) {
            return refused(ParameterError::NameUnchecked);
        }
        let root = self.parameter(&["sslrootcert", "ssl-root-cert", "ssl-ca"]);
        let has_root = root.is_some() || env::var_os("PGSSLROOTCERT").is_some();
        if has_root && !matches!(mode, PgSslMode::VerifyFull) {
            return refused(ParameterError::AuthorityUnchecked);
        }
        let unusable = |error| OpenError::with_source(OpenErrorKind::CertificateFile, error);
        if let Some(root) = root {
            pem(&root)
                .and_then(|pem| check_certificates(&pem))
                .map_err(unusable)?;
        }
        let own = [&["sslcert", "ssl-cert"], &["sslkey", "ssl-key"]];
        for file in own.into_iter().filter_map(|names| self.parameter(names)) {
            pem(&file).map_err(unusable)?;
        }
        Ok(self.options)
    }

    /// The value of a parameter by its names; of several the last, as the driver takes it.
    fn parameter(&self, names: &[&str]) -> Option<String> {
        let given = self.url.query_pairs();
        let last = given
            .filter(|(name, _)| names.contains(&name.as_ref()))
            .last();
        last.map(|(_, value)| value.into_owned())
    }
}

/// Whether the driver heeds a parameter.
fn is_known(name: &str) -> bool {
    KNOWN.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

/// What a file holds; the driver takes what would be in it, too.
fn pem(value: &str) -> io::Result<Vec<u8>> {
    if value.trim_start().starts_with("-----BEGIN") {
        return Ok(value.as_bytes().to_vec());
    }
    fs::read(value)
}

/// The driver would go on with no authority where a file holds none.
fn check_certificates(pem: &[u8]) -> io::Result<()> {
    let mut certificates = CertificateDer::pem_slice_iter(pem);
    match certificates.next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        None => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it holds no certificate",
        )),
    }
}

/// Why a parameter is refused. Its value is left out: it may be a password's, under a mistyped name.
#[derive(Debug)]
enum ParameterError {
    Unknown(String),
    NameUnchecked,
    AuthorityUnchecked,
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => write!(f, "{name:?} is unknown"),
            // The driver trusts the authorities of browsers besides the one that is named.
            Self::NameUnchecked => f.write_str(
                "sslmode=verify-ca would take any certificate that browsers trust; say verify-full, \
                 or require to check nothing",
            ),
            Self::AuthorityUnchecked => {
                f.write_str("sslrootcert is used with sslmode=verify-full only")
            }
        }
    }
}

impl Error for ParameterError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{OpenError, OpenErrorKind, ServerUrl};

    #[test]
    fn place_has_no_password() {
        let cases = [
            (
                "postgres://ann:s3cret@db.example.org/site?sslmode=verify-full",
                Some("postgres://ann@db.example.org:5432/site"),
            ),
            (
                "postgresql://ann:s3cret@10.0.0.1:6432",
                Some("postgres://ann@10.0.0.1:6432/ann"),
            ),
            (
                "postgres://ann@localhost/site?host=/run/postgresql&password=s3cret",
                Some("postgres://ann@/site?host=/run/postgresql"),
            ),
            ("postgres://db.example.org/site", None),
            ("postgres://:s3cret@db.example.org/site", None),
            ("postgres:///site?user=ann", None),
            ("mysql://ann@db.example.org/site", None),
            ("", None),
        ];
        for (url, place) in cases {
            let told = ServerUrl::parse(url).ok().map(|url| url.place());
            assert_eq!(told.as_deref(), place, "{url}");
        }
    }

    #[test]
    fn unsafe_parameters_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "").unwrap();
        let empty = format!("sslmode=verify-full&sslrootcert={}", empty.display());
        let cases = [
            ("", None),
            ("sslmode=require&application_name=site", None),
            ("sslmode=verify-full&options[search_path]=site", None),
            ("sslmod=verify-full", Some(OpenErrorKind::Parameter)),
            ("passwrod=s3cret", Some(OpenErrorKind::Parameter)),
            ("sslmode=verify-ca", Some(OpenErrorKind::Parameter)),
            ("sslrootcert=/root.pem", Some(OpenErrorKind::Parameter)),
            (
                "sslmode=require&ssl-ca=/root.pem",
                Some(OpenErrorKind::Parameter),
            ),
            (
                "sslmode=verify-full&sslrootcert=/nowhere/root.pem",
                Some(OpenErrorKind::CertificateFile),
            ),
            (
                "sslmode=verify-full&sslcert=/nowhere/own.pem",
                Some(OpenErrorKind::CertificateFile),
            ),
            (empty.as_str(), Some(OpenErrorKind::CertificateFile)),
        ];
        for (parameters, kind) in cases {
            let url = format!("postgres://ann:s3cret@db/site?{parameters}");
            let url = ServerUrl::parse(&url).unwrap();
            assert_eq!(url.place(), "postgres://ann@db:5432/site");
            let error = url.into_options().err();
            assert_eq!(error.as_ref().map(OpenError::kind), kind, "{parameters}");
            assert!(!format!("{error:?}").contains("s3cret"), "{parameters}");
        }
    }
}
