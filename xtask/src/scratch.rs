//! Where tests put what they throw away.
//!
//! They make and remove thousands of databases. On a disk much of the time of a run went into that: into flushes of what
//! nobody will read, and, on ext4, into looking for numbers of files that were not given out a moment ago.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::process::Process;

/// The file system in memory that Linux has everywhere.
const IN_MEMORY: &str = "/dev/shm";

/// How much must be free there, and of memory: far more than what was seen in use, 55 MB of PostgreSQL after the tests of its
/// store.
const ROOM: u64 = 4 << 30;

/// The folder for temporary files.
#[derive(Debug)]
pub(crate) struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// The folder that `TMPDIR` names; else one in memory where there is enough of it; else that of the system. From here on
    /// the temporary files of this program are made there too.
    pub(crate) fn choose() -> Self {
        let system = env::temp_dir();
        let in_memory = Path::new(IN_MEMORY);
        let is_chosen = env::var_os("TMPDIR").is_none() && has_room(in_memory);
        let folder = if is_chosen {
            in_memory.to_owned()
        } else {
            system
        };
        // Only a second call is refused, and that names the same folder.
        let _ = tempfile::env::override_temp_dir(&folder);
        Self { folder }
    }

    /// Has a program make its temporary files there.
    pub(crate) fn hand_to(&self, process: Process) -> Process {
        process.env("TMPDIR", &self.folder)
    }

    /// One line that says what is used.
    pub(crate) fn describe(&self) -> String {
        self.folder.display().to_string()
    }
}

fn has_room(folder: &Path) -> bool {
    let free = rustix::fs::statvfs(folder).map(|of| of.f_bavail.saturating_mul(of.f_frsize));
    let memory = fs::read_to_string("/proc/meminfo");
    let memory = memory.ok().and_then(|text| available(&text));
    free.is_ok_and(|free| free >= ROOM) && memory.is_some_and(|memory| memory >= ROOM)
}

/// How many bytes of memory programs can have, as Linux tells it.
fn available(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let amount = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = amount.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::available;

    #[test]
    fn available_memory_is_read() {
        for (text, bytes) in [
            (
                "MemTotal:  1 kB\nMemAvailable:    8192 kB\nBuffers: 2 kB\n",
                Some(8_388_608),
            ),
            ("MemTotal:  1 kB\n", None),
            ("MemAvailable:    many kB\n", None),
            ("", None),
        ] {
            assert_eq!(available(text), bytes, "{text:?}");
        }
    }
}
