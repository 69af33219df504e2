//! Words that do not belong here: this is a library about people and their accounts, not about
//! anybody's place of work, nor about the machine that it was written on.

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// The one file of ours that may say them.
const THIS_FILE: &str = "xtask/src/tidy/words.rs";

/// Whole words, in lower case.
const FORBIDDEN: [&str; 16] = [
    "colleague",
    "colleagues",
    "coworker",
    "coworkers",
    "employee",
    "employees",
    "employer",
    "jira",
    "office",
    "payroll",
    "salary",
    "scrum",
    "sprint",
    "stakeholder",
    "stakeholders",
    "standup",
];

/// Starts of paths that exist on one machine only.
const PATHS: [&str; 1] = ["/root/"];

/// Finds forbidden words and paths.
pub(crate) fn none_is_forbidden(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Lists of other people's words, such as of common passwords, are plain text.
    let ours = tree.files().iter().filter(|file| !file.has_ending("txt"));
    for file in ours.filter(|file| file.path() != THIS_FILE) {
        for (number, line) in file.lines() {
            findings.extend(
                forbidden_in(line).map(|word| {
                    Finding::at(file.path(), number, format!("say it without `{word}`"))
                }),
            );
        }
    }
    findings
}

fn forbidden_in(line: &str) -> impl Iterator<Item = &'static str> {
    let line = line.to_lowercase();
    let words: Vec<String> = line
        .split(|sign: char| !sign.is_alphanumeric())
        .map(ToOwned::to_owned)
        .collect();
    let said = move |word: &&str| words.iter().any(|spoken| spoken == *word);
    let named = move |path: &&str| line.contains(*path);
    FORBIDDEN
        .into_iter()
        .filter(said)
        .chain(PATHS.into_iter().filter(named))
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
    fn word_is_found() {
        check("fine\nA Colleague, of course.\n", &["a.md:2"]);
    }

    #[test]
    fn path_is_found() {
        check("see /root/notes\n", &["a.md:1"]);
    }

    #[test]
    fn lists_of_passwords_are_free() {
        let tree = Tree::of(&[("common.txt", "office\n")]);
        assert_eq!(none_is_forbidden(&tree), []);
    }

    #[test]
    fn parts_of_words_are_fine() {
        check("embossed officer\n", &[]);
    }
}
