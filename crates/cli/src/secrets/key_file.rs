//! The file that holds the secret key.
//!
//! It is made with mode 600 before a byte is in it, and appears under its name only when it is whole, on
//! file systems that can do that. Of several programs that make it at once one wins, and all use its key.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use phone_auth::tokens::SecretKey;

use crate::secrets::folders;
use crate::secrets::secret_file::{self, BYTE_ORDER_MARK, SecretFileError, SecretFileErrorKind};

/// What messages call the file of the key.
pub(crate) const KEY_FILE: &str = "key file";

/// How long to wait for another program to finish writing the key that it makes.
const PATIENCE: Duration = Duration::from_secs(5);

/// A key, and whether it was made just now.
#[derive(Debug)]
pub(crate) struct KeyFile {
    pub(crate) key: SecretKey,
    pub(crate) made: bool,
    /// The mode of the file, when others than its owner can read it.
    pub(crate) readable_by_others: Option<u32>,
    /// What makes it no key for a new database: an earlier version took it, so that there are databases of it.
    pub(crate) refused: Option<SecretFileErrorKind>,
    /// The key that an earlier version read in the same file, where that is another one.
    pub(crate) before: Option<SecretKey>,
}

/// Where the key of a database is kept when nobody says otherwise: beside it.
pub(crate) fn beside(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".key");
    path.into()
}

/// Reads the key at a path that someone named.
///
/// # Errors
/// When it is missing, open to others, another user's, unreadable, or holds no key that will do.
pub(crate) fn read(path: &Path) -> Result<KeyFile, SecretFileError> {
    try_read(path).map_err(|kind| SecretFileError::new(KEY_FILE, path, kind))
}

/// Reads the key at a path, or makes one there.
///
/// # Errors
/// Those of [`read`], and when none can be made.
pub(crate) fn read_or_make(path: &Path) -> Result<KeyFile, SecretFileError> {
    match read_patiently(path) {
        Err(error) if matches!(error.kind, SecretFileErrorKind::Missing) => {}
        read => return read,
    }
    can_be_made(path)?;
    let made = make(path, |draft, path| fs::hard_link(draft, path));
    let made = made.map_err(|error| {
        SecretFileError::new(KEY_FILE, path, SecretFileErrorKind::Unmakable(error))
    })?;
    // Read back even what was just made: if another program was faster, its key is the key.
    let file = read_patiently(path)?;
    Ok(KeyFile { made, ..file })
}

/// Looks whether a key would be safe at a path where none is.
///
/// # Errors
/// When others could put theirs in its place.
pub(crate) fn can_be_made(path: &Path) -> Result<(), SecretFileError> {
    folders::closed_to_others(path).map_err(|kind| SecretFileError::new(KEY_FILE, path, kind))
}

/// Writes a new key to a file that is not there yet.
///
/// # Errors
/// When there is one, none can be made, or others could put theirs in its place.
pub(crate) fn generate(path: &Path) -> Result<(), SecretFileError> {
    can_be_made(path)?;
    let made = make(path, |draft, path| fs::hard_link(draft, path));
    let why = match made {
        Ok(true) => return Ok(()),
        Ok(false) => SecretFileErrorKind::Exists,
        Err(error) => SecretFileErrorKind::Unmakable(error),
    };
    Err(SecretFileError::new(KEY_FILE, path, why))
}

/// Reads the key, which another program may be writing at this moment.
fn read_patiently(path: &Path) -> Result<KeyFile, SecretFileError> {
    let deadline = Instant::now() + PATIENCE;
    let is_empty = || fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() == 0);
    while is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
    }
    read(path)
}

fn try_read(path: &Path) -> Result<KeyFile, SecretFileErrorKind> {
    let secret = secret_file::read_quietly(path)?;
    let refused =
        secret_file::is_seen(&secret.text).and_then(|()| secret_file::is_alone(&secret.text));
    let marked = format!("{BYTE_ORDER_MARK}{}", secret.text);
    let before = secret.is_marked.then(|| SecretKey::new(marked));
    Ok(KeyFile {
        key: SecretKey::new(secret.text).map_err(SecretFileErrorKind::Unfit)?,
        made: false,
        readable_by_others: secret.readable_by_others,
        refused: refused.err(),
        before: before.and_then(Result::ok),
    })
}

/// Makes a key; `false` when there is one by now.
fn make(path: &Path, link: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<bool> {
    let key = SecretKey::generate().map_err(io::Error::other)?;
    let draft = draft_of(path)?;
    write(&draft, &key)?;
    let linked = link(&draft, path);
    // Under its own name or not at all: the draft is of no use either way.
    fs::remove_file(&draft)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        // File systems without links, such as FAT and some that are shared over a network, say so in
        // several ways. Then the file is written under its name, by the one who makes that first.
        Err(_) => match write(path, &key) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
    }
}

/// A name for a file that is nobody else's: in containers that share a folder all programs have the same
/// number.
fn draft_of(path: &Path) -> io::Result<PathBuf> {
    let random = SecretKey::generate().map_err(io::Error::other)?;
    let random: String = random.reveal().chars().take(16).collect();
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".new-{random}"));
    Ok(draft.into())
}

/// Writes a key to a new file.
fn write(path: &Path, key: &SecretKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // The key in one piece: anyone who reads meanwhile finds nothing, or all of it.
    let written = file
        .write_all(key.reveal().as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all());
    if written.is_err() {
        // It is our own, and half a key would be in everybody's way.
        let _gone = fs::remove_file(path);
    }
    written
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
        let links: [fn(&Path, &Path) -> io::Result<()>; 3] = [
            |draft, path| fs::hard_link(draft, path),
            // As file systems say that have no links.
            |_, _| Err(io::ErrorKind::Unsupported.into()),
            |_, _| Err(io::ErrorKind::PermissionDenied.into()),
        ];
        for link in links {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("key");
            let makers: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    thread::spawn(move || {
                        let made = make(&path, link).unwrap();
                        (made, read_patiently(&path).unwrap().key)
                    })
                })
                .collect();
            let keys: Vec<_> = makers.into_iter().map(|it| it.join().unwrap()).collect();
            assert_eq!(keys.iter().filter(|(made, _)| *made).count(), 1);
            let kept = read(&path).unwrap().key;
            assert!(keys.iter().all(|(_, key)| *key == kept));
            let left = fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(left, 1, "no draft is left");
        }
    }

    #[test]
    fn drafts_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        // Another container with the same number of the process.
        let theirs = folder
            .path()
            .join(format!("key.new-{}", std::process::id()));
        fs::write(&theirs, "half").unwrap();
        assert!(read_or_make(&path).unwrap().made);
        assert_eq!(fs::read_to_string(theirs).unwrap(), "half");
        assert_ne!(draft_of(&path).unwrap(), draft_of(&path).unwrap());
    }

    #[test]
    fn unfinished_key_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = SecretKey::generate().unwrap();
        write(&path, &key).unwrap();
        fs::write(&path, "").unwrap();
        let (there, text) = (path.clone(), key.reveal().to_owned());
        let writer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            fs::write(there, text).unwrap();
        });
        assert_eq!(read_or_make(&path).unwrap().key, key);
        writer.join().unwrap();
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
                matches!(kind, SecretFileErrorKind::WritableByOthers { .. }),
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
        assert!(matches!(kind, SecretFileErrorKind::Dangling), "{kind:?}");
    }

    #[test]
    fn unfit_content_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in [
            ("short", b"hunter2".to_vec()),
            ("empty", Vec::new()),
            ("uniform", vec![b'a'; 64]),
            ("long", vec![b'x'; 70_000]),
            ("binary", vec![0xff; 64]),
        ] {
            let path = folder.path().join(name);
            let key = SecretKey::generate().unwrap();
            write(&path, &key).unwrap();
            fs::write(&path, content).unwrap();
            let kind = read_or_make(&path).unwrap_err().kind;
            let refused = matches!(
                kind,
                SecretFileErrorKind::Unfit(_)
                    | SecretFileErrorKind::TooLong
                    | SecretFileErrorKind::NotText
            );
            assert!(refused, "{name}: {kind:?}");
        }
        let kind = read_or_make(folder.path()).unwrap_err().kind;
        assert!(matches!(kind, SecretFileErrorKind::NotAFile), "{kind:?}");
    }
}
