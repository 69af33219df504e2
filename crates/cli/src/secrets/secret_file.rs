//! Reading a file that holds a secret: every one is read here.
//!
//! Anyone who reads the key can make links for everybody, so a file that others may write or replace, or that belongs to
//! someone else, is refused, and one that others may read is warned of: secrets that an orchestrator
//! mounts are often readable by all of their container, and belong to root.

use std::error::Error;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use phone_auth::tokens::SecretKeyError;

use super::folders;
use crate::terminal::visible::{VisiblePath, misleads};

/// No secret is longer than this: credentials of NATS hold a token that may list many subjects.
const MOST_BYTES: u64 = 64 * 1024;

/// What Windows' editors write before a text in UTF-8. It is no part of the secret, and nobody sees it.
pub(crate) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file with a secret that will not do.
#[derive(Debug)]
pub(crate) struct SecretFileError {
    what: &'static str,
    path: PathBuf,
    pub(crate) kind: SecretFileErrorKind,
}

impl SecretFileError {
    pub(crate) fn new(what: &'static str, path: &Path, kind: SecretFileErrorKind) -> Self {
        Self {
            what,
            path: path.to_owned(),
            kind,
        }
    }
}

impl fmt::Display for SecretFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = VisiblePath(&self.path);
        write!(f, "the {} {path} {}", self.what, self.kind)
    }
}

impl Error for SecretFileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum SecretFileErrorKind {
    #[error("does not exist")]
    Missing,
    #[error("is there already; it stays as it is")]
    Exists,
    #[error("is empty")]
    Empty,
    #[error("is not a file")]
    NotAFile,
    #[error("is a symbolic link that leads nowhere")]
    Dangling,
    #[error(
        "can be written by others (mode {mode:03o}); run chmod 600 on it, and replace what it holds if others may have read it"
    )]
    WritableByOthers { mode: u32 },
    #[error(
        "belongs to another user (number {owner}), who can read and change it; give it to the user of this program \
         with chown, and replace what it holds if that is not yours"
    )]
    OfAnotherUser { owner: u32 },
    #[error(
        "is reached through {}, which others can write (mode {mode:03o}), so that they can put another file in its place; \
         run chmod go-w on that, and replace what the file holds if it is not yours",
        VisiblePath(folder)
    )]
    FolderWritableByOthers { folder: PathBuf, mode: u32 },
    #[error(
        "is reached through {}, which belongs to another user (number {owner}), who can put another file in its place; \
         give that to the user of this program with chown, and replace what the file holds if it is not yours",
        VisiblePath(folder)
    )]
    InFolderOfAnotherUser { folder: PathBuf, owner: u32 },
    #[error("is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("has several lines; it must hold the secret alone, on one line and without a comment")]
    Lines,
    #[error("has quotes around what it holds, which would be part of the secret; leave them out")]
    InQuotes,
    #[error("is not a text in UTF-8")]
    NotText,
    #[error("is a text in UTF-16, not in UTF-8; write it anew without a byte-order mark")]
    Utf16,
    #[error(
        "holds a character that nobody sees ({}); write it anew as plain text", .0.escape_unicode()
    )]
    Invisible(char),
    #[error(
        "holds a key that anyone could guess; put a random one there, such as the output of `openssl rand -hex 32`"
    )]
    Unfit(#[source] SecretKeyError),
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("cannot be made")]
    Unmakable(#[source] io::Error),
}

/// A secret as it was read.
pub(crate) struct Secret {
    /// The text without the blanks around it, and without a byte-order mark.
    pub(crate) text: String,
    /// Whether there was a byte-order mark.
    pub(crate) is_marked: bool,
    /// The mode of the file, when others than its owner can read it.
    pub(crate) readable_by_others: Option<u32>,
}

/// Reads a secret such as the password of a mail server, and warns if others can read it too.
///
/// # Errors
/// When the file is missing, open to others, another user's, unreadable, or empty, or holds more than the secret.
pub(crate) fn read(path: &Path) -> Result<String, SecretFileError> {
    let text = read_lines(path)?;
    is_alone(&text).map_err(|kind| SecretFileError::new("file", path, kind))?;
    Ok(text)
}

/// Refuses more than a secret: what a file of variables or of settings has around one would be taken for a part of it, and
/// anyone who compares it with the other side's would not see why they differ.
///
/// # Errors
/// When it has several lines, or quotes around it.
pub(crate) fn is_alone(text: &str) -> Result<(), SecretFileErrorKind> {
    if text.contains(['\n', '\r']) {
        return Err(SecretFileErrorKind::Lines);
    }
    let is_in_quotes = ['"', '\''].iter().any(|quote| {
        let inner = text.strip_prefix(*quote);
        inner.is_some_and(|inner| inner.ends_with(*quote))
    });
    if is_in_quotes {
        return Err(SecretFileErrorKind::InQuotes);
    }
    Ok(())
}

/// The same for a secret that has lines, such as the credentials of NATS.
///
/// # Errors
/// When the file is missing, open to others, another user's, unreadable, or empty.
pub(crate) fn read_lines(path: &Path) -> Result<String, SecretFileError> {
    let of_file = |kind| SecretFileError::new("file", path, kind);
    let secret = read_quietly(path).map_err(of_file)?;
    is_seen(&secret.text).map_err(of_file)?;
    if let Some(mode) = secret.readable_by_others {
        warn_of_readers("file", path, mode);
    }
    if secret.text.is_empty() {
        return Err(of_file(SecretFileErrorKind::Empty));
    }
    Ok(secret.text)
}

/// Warns that others than its owner can read a file with a secret.
pub(crate) fn warn_of_readers(what: &str, path: &Path, mode: u32) {
    tracing::warn!(
        "the {what} {} can be read by others (mode {mode:03o}); chmod 600 keeps it to its owner",
        VisiblePath(path)
    );
}

/// Refuses what nobody sees. Some secrets have lines; whatever else nobody sees is no part of one: it came by a copy that
/// went wrong, and anyone who types or copies what is seen has another secret.
///
/// # Errors
/// When there is a character that nobody sees.
pub(crate) fn is_seen(text: &str) -> Result<(), SecretFileErrorKind> {
    let is_unseen = |letter: &char| misleads(*letter) && !matches!(letter, '\n' | '\r' | '\t');
    match text.chars().find(is_unseen) {
        Some(unseen) => Err(SecretFileErrorKind::Invisible(unseen)),
        None => Ok(()),
    }
}

/// Reads a secret, which may be empty, or hold what is no part of one.
///
/// # Errors
/// When the file is missing, open to others, another user's, or unreadable.
pub(crate) fn read_quietly(path: &Path) -> Result<Secret, SecretFileErrorKind> {
    // Asked before opening: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => SecretFileErrorKind::Dangling,
        io::ErrorKind::NotFound => SecretFileErrorKind::Missing,
        _ => SecretFileErrorKind::Unreadable(error),
    })?;
    if !metadata.is_file() {
        return Err(SecretFileErrorKind::NotAFile);
    }
    let file = File::open(path).map_err(SecretFileErrorKind::Unreadable)?;
    // Asked of the open file, so that nobody can exchange it in between.
    let readable_by_others = closed_to_others(&file, path)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(SecretFileErrorKind::Unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(SecretFileErrorKind::TooLong);
    }
    if is_utf16(&bytes) {
        return Err(SecretFileErrorKind::Utf16);
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretFileErrorKind::NotText)?;
    let unmarked = text.strip_prefix(BYTE_ORDER_MARK);
    Ok(Secret {
        text: unmarked.unwrap_or(&text).trim().to_owned(),
        is_marked: unmarked.is_some(),
        readable_by_others,
    })
}

/// Whether bytes are a text in UTF-16: with a byte-order mark, or of ASCII, of which then every other byte is null.
fn is_utf16(bytes: &[u8]) -> bool {
    let nulls = |first| bytes.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    let is_half_null = bytes.len() > 1 && nulls(0) != nulls(1);
    is_half_null || bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])
}

/// Refuses a file that others can write or replace, or that is another user's; the mode of one that others can read.
#[cfg(unix)]
pub(crate) fn closed_to_others(
    file: &File,
    path: &Path,
) -> Result<Option<u32>, SecretFileErrorKind> {
    use std::os::unix::fs::MetadataExt;

    let metadata = file.metadata().map_err(SecretFileErrorKind::Unreadable)?;
    let (mode, owner) = (metadata.mode() & 0o777, metadata.uid());
    if mode & 0o022 != 0 {
        return Err(SecretFileErrorKind::WritableByOthers { mode });
    }
    if !is_trusted(owner, rustix::process::geteuid().as_raw()) {
        return Err(SecretFileErrorKind::OfAnotherUser { owner });
    }
    folders::closed_to_others(path)?;
    Ok((mode & 0o044 != 0).then_some(mode))
}

/// Whether this user owns files that are taken: our own and root's.
#[cfg(unix)]
pub(super) const fn is_trusted(owner: u32, own: u32) -> bool {
    owner == 0 || owner == own
}

/// Other systems keep who may read a file in lists that this program does not know.
#[cfg(not(unix))]
pub(crate) fn closed_to_others(
    _file: &File,
    _path: &Path,
) -> Result<Option<u32>, SecretFileErrorKind> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn byte_order_mark_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (content, text) in [
            (&b"plum orchard"[..], "plum orchard"),
            (b"\xef\xbb\xbfplum orchard\r\n", "plum orchard"),
            (b"\xef\xbb\xbf \tplum\n", "plum"),
            (b"plum\n\torchard\r\nhill\n", "plum\n\torchard\r\nhill"),
            ("pflaume-größe\u{301}\n".as_bytes(), "pflaume-größe\u{301}"),
            ("x".repeat(65_536).as_bytes(), &"x".repeat(65_536)),
        ] {
            write(&path, content);
            assert_eq!(read_lines(&path).unwrap(), text, "{content:?}");
        }
        for content in [&b"\xef\xbb\xbf"[..], b"\xef\xbb\xbf\n", b" \n"] {
            write(&path, content);
            let kind = read(&path).unwrap_err().kind;
            assert!(matches!(kind, SecretFileErrorKind::Empty), "{content:?}");
        }
    }

    #[test]
    fn secret_stands_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for content in ["plum", "# plum\n", "\"plum", "pl\"um\"", "\"plum'", "\""] {
            write(&path, content.as_bytes());
            assert_eq!(read(&path).unwrap(), content.trim(), "{content:?}");
        }
        for (content, said) in [
            ("plum\norchard\n", "has several lines"),
            ("# the password\nplum\n", "has several lines"),
            ("plum\rorchard", "has several lines"),
            ("\"plum\"\n", "has quotes around"),
            ("'plum orchard'", "has quotes around"),
            ("\"\"", "has quotes around"),
        ] {
            write(&path, content.as_bytes());
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{content:?}: {error}");
            assert!(!error.contains("plum"), "{error}");
        }
    }

    #[test]
    fn unreadable_secrets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for (content, said) in [
            (&b"\xff\xfep\0l\0"[..], "is a text in UTF-16"),
            (b"\xfe\xff\0p\0l", "is a text in UTF-16"),
            (b"p\0l\0u\0m\0", "is a text in UTF-16"),
            (b"\0p\0l\0u\0m\0\n", "is a text in UTF-16"),
            (b"plum\0orchard", "(\\u{0})"),
            (b"\0\0\0\0", "(\\u{0})"),
            (b"plum\x1b[31m", "(\\u{1b})"),
            (b"plum\x7forchard", "(\\u{7f})"),
            (b"plum\x08\n", "(\\u{8})"),
            ("plum\u{85}orchard".as_bytes(), "(\\u{85})"),
            ("plum\u{feff}".as_bytes(), "(\\u{feff})"),
            ("\u{feff}\u{feff}plum".as_bytes(), "(\\u{feff})"),
            ("pl\u{200b}um".as_bytes(), "(\\u{200b})"),
            ("plum\u{200d}\n".as_bytes(), "(\\u{200d})"),
            ("\u{2060}plum".as_bytes(), "(\\u{2060})"),
            ("\u{202e}mulp".as_bytes(), "(\\u{202e})"),
            (b"plum\xff", "is not a text in UTF-8"),
            ("x".repeat(65_537).as_bytes(), "is longer than 65536 bytes"),
        ] {
            write(&path, content);
            let error = read(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{content:?}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn file_of_another_user_is_refused() {
        for (owner, own, is_taken) in [
            (0, 0, true),
            (0, 1000, true),
            (1000, 1000, true),
            (1000, 0, false),
            (1001, 1000, false),
            (65534, 1000, false),
        ] {
            assert_eq!(is_trusted(owner, own), is_taken, "{owner} {own}");
        }
    }

    fn write(path: &Path, content: &[u8]) {
        fs::write(path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }
}
