//! No function of the product is so long that it does more than one thing.
//!
//! About 60 lines is the style; from 80 on a function needs a reason. Clippy's lint of this kind counts tests as well, in which
//! a long list of steps is no harder to read than a short one, and so allows more.

use crate::tidy::finding::Finding;
use crate::tidy::lengths::lines_of_code;
use crate::tidy::tree::{SourceFile, Tree};

/// From here on a function needs a reason.
const MOST_LINES: usize = 80;

/// The functions that may be longer, by file and name, and why.
const LONGER: &[(&str, &str, &str)] = &[
    (
        "crates/store-testkit/src/memory/external_writer.rs",
        "make",
        "a table of anomalies",
    ),
    ("crates/web/src/notice.rs", "notice", "a table of sentences"),
];

/// Finds functions that are too long, and excuses that are no longer needed.
pub(crate) fn no_function_is_too_long(tree: &Tree) -> Vec<Finding> {
    check(tree, LONGER)
}

fn check(tree: &Tree, longer: &[(&str, &str, &str)]) -> Vec<Finding> {
    let product = tree.rust().filter(|file| is_product(file));
    let long: Vec<(&str, Function<'_>)> = product
        .flat_map(|file| functions(file).into_iter().map(|it| (file.path(), it)))
        .filter(|(_, function)| function.lines > MOST_LINES)
        .collect();
    let excused = |path: &str, name: &str| {
        longer
            .iter()
            .any(|(file, function, _)| (*file, *function) == (path, name))
    };
    let too_long = long
        .iter()
        .filter(|(path, it)| !excused(path, it.name))
        .map(|(path, Function { name, at, lines })| {
            let advice = format!("`{name}` has {lines} lines: split it, at most {MOST_LINES}");
            Finding::at(path, *at, advice)
        });
    let is_long = |(file, name, _): &(&str, &str, &str)| {
        long.iter()
            .any(|(path, it)| path == file && it.name == *name)
    };
    let needless = longer
        .iter()
        .filter(|excuse| !is_long(excuse))
        .map(|(file, name, _)| {
            Finding::in_file(
                file,
                format!("`{name}` is no longer too long: take it off the list"),
            )
        });
    too_long.chain(needless).collect()
}

/// Whether a file is part of what is shipped: no test, and none of the suites that test stores.
fn is_product(file: &SourceFile) -> bool {
    let path = file.path();
    let is_suite = path.starts_with("crates/store-testkit/src/")
        && !path.starts_with("crates/store-testkit/src/memory/");
    let is_of_tests = ["/plans.rs", "/statements.rs"]
        .iter()
        .any(|end| path.ends_with(end) && path.matches('/').count() == 3);
    path.contains("/src/") && !file.is_test() && !is_suite && !is_of_tests
}

struct Function<'t> {
    name: &'t str,
    /// The number of its first line.
    at: usize,
    lines: usize,
}

/// The functions before the tests of a file, as rustfmt lays them out: one ends where a brace stands as far to the left as it.
fn functions(file: &SourceFile) -> Vec<Function<'_>> {
    let mut lines: Vec<&str> = file.text().lines().collect();
    lines.truncate(lines_of_code(file));
    let mut functions = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = declared(line) else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let is_end = |line: &&str| {
            let left = line.len() - line.trim_start().len();
            left == indent && (line.trim() == "}" || line.ends_with(';'))
        };
        let is_short = line.ends_with([';', '}']);
        let after = lines.get(index + 1..).unwrap_or_default();
        let rest = after.iter().position(is_end).map_or(0, |end| end + 1);
        functions.push(Function {
            name,
            at: index + 1,
            lines: if is_short { 1 } else { rest + 1 },
        });
    }
    functions
}

/// The name of the function that a line begins to declare.
fn declared(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_head = before.split_whitespace().all(|word| {
        matches!(word, "pub" | "const" | "async" | "unsafe") || word.starts_with("pub(")
    });
    let (name, _) = after.split_once(['(', '<'])?;
    (is_head && !name.contains(' ')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    fn function(name: &str, lines: usize) -> String {
        let body = "    step();\n".repeat(lines - 2);
        format!("pub(crate) async fn {name}() {{\n{body}}}\n")
    }

    #[track_caller]
    fn check_of(path: &str, text: &str, longer: &[(&str, &str, &str)], wanted: &[&str]) {
        let found = check(&Tree::of(&[(path, text)]), longer);
        assert_eq!(places(&found), wanted, "{path}: {text}");
    }

    #[test]
    fn long_function_is_found() {
        let text = function("f", 80) + &function("g", 81);
        check_of("c/src/a.rs", &text, &[], &["c/src/a.rs:81"]);
    }

    #[test]
    fn method_ends_where_it_began() {
        let declared = "trait T {\n    fn a(\n        &self,\n    );\n\n    fn b() {}\n}\n";
        let text = declared.to_owned() + &"// a line\n".repeat(100);
        check_of("c/src/a.rs", &text, &[], &[]);
    }

    #[test]
    fn tests_do_not_count() {
        let inline = "\n#[cfg(test)]\nmod tests {\n".to_owned() + &function("f", 90) + "}\n";
        check_of("c/src/a.rs", &inline, &[], &[]);
        // Those in a file of their own stand among the other modules, before the functions.
        let beside = "#[cfg(test)]\nmod tests;\n".to_owned() + &function("f", 81);
        check_of("c/src/a.rs", &beside, &[], &["c/src/a.rs:3"]);
        for path in [
            "c/tests/a.rs",
            "c/src/a/tests.rs",
            "crates/store-testkit/src/suite/a.rs",
        ] {
            check_of(path, &function("f", 90), &[], &[]);
        }
    }

    #[test]
    fn excuse_is_heard_while_it_is_needed() {
        let listed = [("c/src/a.rs", "f", "a table")];
        check_of("c/src/a.rs", &function("f", 90), &listed, &[]);
        check_of("c/src/a.rs", &function("f", 9), &listed, &["c/src/a.rs:1"]);
        check_of(
            "c/src/a.rs",
            &function("g", 90),
            &listed,
            &["c/src/a.rs:1", "c/src/a.rs:1"],
        );
    }
}
