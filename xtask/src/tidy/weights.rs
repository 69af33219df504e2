//! The small crates stay small: how many others they bring along.

use std::collections::BTreeSet;

use crate::error::ChoreError;
use crate::repository::Repository;
use crate::tidy::finding::Finding;
use crate::tidy::import_rule::{Features, MOST_CRATES};

/// Finds crates that bring along more than the table allows.
///
/// Cargo is asked for each by itself: in the workspace as a whole, a dependency has the features that any package wants.
///
/// # Errors
/// Those of cargo.
pub(crate) fn no_small_crate_grows(repository: &Repository) -> Result<Vec<Finding>, ChoreError> {
    let mut findings = Vec::new();
    for (package, features, most) in MOST_CRATES {
        let tree = ["tree", "--edges", "normal", "--prefix", "none", "--package"];
        let cargo = repository.cargo().args(tree).arg(package);
        let cargo = match features {
            Features::Default => cargo,
            Features::None => cargo.arg("--no-default-features"),
        };
        findings.extend(check(package, &cargo.read()?, *most));
    }
    Ok(findings)
}

fn check(package: &str, tree: &str, most: usize) -> Option<Finding> {
    // `name v1.2.3 (/where/it/is) (*)`: the last two tell of no other crate.
    let crates: BTreeSet<_> = tree
        .lines()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>())
        .filter(|words| words.len() == 2)
        .collect();
    (crates.len() > most).then(|| {
        Finding::in_file(
            "xtask/src/tidy/import_rule.rs",
            format!(
                "`{package}` brings along {} crates; {most} are its most",
                crates.len()
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "a v0.1.0 (/a)\nb v1.0.0\nc v2.0.0 (proc-macro)\nb v1.0.0 (*)\nb v2.0.0\n\n";

    #[test]
    fn crate_too_many_is_found() {
        assert_eq!(check("a", TREE, 4), None);
        let found = check("a", TREE, 3).map(|finding| finding.to_string());
        assert!(
            found
                .as_ref()
                .is_some_and(|it| it.contains("`a` brings along 4")),
            "{found:?}"
        );
    }
}
