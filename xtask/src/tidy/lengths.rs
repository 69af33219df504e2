//! No file is so long that it holds more than one noun.
//!
//! Tests do not count: a long list of cases is no harder to read than a short one.

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree};

/// From here on a file needs a reason.
const MOST_LINES: usize = 500;

/// The files that may be longer, and why.
const LONGER: &[(&str, &str)] = &[];

/// Finds files of Rust that are too long, and excuses that are no longer needed.
pub(crate) fn no_file_is_too_long(tree: &Tree) -> Vec<Finding> {
    check(tree, LONGER)
}

fn check(tree: &Tree, longer: &[(&str, &str)]) -> Vec<Finding> {
    let excused = |file: &SourceFile| longer.iter().any(|(path, _)| *path == file.path());
    let is_long = |file: &SourceFile| !file.is_test() && lines_of_code(file) > MOST_LINES;
    let too_long = tree
        .rust()
        .filter(|file| is_long(file) && !excused(file))
        .map(|file| {
            let lines = lines_of_code(file);
            let advice = format!("{lines} lines without tests: split it, at most {MOST_LINES}");
            Finding::in_file(file.path(), advice)
        });
    let needless = longer
        .iter()
        .filter(|(path, _)| {
            !tree
                .rust()
                .any(|file| file.path() == *path && is_long(file))
        })
        .map(|(path, _)| Finding::in_file(path, "no longer too long: take it off the list"));
    too_long.chain(needless).collect()
}

/// How many lines stand before the tests of the file.
pub(super) fn lines_of_code(file: &SourceFile) -> usize {
    let lines: Vec<&str> = file.text().lines().collect();
    let tests = lines.windows(2).position(
        |pair| matches!(pair, ["#[cfg(test)]", module] if module.starts_with("mod ") && module.ends_with('{')),
    );
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    fn lines(count: usize) -> String {
        "// a line\n".repeat(count)
    }

    #[test]
    fn long_file_is_found() {
        let tree = Tree::of(&[("a.rs", &lines(501)), ("b.rs", &lines(500))]);
        assert_eq!(places(&check(&tree, &[])), ["a.rs:1"]);
    }

    #[test]
    fn tests_do_not_count() {
        let inline = lines(400) + "#[cfg(test)]\nmod tests {\n" + &lines(400) + "}\n";
        let tree = Tree::of(&[("a.rs", &inline), ("src/b/tests.rs", &lines(600))]);
        assert_eq!(check(&tree, &[]), []);
    }

    #[test]
    fn excuse_is_heard() {
        let tree = Tree::of(&[("a.rs", &lines(501))]);
        assert_eq!(check(&tree, &[("a.rs", "one table")]), []);
    }

    #[test]
    fn needless_excuse_is_found() {
        let tree = Tree::of(&[("a.rs", &lines(10))]);
        let listed = [("a.rs", "one table"), ("gone.rs", "one table")];
        assert_eq!(places(&check(&tree, &listed)), ["a.rs:1", "gone.rs:1"]);
    }
}
