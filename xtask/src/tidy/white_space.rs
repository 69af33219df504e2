//! No line ends in white space, and every file ends in one line end.

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// Endings of files that a tool writes as it sees fit.
const WRITTEN_BY_TOOLS: [&str; 3] = ["json", "snap", "stderr"];

/// Finds white space that no reader sees and every comparison shows.
pub(crate) fn no_line_ends_in_it(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        if WRITTEN_BY_TOOLS
            .iter()
            .any(|ending| file.has_ending(ending))
        {
            continue;
        }
        let trailing = file
            .lines()
            .filter(|(_, line)| line.ends_with([' ', '\t', '\r']));
        findings.extend(trailing.map(|(number, _)| {
            Finding::at(
                file.path(),
                number,
                "delete the white space at the end of the line",
            )
        }));
        let ends_well = file.text().is_empty()
            || (file.text().ends_with('\n') && !file.text().ends_with("\n\n"));
        if !ends_well {
            findings.push(Finding::in_file(
                file.path(),
                "end the file with one line end",
            ));
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
        assert_eq!(places(&no_line_ends_in_it(&tree)), wanted, "{text:?}");
    }

    #[test]
    fn trailing_space_is_found() {
        check("a.md", "one\ntwo \nthree\t\n", &["a.md:2", "a.md:3"]);
        check("a.md", "one\r\n", &["a.md:1"]);
    }

    #[test]
    fn odd_ends_are_found() {
        check("a.md", "one", &["a.md:1"]);
        check("a.md", "one\n\n", &["a.md:1"]);
    }

    #[test]
    fn tools_write_as_they_like() {
        check("a.snap", "one ", &[]);
    }
}
