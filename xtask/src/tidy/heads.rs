//! Every file of Rust starts with `//!`: its purpose, and what it does not do.

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// Finds files whose first line is not `//!` and a text.
pub(crate) fn every_file_says_its_purpose(tree: &Tree) -> Vec<Finding> {
    tree.rust_of_ours()
        .filter(|file| !says_something(file.text()))
        .map(|file| Finding::in_file(file.path(), "start the file with `//!` and its purpose"))
        .collect()
}

fn says_something(text: &str) -> bool {
    let mut head = text.lines().map_while(|line| line.strip_prefix("//!"));
    head.any(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[("a.rs", text)]);
        assert_eq!(
            places(&every_file_says_its_purpose(&tree)),
            wanted,
            "{text}"
        );
    }

    #[test]
    fn headless_file_is_found() {
        check("fn f() {}\n", &["a.rs:1"]);
        check("", &["a.rs:1"]);
    }

    #[test]
    fn empty_head_is_found() {
        check("//!\n//!\nfn f() {}\n", &["a.rs:1"]);
    }

    #[test]
    fn purpose_is_enough() {
        check("//! Its purpose.\n\nfn f() {}\n", &[]);
    }
}
