//! Whether the file that is written and read is still where it was opened.
//!
//! SQLite itself asks this only outside of WAL mode. On Unix an open file can be written after it was
//! removed or replaced, and what is written there is lost when the program ends: a sign-up would be
//! acknowledged and forgotten. Other systems do not let an open file go.

use std::io;
use std::path::Path;

use crate::failure::Failure;

/// A file, by its path and by what the system calls it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    #[cfg(unix)]
    path: std::path::PathBuf,
    #[cfg(unix)]
    file: (u64, u64),
}

#[cfg(unix)]
impl Place {
    /// The place of a file that was just opened.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: device_and_number(path)?,
        })
    }

    /// Refuses if another file is there now, or none.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if device_and_number(&self.path).is_ok_and(|file| file == self.file) {
            return Ok(());
        }
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY_DBMOVED);
        let why = "the file was moved, replaced or removed while it was open".to_owned();
        Err(rusqlite::Error::SqliteFailure(code, Some(why)).into())
    }
}

/// What stays the same when a file is renamed, and differs from that of every other file there is.
#[cfg(unix)]
fn device_and_number(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;

    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "as on Unix, where there is something to ask"
)]
impl Place {
    pub(crate) fn of(_path: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        Ok(())
    }
}
