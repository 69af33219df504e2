//! The file that holds the secret key, and files that hold other secrets.
//!
//! Whoever reads it can make links for everybody, so a file that others may write is refused, and one
//! that they may read is warned of: secrets that an orchestrator mounts are often readable by all of
//! their container. It is made with mode 600 before a byte is in it, and appears under its name only
//! when it is whole.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use phone_auth::tokens::{SecretKey, SecretKeyError};

use crate::visible::Visible;

/// No key is longer than this.
const MOST_BYTES: u64 = 4096;

/// What messages call the file of the key.
pub(crate) const KEY_FILE: &str = "key file";

/// A key, and whether it was made just now.
#[derive(Debug)]
pub(crate) struct KeyFile {
    pub(crate) key: SecretKey,
    pub(crate) path: PathBuf,
    pub(crate) made: bool,
    /// The mode of the file, when others than its owner can read it.
    pub(crate) readable_by_others: Option<u32>,
}

/// A key file that will not do.
#[derive(Debug)]
pub(crate) struct KeyFileError {
    what: &'static str,
    path: PathBuf,
    kind: KeyFileErrorKind,
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.to_string_lossy();
        write!(f, "the {} {} {}", self.what, Visible(&path), self.kind)
    }
}

impl Error for KeyFileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyFileErrorKind {
    #[error("does not exist")]
    Missing,
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
    #[error("is longer than {MOST_BYTES} bytes or not text")]
    NotText,
    #[error(
        "holds a key that anyone could guess; put a random one there, such as the output of `openssl rand -hex 32`"
    )]
    Unfit(#[source] SecretKeyError),
    #[error("cannot be read")]
    Unreadable(#[source] io::Error),
    #[error("cannot be made")]
    Unmakable(#[source] io::Error),
}

/// Where the key of a database is kept when nobody says otherwise: beside it.
pub(crate) fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// Reads the key at a path that somebody named.
///
/// # Errors
/// When it is missing, open to others, unreadable, or holds no key that will do.
pub(crate) fn read(path: &Path) -> Result<KeyFile, KeyFileError> {
    match try_read(path) {
        Ok((key, readable_by_others)) => Ok(KeyFile {
            key,
            path: path.to_owned(),
            made: false,
            readable_by_others,
        }),
        Err(kind) => Err(KeyFileError {
            what: KEY_FILE,
            path: path.to_owned(),
            kind,
        }),
    }
}

/// Reads another secret from a file, such as the password of a mail server: the text without the blanks
/// around it.
///
/// # Errors
/// When the file is missing, open to others, unreadable, or empty.
pub(crate) fn read_secret(path: &Path) -> Result<String, KeyFileError> {
    let read = try_read_text(path).and_then(|(text, readable_by_others)| {
        if let Some(mode) = readable_by_others {
            warn_of_readers("file", path, mode);
        }
        match text.trim() {
            "" => Err(KeyFileErrorKind::Empty),
            text => Ok(text.to_owned()),
        }
    });
    read.map_err(|kind| KeyFileError {
        what: "file",
        path: path.to_owned(),
        kind,
    })
}

/// Warns that others than its owner can read a file with a secret.
pub(crate) fn warn_of_readers(what: &str, path: &Path, mode: u32) {
    let path = path.to_string_lossy();
    tracing::warn!(
        "the {what} {} can be read by others (mode {mode:03o}); chmod 600 keeps it to its owner",
        Visible(&path)
    );
}

/// Reads the key at a path, or makes one there.
///
/// # Errors
/// Those of [`read`], and when none can be made.
pub(crate) fn read_or_make(path: &Path) -> Result<KeyFile, KeyFileError> {
    match read(path) {
        Err(error) if matches!(error.kind, KeyFileErrorKind::Missing) => {}
        read => return read,
    }
    let made = make(path).map_err(|kind| KeyFileError {
        what: KEY_FILE,
        path: path.to_owned(),
        kind,
    })?;
    // Read back even what was just made: if another program was faster, its key is the key.
    let file = read(path)?;
    Ok(KeyFile { made, ..file })
}

/// The key, and the mode of its file when others can read it.
fn try_read(path: &Path) -> Result<(SecretKey, Option<u32>), KeyFileErrorKind> {
    let (text, readable_by_others) = try_read_text(path)?;
    let key = SecretKey::new(text.trim()).map_err(KeyFileErrorKind::Unfit)?;
    Ok((key, readable_by_others))
}

/// The text, and the mode of its file when others can read it.
fn try_read_text(path: &Path) -> Result<(String, Option<u32>), KeyFileErrorKind> {
    // Asked before opening: opening a pipe would wait for its other end.
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if path.is_symlink() => KeyFileErrorKind::Dangling,
        io::ErrorKind::NotFound => KeyFileErrorKind::Missing,
        _ => KeyFileErrorKind::Unreadable(error),
    })?;
    if !metadata.is_file() {
        return Err(KeyFileErrorKind::NotAFile);
    }
    let file = File::open(path).map_err(KeyFileErrorKind::Unreadable)?;
    // Asked of the open file, so that nobody can exchange it in between.
    let readable_by_others = closed_to_others(&file)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(KeyFileErrorKind::Unreadable)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(KeyFileErrorKind::NotText);
    }
    let text = String::from_utf8(bytes).map_err(|_not_text| KeyFileErrorKind::NotText)?;
    Ok((text, readable_by_others))
}

/// Refuses a file that others can write; the mode of one that they can read.
#[cfg(unix)]
fn closed_to_others(file: &File) -> Result<Option<u32>, KeyFileErrorKind> {
    use std::os::unix::fs::PermissionsExt;

    let metadata = file.metadata().map_err(KeyFileErrorKind::Unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(KeyFileErrorKind::WritableByOthers { mode });
    }
    Ok((mode & 0o044 != 0).then_some(mode))
}

/// Other systems keep who may read a file in lists that this program does not know.
#[cfg(not(unix))]
fn closed_to_others(_file: &File) -> Result<Option<u32>, KeyFileErrorKind> {
    Ok(None)
}

/// Makes a key; `false` when there is one by now.
fn make(path: &Path) -> Result<bool, KeyFileErrorKind> {
    let key = SecretKey::generate()
        .map_err(|error| KeyFileErrorKind::Unmakable(io::Error::other(error)))?;
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let made = write(&draft, &key).and_then(|()| link(&draft, path));
    // Under its own name or not at all: the draft is of no use either way.
    let removed = fs::remove_file(&draft);
    let made = made.map_err(KeyFileErrorKind::Unmakable)?;
    removed.map_err(KeyFileErrorKind::Unmakable)?;
    Ok(made)
}

fn write(draft: &Path, key: &SecretKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    writeln!(file, "{}", key.reveal())?;
    file.sync_all()
}

/// Gives the whole file its name, unless something has that name already.
fn link(draft: &Path, path: &Path) -> io::Result<bool> {
    match fs::hard_link(draft, path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn made_key_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = beside(&folder.path().join("site.sqlite3"));
        let first = read_or_make(&path).unwrap();
        let second = read_or_make(&path).unwrap();
        assert!(first.made && !second.made);
        assert_eq!(first.key, second.key);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn parallel_makers_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let other = SecretKey::generate().unwrap();
        write(&folder.path().join("other"), &other).unwrap();
        assert!(link(&folder.path().join("other"), &path).unwrap());
        assert!(!make(&path).unwrap(), "the key that is there stays");
        assert_eq!(read(&path).unwrap().key, other);
    }

    #[cfg(unix)]
    #[test]
    fn writable_file_is_refused() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        read_or_make(&path).unwrap();
        for mode in [0o666, 0o660, 0o602, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let kind = read_or_make(&path).unwrap_err().kind;
            assert!(
                matches!(kind, KeyFileErrorKind::WritableByOthers { .. }),
                "{mode:o}"
            );
        }
        for (mode, readable) in [(0o400, None), (0o600, None), (0o644, Some(0o644))] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).unwrap().readable_by_others, readable);
        }
    }

    #[cfg(unix)]
    #[test]
    fn dangling_link_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        let kind = read_or_make(&path).unwrap_err().kind;
        assert!(matches!(kind, KeyFileErrorKind::Dangling), "{kind:?}");
    }

    #[test]
    fn unfit_content_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("short", b"hunter2".to_vec()),
            ("empty", Vec::new()),
            ("uniform", vec![b'a'; 64]),
            ("long", vec![b'x'; 5000]),
            ("binary", vec![0xff; 64]),
        ] {
            let path = folder.path().join(name);
            let key = SecretKey::generate().unwrap();
            write(&path, &key).unwrap();
            fs::write(&path, content).unwrap();
            let kind = read_or_make(&path).unwrap_err().kind;
            let refused = matches!(kind, KeyFileErrorKind::Unfit(_) | KeyFileErrorKind::NotText);
            assert!(refused, "{name}: {kind:?}");
        }
        let kind = read_or_make(folder.path()).unwrap_err().kind;
        assert!(matches!(kind, KeyFileErrorKind::NotAFile), "{kind:?}");
    }
}
