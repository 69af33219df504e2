//! An error that a `main` may return shows its sentence, not its fields.

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree};

/// Public errors whose names do not say that they are.
const OTHERS: [&str; 1] = ["Failure"];

/// Finds public errors of a crate that derive `Debug`: a `main` that returns one prints that.
pub(crate) fn no_error_shows_its_fields(tree: &Tree) -> Vec<Finding> {
    tree.rust_of_ours()
        .filter(|file| file.path().starts_with("crates/") && !file.is_test())
        .flat_map(check)
        .collect()
}

fn check(file: &SourceFile) -> Vec<Finding> {
    let mut derives = String::new();
    let mut findings = Vec::new();
    for (number, line) in file.lines() {
        let is_head = line.starts_with("#[derive(");
        if is_head || !derives.is_empty() && !derives.contains(')') {
            derives.push_str(line);
        }
        let Some(name) = name(line) else {
            if line.is_empty() || line == "}" {
                derives.clear();
            }
            continue;
        };
        let is_error = name.ends_with("Error") || OTHERS.contains(&name);
        let has_debug = derives
            .split(|c: char| !c.is_alphanumeric())
            .any(|it| it == "Debug");
        if is_error && has_debug {
            findings.push(Finding::at(
                file.path(),
                number,
                "write its `Debug` by hand: its sentence, and its causes by `write_causes`",
            ));
        }
        derives.clear();
    }
    findings
}

/// The name of the public type that is declared in a line.
fn name(line: &str) -> Option<&str> {
    let rest = line
        .strip_prefix("pub struct ")
        .or_else(|| line.strip_prefix("pub enum "))?;
    rest.split(|c: char| !c.is_alphanumeric()).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(path: &str, text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[(path, text)]);
        assert_eq!(places(&no_error_shows_its_fields(&tree)), wanted, "{text}");
    }

    const BARE: &str = "#[derive(Clone, Debug)]\n#[error(\"no\")]\npub struct CupError {\n}\n";

    #[test]
    fn derived_debug_is_found() {
        check("crates/a/src/b.rs", BARE, &["crates/a/src/b.rs:3"]);
        for (one, other) in [
            ("pub struct CupError {", "pub enum CupError<R> {"),
            ("pub struct CupError {", "pub struct CupError;"),
            ("pub struct CupError {", "pub struct Failure {"),
        ] {
            check(
                "crates/a/src/b.rs",
                &BARE.replace(one, other),
                &["crates/a/src/b.rs:3"],
            );
        }
        let long = BARE.replace("(Clone, Debug)", "(\n    Clone,\n    Debug,\n)");
        check("crates/a/src/b.rs", &long, &["crates/a/src/b.rs:6"]);
    }

    #[test]
    fn others_derive_it() {
        check("crates/a/tests/b.rs", BARE, &[]);
        for (one, other) in [
            ("CupError", "CupErrorKind"),
            ("CupError", "Cup"),
            ("pub struct", "pub(crate) struct"),
            (", Debug", ""),
            ("#[error", "struct Cup;\n\n#[error"),
        ] {
            check("crates/a/src/b.rs", &BARE.replace(one, other), &[]);
        }
    }
}
