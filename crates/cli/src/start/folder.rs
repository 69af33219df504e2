//! Whether a file can be made in a folder, and whether a path is one that only a shell knows.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use phone_auth::SecretKey;
use thiserror::Error;

use crate::terminal::visible::VisiblePath;

/// A file cannot be made where it was named.
#[derive(Debug, Error)]
pub(crate) enum FolderError {
    /// There is no such folder.
    #[error(
        "{} cannot be made, for its folder is not there; make that, or name another",
        VisiblePath(.0)
    )]
    Missing(PathBuf),
    /// It takes no file of this user.
    #[error("{} cannot be made, for nothing can be made in its folder", VisiblePath(.0))]
    Closed(PathBuf, #[source] io::Error),
}

/// Looks whether the folder of a path takes a new file, by making one of a random name there, which is removed at once:
/// permissions alone do not tell of a file system that is read-only or full.
///
/// # Errors
/// When it is missing, or takes none.
pub(crate) fn takes(path: &Path) -> Result<(), FolderError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().unwrap_or(&path);
    if !folder.is_dir() {
        return Err(FolderError::Missing(path));
    }
    probe(folder).map_err(|error| FolderError::Closed(path.clone(), error))
}

/// Whether a path begins in a home folder, as a shell writes it. Nobody but a shell knows that: the system would look for a
/// folder that is called `~`.
pub(crate) fn is_of_a_shell(path: &str) -> bool {
    let (first, has_more) = match path.split_once('/') {
        Some((first, _)) => (first, true),
        None => (path, false),
    };
    first == "~" || (has_more && first.starts_with('~'))
}

fn probe(folder: &Path) -> io::Result<()> {
    let random = SecretKey::generate().map_err(io::Error::other)?;
    let random: String = random.reveal().chars().take(16).collect();
    let path = folder.join(format!(".phone-auth-{random}"));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(path)
}
