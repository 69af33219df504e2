//! Nothing is left for later: no ignored test, no test that wants a panic, no hole in the code.

use proc_macro2::{Ident, TokenTree};

use crate::tidy::finding::Finding;
use crate::tidy::tokens::{self, CurrentUser, Place};
use crate::tidy::tree::Tree;

/// Finds `todo!`, `unimplemented!`, `#[ignore]`, `#[should_panic]`, and examples that nobody
/// compiles.
pub(crate) fn nothing_is_left_for_later(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust_of_ours() {
        let mut left = Left {
            path: file.path(),
            findings: Vec::new(),
        };
        // A file that is no Rust is found by the rule on exceptions.
        if tokens::context(file.text(), &mut left).is_ok() {
            findings.append(&mut left.findings);
        }
    }
    for file in tree.files() {
        let is_prose = file.has_ending("md") || file.has_ending("rs");
        let unread = file
            .lines()
            .filter(|(_, line)| is_prose && is_ignored_example(line));
        findings.extend(unread.map(|(number, _)| {
            Finding::at(
                file.path(),
                number,
                "let the example compile, or use `text`",
            )
        }));
    }
    findings
}

struct Left<'a> {
    path: &'a str,
    findings: Vec<Finding>,
}

impl Left<'_> {
    fn push(&mut self, name: &Ident, advice: &str) {
        self.findings
            .push(Finding::at(self.path, name.span().start().line, advice));
    }
}

impl CurrentUser for Left<'_> {
    fn attribute(&mut self, name: &Ident, _rest: &[TokenTree], _place: Place) {
        if name == "ignore" {
            self.push(name, "let the test run, or delete it");
        } else if name == "should_panic" {
            self.push(name, "return an error and assert on it");
        }
    }

    fn macro_call(&mut self, name: &Ident) {
        if name == "todo" || name == "unimplemented" {
            self.push(name, "finish it, or leave it out");
        }
    }
}

/// Whether a fence of Markdown starts here whose Rust nobody compiles.
fn is_ignored_example(line: &str) -> bool {
    let line = line
        .trim_start()
        .trim_start_matches(['/', '!'])
        .trim_start();
    let Some(labels) = line.strip_prefix("```") else {
        return false;
    };
    labels
        .split([',', ' '])
        .any(|label| label.trim().starts_with("ignore"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(path: &str, text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[(path, text)]);
        assert_eq!(places(&nothing_is_left_for_later(&tree)), wanted, "{text}");
    }

    #[test]
    fn holes_are_found() {
        check("a.rs", "fn f() {\n    todo!()\n}", &["a.rs:2"]);
        check("a.rs", "fn f() { unimplemented!(\"later\") }", &["a.rs:1"]);
    }

    #[test]
    fn idle_tests_are_found() {
        check(
            "a.rs",
            "#[test]\n#[ignore = \"slow\"]\nfn f() {}",
            &["a.rs:2"],
        );
        check("a.rs", "#[cfg_attr(unix, ignore)] fn f() {}", &["a.rs:1"]);
        check("a.rs", "#[test]\n#[should_panic]\nfn f() {}", &["a.rs:2"]);
    }

    #[test]
    fn idle_examples_are_found() {
        check(
            "a.rs",
            "//! Text.\n//! ```rust,ignore\n//! f();\n//! ```",
            &["a.rs:2"],
        );
        check("a.md", "```ignore\n```", &["a.md:1"]);
    }

    #[test]
    fn finished_code_is_fine() {
        check(
            "a.rs",
            "//! ```no_run\n//! ```\nfn f() { let ignore = \"todo!\"; }",
            &[],
        );
    }
}
