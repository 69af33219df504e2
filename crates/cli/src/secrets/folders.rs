//! Who can put another file in the place of one that holds a secret: anyone who can write a folder on the way to it.
//!
//! What the file itself is asked is in [`secret_file`](super::secret_file).

use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::secret_file::SecretFileErrorKind;

/// How many links the system itself follows before it gives up.
const MOST_LINKS: usize = 40;

/// A part of a path that is still to be walked.
enum Step {
    Root,
    Up,
    Into(OsString),
}

/// Refuses a path that leads through a folder which others can write, whether the file is there yet or not: they could
/// put a key of their own in its place. Each link on the way is followed, for who can replace it chooses what it names.
///
/// A folder that its group can write is taken when this process is of that group: volumes of an orchestrator are, and
/// on many systems the folders of a user whose group is nobody else's. In one that is sticky, as `/tmp` is, others can
/// replace only what is theirs.
///
/// # Errors
/// When there is such a folder, or one cannot be looked at.
#[cfg(unix)]
pub(crate) fn closed_to_others(path: &Path) -> Result<(), SecretFileErrorKind> {
    let own = Own::new().map_err(SecretFileErrorKind::Unreadable)?;
    walk(path, |folder, metadata, entry| {
        let of_folder = Access::of(metadata);
        if !own.trusts(of_folder.owner) {
            return Err(SecretFileErrorKind::InFolderOfAnotherUser {
                folder: folder.to_owned(),
                owner: of_folder.owner,
            });
        }
        if !own.keeps_others_out(of_folder) {
            return Err(SecretFileErrorKind::FolderWritableByOthers {
                folder: folder.to_owned(),
                mode: of_folder.mode & 0o777,
            });
        }
        let Some((entry, metadata)) = entry else {
            return Ok(());
        };
        let owner = Access::of(metadata).owner;
        if of_folder.is_open() && metadata.is_symlink() && !own.trusts(owner) {
            let folder = entry.to_owned();
            return Err(SecretFileErrorKind::InFolderOfAnotherUser { folder, owner });
        }
        Ok(())
    })
}

/// Other systems keep who may write a folder in lists that this program does not know.
#[cfg(not(unix))]
pub(crate) fn closed_to_others(_path: &Path) -> Result<(), SecretFileErrorKind> {
    Ok(())
}

/// Asks of each folder on the way to a file, and of what is taken from it: a folder, a link, the file, or nothing where
/// that is not there.
fn walk(
    path: &Path,
    ask: impl Fn(&Path, &Metadata, Option<(&Path, &Metadata)>) -> Result<(), SecretFileErrorKind>,
) -> Result<(), SecretFileErrorKind> {
    let unreadable = SecretFileErrorKind::Unreadable;
    let mut left = steps(&std::path::absolute(path).map_err(unreadable)?);
    let (mut folder, mut links) = (PathBuf::new(), 0);
    while let Some(step) = left.pop() {
        let name = match step {
            Step::Root => {
                folder = PathBuf::from("/");
                continue;
            }
            Step::Up => {
                folder.pop();
                continue;
            }
            Step::Into(name) => name,
        };
        let of_folder = fs::symlink_metadata(&folder).map_err(unreadable)?;
        let entry = folder.join(name);
        let of_entry = match fs::symlink_metadata(&entry) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return ask(&folder, &of_folder, None);
            }
            read => read.map_err(unreadable)?,
        };
        ask(&folder, &of_folder, Some((&entry, &of_entry)))?;
        if of_entry.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(SecretFileErrorKind::Dangling);
            }
            left.extend(steps(&fs::read_link(&entry).map_err(unreadable)?));
        } else {
            folder = entry;
        }
    }
    Ok(())
}

/// The steps of a path, the last one first.
fn steps(path: &Path) -> Vec<Step> {
    let step = |component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Into(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    };
    let mut steps: Vec<_> = path.components().filter_map(step).collect();
    steps.reverse();
    steps
}

/// Who runs this process.
#[cfg(unix)]
struct Own {
    user: u32,
    groups: Vec<u32>,
}

/// Who may do what with a folder.
#[cfg(unix)]
#[derive(Clone, Copy)]
struct Access {
    owner: u32,
    group: u32,
    mode: u32,
}

#[cfg(unix)]
impl Own {
    fn new() -> io::Result<Self> {
        let mut groups: Vec<_> = rustix::process::getgroups()?
            .into_iter()
            .map(rustix::process::Gid::as_raw)
            .collect();
        groups.push(rustix::process::getegid().as_raw());
        Ok(Self {
            user: rustix::process::geteuid().as_raw(),
            groups,
        })
    }

    /// As for files: this user and root.
    fn trusts(&self, owner: u32) -> bool {
        super::secret_file::is_trusted(owner, self.user)
    }

    /// Whether nobody else can replace what is in a folder that is ours or root's.
    fn keeps_others_out(&self, folder: Access) -> bool {
        const STICKY: u32 = 0o1000;
        let of_others = folder.mode & 0o002 != 0;
        let is_of_group = folder.group == 0 || self.groups.contains(&folder.group);
        let of_group = folder.mode & 0o020 != 0 && !is_of_group;
        folder.mode & STICKY != 0 || !(of_others || of_group)
    }
}

#[cfg(unix)]
impl Access {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        Self {
            owner: metadata.uid(),
            group: metadata.gid(),
            mode: metadata.mode(),
        }
    }

    /// Whether others can put something into it.
    const fn is_open(self) -> bool {
        self.mode & 0o022 != 0
    }
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn folder_that_others_write_is_open() {
        let own = Own {
            user: 1000,
            groups: vec![1000, 2000],
        };
        for (mode, group, is_closed) in [
            (0o700, 1000, true),
            (0o755, 1000, true),
            (0o775, 1000, true),
            (0o2775, 2000, true),
            (0o775, 0, true),
            (0o775, 3000, false),
            (0o770, 3000, false),
            (0o1770, 3000, true),
            (0o777, 1000, false),
            (0o757, 1000, false),
            (0o2777, 1000, false),
            (0o1777, 0, true),
            (0o3777, 2000, true),
        ] {
            let owner = 1000;
            let folder = Access { owner, group, mode };
            assert_eq!(own.keeps_others_out(folder), is_closed, "{mode:o} {group}");
        }
    }

    #[test]
    fn every_folder_on_the_way_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path().canonicalize().unwrap();
        for folder in ["a/b", "links", "other"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
        fs::write(root.join("a/b/key"), "key").unwrap();
        symlink("../a/b/key", root.join("links/relative")).unwrap();
        symlink(root.join("a/b"), root.join("links/folder")).unwrap();
        symlink("relative", root.join("links/twice")).unwrap();
        symlink("round", root.join("links/round")).unwrap();
        let key = &["a", "a/b"][..];
        let link = &["a", "a/b", "links"][..];
        for (path, on_the_way) in [
            ("a/b/key", key),
            ("a/b/none", key),
            ("a/b/../b/key", key),
            ("other/../a/b/key", key),
            ("links/relative", link),
            ("links/folder/key", link),
            ("links/twice", link),
        ] {
            let path = root.join(path);
            closed_to_others(&path).unwrap();
            for folder in ["a", "a/b", "links", "other"] {
                let there = root.join(folder);
                fs::set_permissions(&there, fs::Permissions::from_mode(0o777)).unwrap();
                let asked = closed_to_others(&path);
                fs::set_permissions(&there, fs::Permissions::from_mode(0o1777)).unwrap();
                closed_to_others(&path).unwrap();
                fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).unwrap();
                let refused = asked.err().map(|error| error.to_string());
                let expected = on_the_way.contains(&folder).then(|| {
                    let mode = 0o777;
                    let folder = there.clone();
                    SecretFileErrorKind::FolderWritableByOthers { folder, mode }.to_string()
                });
                assert_eq!(refused, expected, "{}", path.display());
            }
        }
        let round = closed_to_others(&root.join("links/round")).unwrap_err();
        assert!(matches!(round, SecretFileErrorKind::Dangling), "{round:?}");
    }

    #[test]
    fn link_of_another_user_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (open, link) = (root.path().join("open"), root.path().join("open/key"));
        fs::create_dir(&open).unwrap();
        fs::write(root.path().join("key"), "key").unwrap();
        symlink("../key", &link).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o1777)).unwrap();
        closed_to_others(&link).unwrap();
        // Only root can give a link away; the table above holds the decision for others.
        if std::os::unix::fs::lchown(&link, Some(65_534), None).is_err() {
            return;
        }
        let refused = closed_to_others(&link).unwrap_err();
        let owner = 65_534;
        assert!(
            matches!(refused, SecretFileErrorKind::InFolderOfAnotherUser { owner: is, .. } if is == owner),
            "{refused:?}"
        );
        std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
        std::os::unix::fs::chown(&open, Some(owner), None).unwrap();
        let refused = closed_to_others(&link).unwrap_err();
        assert!(
            matches!(refused, SecretFileErrorKind::InFolderOfAnotherUser { owner: is, .. } if is == owner),
            "{refused:?}"
        );
    }
}
