//! Every exception to a lint is an `#[expect]` with a reason.
//!
//! `expect` complains when it is no longer needed, `allow` never does. What a macro writes into
//! other people's code is one place for `allow`: there nobody knows which lints will fire. A module
//! that several test binaries share is the other: what one of them leaves unused, another uses.
//! A reason it needs there too.

use proc_macro2::{Ident, TokenTree};

use crate::tidy::finding::Finding;
use crate::tidy::tokens::{self, CurrentUser, Place};
use crate::tidy::tree::{SourceFile, Tree};

/// Finds `allow`, and `expect` without a reason.
pub(crate) fn every_exception_has_a_reason(tree: &Tree) -> Vec<Finding> {
    tree.rust_of_ours().flat_map(check).collect()
}

fn check(file: &SourceFile) -> Vec<Finding> {
    let mut exceptions = Exceptions {
        path: file.path(),
        is_shared: is_shared_by_tests(file.path()),
        findings: Vec::new(),
    };
    if let Err(error) = tokens::context(file.text(), &mut exceptions) {
        return vec![Finding::at(file.path(), error.line, "this is no Rust")];
    }
    exceptions.findings
}

struct Exceptions<'a> {
    path: &'a str,
    is_shared: bool,
    findings: Vec<Finding>,
}

impl CurrentUser for Exceptions<'_> {
    fn attribute(&mut self, name: &Ident, rest: &[TokenTree], place: Place) {
        let advice = if name == "allow" && place == Place::Code && !self.is_shared {
            "write `#[expect(…, reason = \"…\")]` instead of `allow`"
        } else if (name == "allow" || name == "expect") && !has_reason(rest) {
            "say why: `reason = \"…\"`"
        } else {
            return;
        };
        self.findings
            .push(Finding::at(self.path, name.span().start().line, advice));
    }

    fn macro_call(&mut self, _name: &Ident) {}
}

/// Whether the file is a module below `tests/`, which is compiled into each test that names it.
fn is_shared_by_tests(path: &str) -> bool {
    path.split_once("/tests/")
        .is_some_and(|(_, below)| below.contains('/'))
}

fn has_reason(rest: &[TokenTree]) -> bool {
    let Some(TokenTree::Group(arguments)) = rest.first() else {
        return false;
    };
    let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
    arguments.windows(3).any(|three| match three {
        [
            TokenTree::Ident(name),
            TokenTree::Punct(_),
            TokenTree::Literal(text),
        ] => {
            name == "reason"
                && text
                    .to_string()
                    .trim_matches('"')
                    .chars()
                    .any(char::is_alphabetic)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let tree = Tree::of(&[("a.rs", text)]);
        assert_eq!(
            places(&every_exception_has_a_reason(&tree)),
            wanted,
            "{text}"
        );
    }

    #[test]
    fn allow_is_found() {
        check(
            "\n#[allow(unused, reason = \"because\")]\nfn f() {}",
            &["a.rs:2"],
        );
        check("#![allow(unused)]", &["a.rs:1"]);
        check(
            "#[cfg_attr(test, allow(unused, reason = \"because\"))] fn f() {}",
            &["a.rs:1"],
        );
    }

    #[test]
    fn bare_expect_is_found() {
        check("#[expect(unused)] fn f() {}", &["a.rs:1"]);
        check("#[expect(unused, reason = \"\")] fn f() {}", &["a.rs:1"]);
    }

    #[test]
    fn reason_is_enough() {
        check(
            "#[expect(\n    unused,\n    reason = \"because\"\n)]\nfn f() {}",
            &[],
        );
    }

    #[test]
    fn texts_are_no_exceptions() {
        check(
            "const A: &str = \"#[allow(unused)]\"; // #[allow(unused)]",
            &[],
        );
    }

    #[test]
    fn macros_may_allow_with_reason() {
        check(
            "fn f() { quote! { #[allow(unused, reason = \"unknown\")] } }",
            &[],
        );
        check("fn f() { quote! { #[allow(unused)] } }", &["a.rs:1"]);
    }

    #[test]
    fn shared_test_modules_may_allow_with_reason() {
        let reasoned = "#![allow(dead_code, reason = \"each test uses a part\")]";
        let bare = "#![allow(dead_code)]";
        let found = |path, text| places(&every_exception_has_a_reason(&Tree::of(&[(path, text)])));
        assert_eq!(found("crates/a/tests/common/mod.rs", reasoned), [""; 0]);
        assert_eq!(
            found("crates/a/tests/common/mod.rs", bare),
            ["crates/a/tests/common/mod.rs:1"]
        );
        assert_eq!(
            found("crates/a/tests/flows.rs", reasoned),
            ["crates/a/tests/flows.rs:1"]
        );
    }

    #[test]
    fn fixtures_of_macros_are_free() {
        let tree = Tree::of(&[("crates/m/tests/ui/a.rs", "#![allow(unused)]")]);
        assert_eq!(every_exception_has_a_reason(&tree), []);
    }
}
