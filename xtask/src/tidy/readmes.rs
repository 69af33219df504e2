//! Every crate has a `README.md` that says what it is for.

use crate::tidy::finding::Finding;
use crate::tidy::tree::{Tree, is_fixture};

/// Crates that make sense only together, and are described together in the `README.md` above them.
const TOGETHER: &str = "xtask/link-matrix/";

/// Finds packages without a `README.md` beside their manifest, but for those that only tests use.
pub(crate) fn every_crate_has_one(tree: &Tree) -> Vec<Finding> {
    let manifests = tree
        .files()
        .iter()
        .filter_map(|file| file.path().strip_suffix("Cargo.toml"));
    manifests
        .filter(|folder| *folder == TOGETHER || !folder.starts_with(TOGETHER))
        .filter(|folder| !is_fixture(folder))
        .map(|folder| format!("{folder}README.md"))
        .filter(|readme| !tree.has(readme))
        .map(|readme| Finding::in_file(&readme, "write it: what the crate is for, an example"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[test]
    fn crate_without_readme_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", ""),
            ("README.md", ""),
            ("crates/a/Cargo.toml", ""),
        ]);
        assert_eq!(
            places(&every_crate_has_one(&tree)),
            ["crates/a/README.md:1"]
        );
    }

    #[test]
    fn crates_of_the_matrix_share_one() {
        let tree = Tree::of(&[
            ("xtask/link-matrix/Cargo.toml", ""),
            ("xtask/link-matrix/app/Cargo.toml", ""),
        ]);
        assert_eq!(
            places(&every_crate_has_one(&tree)),
            ["xtask/link-matrix/README.md:1"]
        );
    }

    #[test]
    fn fixtures_need_none() {
        let tree = Tree::of(&[("crates/a/fixtures/b/Cargo.toml", "")]);
        assert_eq!(every_crate_has_one(&tree), []);
    }

    #[test]
    fn crate_with_readme_is_fine() {
        let tree = Tree::of(&[("crates/a/Cargo.toml", ""), ("crates/a/README.md", "")]);
        assert_eq!(every_crate_has_one(&tree), []);
    }
}
