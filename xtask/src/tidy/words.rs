//! No path that exists on one machine only.

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// The one file of ours that may say them.
const THIS_FILE: &str = "xtask/src/tidy/words.rs";

/// Starts of paths that exist on one machine only.
const PATHS: [&str; 1] = ["/root/"];

/// Finds such paths.
pub(crate) fn none_is_forbidden(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files().iter().filter(|file| file.path() != THIS_FILE) {
        for (number, line) in file.lines() {
            let named = PATHS.iter().filter(|path| line.contains(*path));
            findings.extend(
                named.map(|path| {
                    Finding::at(file.path(), number, format!("say it without `{path}`"))
                }),
            );
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[("a.md", text)]);
        assert_eq!(places(&none_is_forbidden(&tree)), wanted, "{text}");
    }

    #[test]
    fn path_is_found() {
        check("see /root/notes\n", &["a.md:1"]);
    }

    #[test]
    fn other_paths_are_fine() {
        check("the root/ of a site, /srv/site\n", &[]);
    }
}
