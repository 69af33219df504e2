//! The files of certificates and keys that a URL or the environment names: looked at before the driver reads them.
//!
//! The driver reads them again for each connection, and takes a key that everybody may read, and a pipe that it would wait
//! for. PostgreSQL's own programs take neither.

use std::error::Error;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::{env, fmt};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PemFile {
    /// The authority of the server's certificate.
    Root,
    /// The certificate by which the server knows us.
    Certificate,
    /// The key of that certificate.
    Key,
}

impl PemFile {
    /// Each of them.
    pub(crate) const ALL: [Self; 3] = [Self::Root, Self::Certificate, Self::Key];

    /// The names of the parameter.
    pub(crate) const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Root => &["sslrootcert", "ssl-root-cert", "ssl-ca"],
            Self::Certificate => &["sslcert", "ssl-cert"],
            Self::Key => &["sslkey", "ssl-key"],
        }
    }

    /// The variable that is read where the URL has no parameter.
    const fn variable(self) -> &'static str {
        match self {
            Self::Root => "PGSSLROOTCERT",
            Self::Certificate => "PGSSLCERT",
            Self::Key => "PGSSLKEY",
        }
    }

    /// What the variable says.
    pub(crate) fn in_environment(self) -> Option<String> {
        env::var(self.variable())
            .ok()
            .filter(|value| !value.is_empty())
    }

    /// Looks at the file that the parameter names, or else the variable.
    ///
    /// # Errors
    /// When the driver could not use it, or others than its owner can read a key or change it.
    pub(crate) fn check(self, parameter: Option<(&str, &str)>) -> Result<(), PemFileError> {
        let named = match parameter {
            Some((name, value)) => Some((name.to_owned(), value.to_owned())),
            None => self
                .in_environment()
                .map(|value| (format!("{} (environment)", self.variable()), value)),
        };
        let Some((name, value)) = named else {
            return Ok(());
        };
        self.check_value(&value)
            .map_err(|reason| PemFileError { name, reason })
    }

    /// Looks at a file; the driver takes what would be in it, too.
    fn check_value(self, value: &str) -> Result<(), Reason> {
        if is_content(value) {
            return self.check_content(value.as_bytes());
        }
        // Asked before opening: opening a pipe would wait for its other end.
        if !fs::metadata(value).map_err(Reason::Unreadable)?.is_file() {
            return Err(Reason::NotAFile);
        }
        let mut file = File::open(value).map_err(Reason::Unreadable)?;
        if self == Self::Key {
            // Asked of the open file, so that nobody can exchange it in between.
            closed_to_others(&file.metadata().map_err(Reason::Unreadable)?)?;
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(Reason::Unreadable)?;
        self.check_content(&content)
    }

    /// The driver would go on with no authority where a file holds none.
    fn check_content(self, content: &[u8]) -> Result<(), Reason> {
        let read = match self {
            Self::Root | Self::Certificate => CertificateDer::from_pem_slice(content).map(drop),
            Self::Key => PrivateKeyDer::from_pem_slice(content).map(drop),
        };
        read.map_err(|error| match error {
            pem::Error::NoItemsFound if self == Self::Key => Reason::NoKey,
            pem::Error::NoItemsFound => Reason::NoCertificate,
            error => Reason::Damaged(error),
        })
    }
}

/// Whether a value is what would be in the file, by the rule of the driver.
pub(crate) fn is_content(value: &str) -> bool {
    let trimmed = value.trim();
    trimmed.starts_with("-----BEGIN") && trimmed.ends_with("-----")
}

/// Why a file will not do. Its path is left out: under a mistyped name it may be something else.
#[derive(Debug)]
pub(crate) struct PemFileError {
    name: String,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Unreadable(io::Error),
    NotAFile,
    OpenToOthers { mode: u32 },
    OfAnotherUser { owner: u32 },
    NoCertificate,
    NoKey,
    Damaged(pem::Error),
}

impl fmt::Display for PemFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} names ", self.name)?;
        match &self.reason {
            Reason::Unreadable(_) => f.write_str("a file that cannot be read"),
            Reason::NotAFile => f.write_str("what is not a file"),
            Reason::OpenToOthers { mode } => write!(
                f,
                "a key that is open to others (mode {mode:03o}); run chmod 600 on it, or 640 if it belongs to root, and \
                 replace the key if others may have read it"
            ),
            Reason::OfAnotherUser { owner } => write!(
                f,
                "a key that belongs to another user (number {owner}), who can read and change it; give it to the user of \
                 this program with chown, and replace it if it is not yours"
            ),
            Reason::NoCertificate => f.write_str("a file that holds no certificate in PEM"),
            Reason::NoKey => f.write_str("a file that holds no private key in PEM"),
            Reason::Damaged(_) => f.write_str("a file that is not whole"),
        }
    }
}

impl Error for PemFileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.reason {
            Reason::Unreadable(error) => Some(error),
            Reason::Damaged(error) => Some(error),
            _ => None,
        }
    }
}

/// Refuses the key of another user, and one that others can read or write, by the rule of PostgreSQL's own programs: the
/// group of root's may read it.
#[cfg(unix)]
fn closed_to_others(key: &Metadata) -> Result<(), Reason> {
    use std::os::unix::fs::MetadataExt;

    check_access(key.uid(), key.mode(), rustix::process::geteuid().as_raw())
}

#[cfg(unix)]
const fn check_access(owner: u32, mode: u32, own: u32) -> Result<(), Reason> {
    if owner != 0 && owner != own {
        return Err(Reason::OfAnotherUser { owner });
    }
    let forbidden = if owner == 0 { 0o037 } else { 0o077 };
    if mode & forbidden != 0 {
        let mode = mode & 0o777;
        return Err(Reason::OpenToOthers { mode });
    }
    Ok(())
}

/// Other systems keep who may read a file in lists that this crate does not know.
#[cfg(not(unix))]
fn closed_to_others(_key: &Metadata) -> Result<(), Reason> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";

    /// What is said of a file with this content and mode under a name; nothing if it is taken.
    fn said(file: PemFile, name: &str, content: &str, mode: u32) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.pem");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = file.check(Some((name, path.to_str().unwrap())));
        error.err().map(|error| error.to_string())
    }

    #[test]
    fn key_open_to_others_is_refused() {
        for (owner, mode, own, is_taken) in [
            (1000, 0o600, 1000, true),
            (1000, 0o400, 1000, true),
            (1000, 0o700, 1000, true),
            (1000, 0o640, 1000, false),
            (1000, 0o604, 1000, false),
            (1000, 0o620, 1000, false),
            (1000, 0o666, 1000, false),
            (0, 0o600, 1000, true),
            (0, 0o640, 1000, true),
            (0, 0o440, 0, true),
            (0, 0o660, 1000, false),
            (0, 0o650, 1000, false),
            (0, 0o644, 1000, false),
            (0, 0o641, 0, false),
            (1001, 0o600, 1000, false),
            (1000, 0o600, 0, false),
        ] {
            let checked = check_access(owner, 0o100_000 | mode, own);
            assert_eq!(checked.is_ok(), is_taken, "{owner} {mode:o} {own}");
        }
        for name in PemFile::Key.names() {
            assert_eq!(said(PemFile::Key, name, KEY, 0o600), None, "{name}");
            let refused = said(PemFile::Key, name, KEY, 0o666).unwrap();
            assert!(
                refused.starts_with(name) && refused.contains("mode 666"),
                "{refused}"
            );
        }
        // Anyone may read what the server shows to everybody.
        for file in [PemFile::Root, PemFile::Certificate] {
            assert_eq!(said(file, "sslcert", CERTIFICATE, 0o644), None);
        }
    }

    #[test]
    fn what_holds_nothing_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        for file in PemFile::ALL {
            let (right, other, nothing) = match file {
                PemFile::Key => (KEY, CERTIFICATE, "holds no private key"),
                _ => (CERTIFICATE, KEY, "holds no certificate"),
            };
            let name = file.names().first().unwrap();
            for (content, words) in [
                (right, None),
                (other, Some(nothing)),
                ("", Some(nothing)),
                (right.trim_end().trim_end_matches('-'), Some("is not whole")),
            ] {
                let said = said(file, name, content, 0o600);
                assert_eq!(said.is_some(), words.is_some(), "{content:?}: {said:?}");
                let said = said.unwrap_or_default();
                assert!(said.contains(words.unwrap_or_default()), "{said}");
            }
            // What would be in it.
            assert!(file.check(Some((name, right))).is_ok(), "{name}");
            for (path, words) in [
                (folder.path().join("none"), "cannot be read"),
                (folder.path().to_owned(), "is not a file"),
                // Nobody ever writes to it.
                (pipe.clone(), "is not a file"),
            ] {
                let error = file.check(Some((name, path.to_str().unwrap())));
                let said = error.unwrap_err().to_string();
                assert!(said.starts_with(name) && said.contains(words), "{said}");
            }
        }
    }
}
