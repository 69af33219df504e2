//! Every public method of a builder has an example: a builder's page is where anyone looks how a thing is set up.
//!
//! Whether the example runs, rustdoc says.

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree};

const METHODS: [&str; 3] = ["    pub fn ", "    pub const fn ", "    pub async fn "];

/// Finds public methods in `impl …Builder` of a crate that have no `# Examples`.
pub(crate) fn every_method_has_an_example(tree: &Tree) -> Vec<Finding> {
    tree.rust_of_ours()
        .filter(|file| file.path().starts_with("crates/") && !file.is_test())
        .flat_map(check)
        .collect()
}

fn check(file: &SourceFile) -> Vec<Finding> {
    let (mut is_builder, mut has_example) = (false, false);
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        if let Some(head) = line.strip_prefix("impl") {
            is_builder = head.contains("Builder") && !head.contains(" for ");
        } else if line == "}" {
            is_builder = false;
        } else if line == "    /// # Examples" {
            has_example = true;
        } else if METHODS.iter().any(|head| line.starts_with(head)) {
            if is_builder && !has_example {
                findings.push(Finding::at(
                    file.path(),
                    number,
                    "show how it is called, under `# Examples`",
                ));
            }
            has_example = false;
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(path: &str, text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[(path, text)]);
        assert_eq!(
            places(&every_method_has_an_example(&tree)),
            wanted,
            "{text}"
        );
    }

    const BARE: &str = "impl SiteBuilder {\n    /// One.\n    pub fn one(self) {}\n}\n";

    #[test]
    fn method_without_example_is_found() {
        check("crates/a/src/b.rs", BARE, &["crates/a/src/b.rs:3"]);
        let of_type = format!("/// # Examples\npub struct SiteBuilder;\n{BARE}");
        check("crates/a/src/b.rs", &of_type, &["crates/a/src/b.rs:5"]);
        let second = "impl B<T> for X {\n}\nimpl SiteBuilder<T> {\n    /// # Examples\n    pub fn one(self) {}\n\n    pub const fn two(self) {}\n}\n";
        check("crates/a/src/b.rs", second, &["crates/a/src/b.rs:7"]);
    }

    #[test]
    fn others_need_none() {
        check("crates/a/tests/b.rs", BARE, &[]);
        check(
            "crates/a/src/b.rs",
            &BARE.replace("SiteBuilder", "Site"),
            &[],
        );
        check("crates/a/src/b.rs", &BARE.replace("pub fn", "fn"), &[]);
        check(
            "crates/a/src/b.rs",
            &BARE.replace("/// One.", "/// # Examples"),
            &[],
        );
    }
}
