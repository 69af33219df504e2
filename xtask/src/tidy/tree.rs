//! The files of the repository as text.

use std::fs;
use std::path::Path;

use crate::error::ChoreError;

/// Folders that are made, not written.
const MADE: [&str; 3] = ["target", ".git", "node_modules"];

/// The endings of files that users write and read.
const WRITTEN: [&str; 12] = [
    "rs", "md", "toml", "html", "css", "js", "txt", "sql", "json", "yml", "snap", "stderr",
];

/// All files that users write, sorted by path.
#[derive(Debug)]
pub(crate) struct Tree {
    files: Vec<SourceFile>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct SourceFile {
    path: String,
    text: String,
}

impl Tree {
    /// Reads the tree below `root`.
    ///
    /// # Errors
    /// `File` when a folder or file cannot be read as UTF-8.
    pub(crate) fn read(root: &Path) -> Result<Self, ChoreError> {
        let mut files = Vec::new();
        read_folder(root, "", &mut files)?;
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { files })
    }

    /// A tree of these paths and texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| SourceFile {
                path: (*path).to_owned(),
                text: (*text).to_owned(),
            })
            .collect();
        Self { files }
    }

    /// Every file.
    pub(crate) fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// Every file of Rust.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(|file| file.has_ending("rs"))
    }

    /// Every file of Rust that is ours in style too, not an example of a mistake for a macro.
    pub(crate) fn rust_of_ours(&self) -> impl Iterator<Item = &SourceFile> {
        self.rust().filter(|file| !file.is_macro_fixture())
    }

    /// Whether there is a file at `path`.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.iter().any(|file| file.path == path)
    }
}

impl SourceFile {
    /// Its place below the root, with `/` between folders.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// What it says.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n'))
    }

    /// Whether its name ends in a point and `ending`.
    pub(crate) fn has_ending(&self, ending: &str) -> bool {
        ending_of(&self.path) == Some(ending)
    }

    /// Whether it holds only tests or benchmarks.
    pub(crate) fn is_test(&self) -> bool {
        let mut folders = self.path.split('/');
        folders.any(|name| matches!(name, "tests" | "tests.rs" | "benches"))
            || self.path.ends_with("_tests.rs")
    }

    /// Whether a macro's tests compile it to see what happens.
    fn is_macro_fixture(&self) -> bool {
        ["/tests/ui/", "/tests/pass/", "/tests/fail/"]
            .iter()
            .any(|part| self.path.contains(part))
    }
}

/// Whether a path leads to a package that only tests use.
pub(crate) fn is_fixture(path: &str) -> bool {
    path.split('/').any(|folder| folder == "fixtures")
}

fn read_folder(folder: &Path, name: &str, files: &mut Vec<SourceFile>) -> Result<(), ChoreError> {
    let entries = fs::read_dir(folder).map_err(|error| ChoreError::file(folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| ChoreError::file(folder, error))?;
        let below = entry.file_name().to_string_lossy().into_owned();
        let path = if name.is_empty() {
            below.clone()
        } else {
            format!("{name}/{below}")
        };
        let kind = entry
            .file_type()
            .map_err(|error| ChoreError::file(entry.path(), error))?;
        if kind.is_dir() && !MADE.contains(&below.as_str()) {
            read_folder(&entry.path(), &path, files)?;
        } else if kind.is_file() && is_written(&path) {
            let text = fs::read_to_string(entry.path())
                .map_err(|error| ChoreError::file(entry.path(), error))?;
            files.push(SourceFile { path, text });
        }
    }
    Ok(())
}

fn is_written(path: &str) -> bool {
    path == ".ci/run" || ending_of(path).is_some_and(|ending| WRITTEN.contains(&ending))
}

fn ending_of(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(_, ending)| ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_read() {
        let tree = Tree::read(Path::new(env!("CARGO_MANIFEST_DIR"))).map_err(|e| e.to_string());
        assert!(tree.is_ok_and(|tree| tree.has("src/tidy/tree.rs") && tree.has("Cargo.toml")));
    }

    #[test]
    fn lines_count_from_one() {
        let tree = Tree::of(&[("a.rs", "one\ntwo")]);
        let lines: Vec<_> = tree.files().iter().flat_map(SourceFile::lines).collect();
        assert_eq!(lines, [(1, "one"), (2, "two")]);
    }

    #[test]
    fn macro_fixtures_are_set_apart() {
        let tree = Tree::of(&[
            ("crates/m/tests/fail/a.rs", ""),
            ("crates/m/tests/a.rs", ""),
        ]);
        let ours: Vec<_> = tree.rust_of_ours().map(SourceFile::path).collect();
        assert_eq!(ours, ["crates/m/tests/a.rs"]);
    }

    #[test]
    fn tests_are_known_by_place() {
        let tree = Tree::of(&[
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/tests/b.rs", ""),
            ("tests/tests/c.rs", ""),
            ("crates/a/src/contests.rs", ""),
        ]);
        let known: Vec<_> = tree.files().iter().map(SourceFile::is_test).collect();
        assert_eq!(known, [true, true, true, false]);
    }
}
