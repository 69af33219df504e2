//! Words that do not belong here: those that the glossary of `CONTRIBUTING.md` replaces by the words of the field, and
//! paths of the machine that something was written on.

use crate::tidy::finding::Finding;
use crate::tidy::tree::{SourceFile, Tree, is_fixture};

/// The files that may say them: this one, the glossary, and those with the words of mail servers, of messages to people,
/// and of a version before these words.
const EXEMPT: [&str; 6] = [
    "xtask/src/tidy/words.rs",
    "CONTRIBUTING.md",
    "crates/cli/src/configuration/names.rs",
    "crates/delivery/src/smtp/refusal.rs",
    "crates/delivery/tests/smtp.rs",
    "tests/tests/upgrade.rs",
];

/// The page that tells people of the glossary.
const GLOSSARY_PAGE: &str = "CONTRIBUTING.md";

/// Words and phrases, in lower case, and what to say instead. A part of a name is a word as well: `with_hub`, `HubChoice`.
const GLOSSARY: [(&str, &str); 40] = [
    ("audience", "listeners"),
    ("audiences", "listeners"),
    ("bell", "wake"),
    ("buried", "dead letter"),
    ("bury", "dead-letter"),
    ("hub", "dispatcher"),
    ("hubs", "dispatchers"),
    ("kept out", "disabled"),
    ("make a user", "create a user"),
    ("moot", "obsolete"),
    ("oddities", "anomalies"),
    ("oddity", "anomaly"),
    ("outsider", "external writer"),
    ("outsiders", "external writers"),
    ("owe", "enqueue"),
    ("owed", "pending"),
    ("owes", "enqueues"),
    ("owing", "enqueueing"),
    ("person", "user"),
    ("promise a message", "enqueue a message"),
    ("promised at", "enqueued at"),
    ("recipe", "request template"),
    ("revive", "requeue"),
    ("revived", "requeued"),
    ("revives", "requeues"),
    ("roster", "receivers"),
    ("rosters", "lists of receivers"),
    ("somebody", "someone, or the user"),
    ("speaking", "with language"),
    ("switch off", "disable"),
    ("switched off", "disabled"),
    ("the model", "django-phone-auth"),
    ("unreceived", "allow_unreceived, or without receiver"),
    ("visitor", "current user"),
    ("visitors", "users"),
    ("whoever", "anyone who"),
    ("witness", "registered receiver"),
    ("witnesses", "registered receivers"),
    ("worker elsewhere", "without worker"),
    ("workshop", "hash pool"),
];

/// Spellings, in lower case, and the one that is ours. Templates in other languages have theirs.
const SPELLINGS: [(&str, &str); 1] = [("e-mail", "email")];

/// Names that said too little: no type, function or module has one any more.
const NAMES: [&str; 10] = [
    "About",
    "Bound",
    "Detail",
    "Integrity",
    "Listed",
    "Plan",
    "Witness",
    "Wrong",
    "bare",
    "trouble",
];

/// Starts of paths that exist on one machine only.
const PATHS: [&str; 1] = ["/root/"];

/// Finds words that the glossary replaces, and such paths.
pub(crate) fn none_is_forbidden(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Lists of other people's words, such as of common passwords, are plain text.
    let ours = tree.files().iter().filter(|file| {
        let (_, ending) = file.path().rsplit_once('.').unwrap_or_default();
        let is_text = ending == "txt" && !file.path().contains("/templates/");
        // Statements of an earlier version are as it was.
        let is_of_before = ending == "sql" && is_fixture(file.path());
        !is_text && !is_of_before
    });
    for file in ours.filter(|file| !EXEMPT.contains(&file.path())) {
        // Columns of tables keep their names.
        let comments = file.has_ending("sql").then(|| sql_comments(file.text()));
        let text = comments.as_deref().unwrap_or(file.text());
        for (number, line) in (1..).zip(text.split('\n')) {
            for (word, instead) in replaced_in(line) {
                let text = format!("say `{instead}` instead of `{word}`");
                findings.push(Finding::at(file.path(), number, text));
            }
            let is_template = file.path().contains("/templates/");
            let spelt = |(word, _): &(&str, &str)| !is_template && is_spelt(line, word);
            for (word, instead) in SPELLINGS.into_iter().filter(spelt) {
                let text = format!("write `{instead}` instead of `{word}`");
                findings.push(Finding::at(file.path(), number, text));
            }
            for name in NAMES.into_iter().filter(|name| is_defined(line, name)) {
                let text = format!("give `{name}` a name that says more");
                findings.push(Finding::at(file.path(), number, text));
            }
            for path in PATHS.into_iter().filter(|path| line.contains(path)) {
                let text = format!("say it without `{path}`");
                findings.push(Finding::at(file.path(), number, text));
            }
        }
    }
    findings
}

/// What the comments of a schema say, on the lines where they say it.
fn sql_comments(text: &str) -> String {
    let mut comments = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let at = ["--", "/*"]
            .iter()
            .filter_map(|start| rest.find(start))
            .min();
        let (code, comment) = rest.split_at(at.unwrap_or(rest.len()));
        let end = if comment.starts_with("--") {
            "\n"
        } else {
            "*/"
        };
        let (comment, after) = comment.split_at(comment.find(end).unwrap_or(comment.len()));
        comments.extend(code.chars().filter(|sign| *sign == '\n'));
        comments.push_str(comment);
        rest = after;
    }
    comments
}

/// Finds words of the page [`GLOSSARY_PAGE`] that nothing here holds.
pub(crate) fn page_lists_what_is_held(tree: &Tree) -> Vec<Finding> {
    let page = tree
        .files()
        .iter()
        .find(|file| file.path() == GLOSSARY_PAGE);
    let lines = page.into_iter().flat_map(SourceFile::lines);
    let after = lines.skip_while(|(_, line)| *line != "## Words").skip(1);
    let section = after.take_while(|(_, line)| !line.starts_with("## "));
    let rows = section.filter_map(|(number, line)| {
        let (_, out) = line
            .strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")?;
        (out != "not").then_some((number, out))
    });
    let words =
        rows.flat_map(|(number, out)| out.split([',', ';']).map(move |word| (number, word.trim())));
    words
        .filter(|(_, word)| !is_held(word))
        .map(|(number, word)| {
            let advice = format!(
                "nothing holds `{word}`: add it to the glossary of tidy, or take it off the page"
            );
            Finding::at(GLOSSARY_PAGE, number, advice)
        })
        .collect()
}

/// Whether a word is refused wherever it stands, or as the name that the page says it is.
fn is_held(word: &str) -> bool {
    let name = word.strip_prefix("as names ").unwrap_or(word);
    let name = name.strip_prefix("also ").unwrap_or(name);
    let mut held = GLOSSARY.iter().chain(&SPELLINGS);
    held.any(|(out, _)| *out == word) || NAMES.iter().any(|out| out.eq_ignore_ascii_case(name))
}

/// The words of the glossary in a line, once each.
fn replaced_in(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let words = words(line);
    GLOSSARY
        .into_iter()
        .filter(move |(out, _)| says(&words, out))
}

/// Whether a phrase is among the words.
fn says(words: &[String], phrase: &str) -> bool {
    let phrase: Vec<_> = phrase.split(' ').collect();
    words.windows(phrase.len()).any(|some| some == phrase)
}

/// Whether a line has a word in this spelling, and not as the end of another.
fn is_spelt(line: &str, word: &str) -> bool {
    let line = line.to_lowercase();
    let is_word = |(at, _): (usize, &str)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(char::is_alphanumeric)
    };
    line.match_indices(word).any(is_word)
}

/// Whether the line defines something that has this name.
fn is_defined(line: &str, name: &str) -> bool {
    let words: Vec<_> = line
        .split(|sign: char| !sign.is_alphanumeric() && sign != '_')
        .collect();
    let defines = |word: &str| ["struct", "enum", "trait", "type", "fn", "mod"].contains(&word);
    let is_code = !line.trim_start().starts_with("//");
    is_code
        && words
            .windows(2)
            .any(|pair| matches!(pair, [kind, word] if defines(kind) && *word == name))
}

/// The words of a line in lower case; names are taken apart, but for those that are right.
fn words(line: &str) -> Vec<String> {
    let names = line.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
    let mut words = Vec::new();
    for name in names.filter(|name| !is_right(name)) {
        let mut word = String::new();
        for sign in name.chars() {
            let is_next = sign == '_' || sign.is_uppercase() && word.ends_with(char::is_lowercase);
            if is_next && !word.is_empty() {
                words.push(std::mem::take(&mut word).to_lowercase());
            }
            if sign != '_' {
                word.push(sign);
            }
        }
        words.push(word.to_lowercase());
    }
    words
}

/// Whether this is a name that has such a word and is right: of a table, an index or a column of ours, which stays as it is in
/// every database there is, or of what allows that a message has no receiver.
fn is_right(name: &str) -> bool {
    name.starts_with("phone_auth_")
        || name == "person_id"
        || name.to_ascii_lowercase().ends_with("allow_unreceived")
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
        check("fine\nWhoever comes.\n", &["a.md:2"]);
        check("with_hub\n", &["a.md:1"]);
        check("HubChoice\n", &["a.md:1"]);
        check("MAX_ODDITIES\n", &["a.md:1"]);
    }

    #[test]
    fn phrase_is_found() {
        check("switched_off_receivers\n", &["a.md:1"]);
        check("They are kept out.\n", &["a.md:1"]);
        check("kept, out; unreceived\n", &["a.md:1"]);
        check("PHONE_AUTH_ALLOW_UNRECEIVED, what was promised\n", &[]);
    }

    #[test]
    fn spelling_is_found() {
        check("by E-mail\nan e-mail\n", &["a.md:1", "a.md:2"]);
        check("by email, as the-mail\n", &[]);
    }

    #[test]
    fn name_that_says_too_little_is_found() {
        check("pub(crate) enum Wrong {\n", &["a.md:1"]);
        check("    fn bare() {}\n", &["a.md:1"]);
        check(
            "// An enum Wrong.\nSomething Went Wrong\nfn bare_row()\n",
            &[],
        );
    }

    #[test]
    fn path_is_found() {
        check("see /root/notes\n", &["a.md:1"]);
    }

    #[test]
    fn lists_of_passwords_are_free() {
        let tree = Tree::of(&[("common.txt", "outsider\n")]);
        assert_eq!(none_is_forbidden(&tree), []);
    }

    #[test]
    fn comments_of_a_schema_are_read() {
        let schema = "-- A person.\nCREATE TABLE t (person text) -- of whoever\n";
        let tree = Tree::of(&[("s.sql", schema)]);
        assert_eq!(places(&none_is_forbidden(&tree)), ["s.sql:1", "s.sql:2"]);
        let schema =
            "/* A\n person. */ CREATE TABLE person (a text); /* whoever */\nSELECT person\n";
        let tree = Tree::of(&[("s.sql", schema)]);
        assert_eq!(places(&none_is_forbidden(&tree)), ["s.sql:2", "s.sql:2"]);
    }

    #[test]
    fn word_that_nothing_holds_is_found() {
        let page = "# Rules\n## Words\n| say | not |\n|---|---|\n| wake | bell, gong |\n\
                    | none | hub; as names also plan, bare |\n## Tests\n| a | gong |\n";
        let found = page_lists_what_is_held(&Tree::of(&[("CONTRIBUTING.md", page)]));
        assert_eq!(places(&found), ["CONTRIBUTING.md:5"]);
        assert!(found.iter().all(|it| it.to_string().contains("`gong`")));
    }

    #[test]
    fn names_in_the_database_are_free() {
        check("phone_auth_session_person person_id\n", &[]);
    }

    #[test]
    fn parts_of_words_are_fine() {
        check("a github personal quickly lowed thubs\n", &[]);
    }
}
