//! The table of attacks in `SECURITY.md` names a test for each, and there is one of that name.

use std::collections::BTreeSet;

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

const SECURITY: &str = "SECURITY.md";

/// Where the table begins: a heading, up to the next of its rank.
const HEADING: &str = "## Attacks and their tests";

/// Finds names in the second column of the table that no function of the sources has.
pub(crate) fn every_attack_has_its_test(tree: &Tree) -> Vec<Finding> {
    let Some(security) = tree.files().iter().find(|file| file.path() == SECURITY) else {
        return Vec::new();
    };
    let functions: BTreeSet<&str> = tree
        .rust()
        .flat_map(|file| file.text().split("fn ").skip(1))
        .map(|after| {
            let end = after.find(|letter: char| !is_of_name(letter));
            after.get(..end.unwrap_or(after.len())).unwrap_or_default()
        })
        .collect();
    let mut is_table = false;
    let mut findings = Vec::new();
    for (number, line) in security.lines() {
        if line.starts_with("## ") {
            is_table = line == HEADING;
        }
        if !is_table || !line.starts_with('|') {
            continue;
        }
        let tests = line.split('|').nth(3).unwrap_or_default();
        for name in tests.split('`').skip(1).step_by(2) {
            if !functions.contains(name) {
                let what = format!("name a test that there is; no function is called {name}");
                findings.push(Finding::at(SECURITY, number, what));
            }
        }
    }
    findings
}

const fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[test]
    fn test_that_is_gone_is_found() {
        let tree = Tree::of(&[
            (
                "SECURITY.md",
                "| a | b | `elsewhere` |\n## Attacks and their tests\n| case | what | tests |\n|---|---|---|\n\
                 | K1 | one | `is_there` |\n| K2 | two | `is_there`, `is_gone` |\n## More\n| a | b | `gone_too` |\n",
            ),
            ("tests/tests/a.rs", "#[test]\nfn is_there() {}\n"),
        ]);
        assert_eq!(places(&every_attack_has_its_test(&tree)), ["SECURITY.md:6"]);
    }
}
