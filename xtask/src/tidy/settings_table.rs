//! The README of the program has its settings as its source has them.

use std::collections::HashMap;

use proc_macro2::{TokenStream, TokenTree};

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// Where each setting is said.
pub(crate) const SOURCE: &str = "crates/cli/src/configuration/table.rs";

/// Where they are listed for users.
pub(crate) const README: &str = "crates/cli/README.md";

/// Where they are explained.
const GUIDE: &str = "docs/guide/";

/// Around what is written by the chore.
const BEGIN: &str = "<!-- The settings; `cargo xtask docs` writes them. -->\n";
const END: &str = "<!-- The end of the settings. -->\n";

const HEAD: &str = "| setting | default | what it does |\n|---|---|---|\n";

/// Finds a README that lists other settings than there are.
pub(crate) fn readme_lists_the_settings(tree: &Tree) -> Vec<Finding> {
    let text = |path| tree.files().iter().find(|file| file.path() == path);
    let (Some(source), Some(readme)) = (text(SOURCE), text(README)) else {
        return Vec::new();
    };
    match written(source.text(), readme.text()) {
        Some(written) if written == readme.text() => Vec::new(),
        Some(written) => {
            let same = written.lines().zip(readme.text().lines());
            let line = 1 + same.take_while(|(one, other)| one == other).count();
            let advice = "the settings of the program are others: run `cargo xtask docs`";
            vec![Finding::at(README, line, advice)]
        }
        None => vec![Finding::in_file(
            README,
            format!("keep the lines around the settings, and the table in {SOURCE}"),
        )],
    }
}

/// Finds a setting of a limit or of text messages that a page of the guide names in a table and that there is not, or whose
/// default is another one there.
pub(crate) fn guide_names_the_defaults(tree: &Tree) -> Vec<Finding> {
    let files = tree.files().iter();
    let source = files.clone().find(|file| file.path() == SOURCE);
    let tables = source.and_then(|source| tables(source.text().parse().ok()?));
    let Some(tables) = tables else {
        return Vec::new();
    };
    let defaults: HashMap<_, _> = tables.lines().filter_map(name_and_default).collect();
    let mut findings = Vec::new();
    for file in files.filter(|file| file.path().starts_with(GUIDE)) {
        for (number, line) in (1..).zip(file.text().lines()) {
            for (name, words) in limits_named(line) {
                let Some(default) = defaults.get(name) else {
                    let advice = format!("there is no setting `{name}`");
                    findings.push(Finding::at(file.path(), number, advice));
                    continue;
                };
                if words.is_some_and(|words| !says(words, default)) {
                    let advice = format!("the default of `{name}` is {default}");
                    findings.push(Finding::at(file.path(), number, advice));
                }
            }
        }
    }
    findings
}

/// The name and the default of a row of the list.
fn name_and_default(row: &str) -> Option<(&str, &str)> {
    let mut cells = row.strip_prefix("| `")?.split(" | ");
    Some((cells.next()?.trim_end_matches('`'), cells.next()?))
}

/// The settings of limits and of text messages that a line names. Where it is the row of a table that has the one setting as
/// its last cell, also the cell before it, which says the default in words.
fn limits_named(line: &str) -> Vec<(&str, Option<&str>)> {
    let quoted = line.split('`').skip(1).step_by(2);
    let is_one = |name: &str| {
        let begins = name.starts_with("limit_") || name.starts_with("sms_");
        begins && name.bytes().all(|it| it.is_ascii_lowercase() || it == b'_')
    };
    let names: Vec<_> = quoted.filter(|name| is_one(name)).collect();
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let words = match (cells.as_slice(), names.as_slice()) {
        ([_, _, words, setting], [name]) if *setting == format!("`{name}`") => Some(*words),
        _ => None,
    };
    names.into_iter().map(|name| (name, words)).collect()
}

/// Whether these words say a default: `10 an hour` for `10/h`, `one in 3 minutes` for `1/3min`.
fn says(words: &str, default: &str) -> bool {
    let (count, span) = default.split_once('/').unwrap_or((default, ""));
    let number = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (times, unit) = span.split_at(number(span));
    let unit = match unit {
        "s" => "second",
        "min" => "minute",
        "h" => "hour",
        "d" => "day",
        other => other,
    };
    let words: Vec<_> = words
        .split(|it: char| !it.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let has = |wanted: &str| {
        let same =
            |word: &&str| word.trim_end_matches('s') == wanted || (wanted == "1" && *word == "one");
        wanted.is_empty() || words.iter().any(same)
    };
    has(count) && has(times) && has(unit)
}

/// The README with the settings that the source has; none if either has no place for them.
pub(crate) fn written(source: &str, readme: &str) -> Option<String> {
    let (before, rest) = readme.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let tables = tables(source.parse().ok()?)?;
    Some(format!("{before}{BEGIN}{tables}\n{END}{after}"))
}

/// A table for each section of `settings! { … }`.
fn tables(source: TokenStream) -> Option<String> {
    let tokens: Vec<_> = source.into_iter().collect();
    let settings = tokens.windows(3).find_map(|three| match three {
        [TokenTree::Ident(name), _, TokenTree::Group(all)] if name == "settings" => Some(all),
        _ => None,
    })?;
    let tokens: Vec<_> = settings.stream().into_iter().collect();
    let mut tables = String::new();
    for section in tokens.split_inclusive(|token| is_group(token, '{')) {
        let [.., TokenTree::Literal(prefix), TokenTree::Group(rows)] = section else {
            return None;
        };
        let prefix = text_of(prefix)?;
        let about = documented(section)?;
        tables.extend(["\n", &about, "\n\n", HEAD]);
        let rows: Vec<_> = rows.stream().into_iter().collect();
        for row in rows
            .split(|token| is_punct(token, ';'))
            .filter(|row| !row.is_empty())
        {
            tables += &table_row(&prefix, row)?;
        }
    }
    Some(tables)
}

/// `#[doc = "what it does"] name as "another": Type = "default" …` as a row.
fn table_row(prefix: &str, row: &[TokenTree]) -> Option<String> {
    let name = row.iter().find_map(|token| match token {
        TokenTree::Ident(name) => Some(format!("{prefix}{name}")),
        _ => None,
    });
    let after = |sign: &str| {
        let mut rest = row
            .iter()
            .skip_while(|token| token.to_string() != sign)
            .skip(1);
        match rest.next() {
            Some(TokenTree::Literal(text)) => text_of(text),
            _ => None,
        }
    };
    let name = after("as").or(name)?;
    let (default, does) = (after("=")?, documented(row)?);
    Some(format!("| `{name}` | {default} | {does} |\n"))
}

/// The lines of `///` as one.
fn documented(tokens: &[TokenTree]) -> Option<String> {
    let attributes = tokens.iter().filter(|token| is_group(token, '['));
    let lines = attributes.map(|attribute| match attribute {
        TokenTree::Group(doc) => match doc.stream().into_iter().last() {
            Some(TokenTree::Literal(line)) => text_of(&line),
            _ => None,
        },
        _ => None,
    });
    let lines: Option<String> = lines.collect();
    lines.map(|lines| lines.trim().to_owned())
}

/// The text that a literal stands for; JSON escapes what stands in texts of the table as Rust does.
fn text_of(literal: &proc_macro2::Literal) -> Option<String> {
    serde_json::from_str(&literal.to_string()).ok()
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_group(token: &TokenTree, opening: char) -> bool {
    matches!(token, TokenTree::Group(_)) && token.to_string().starts_with(opening)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::finding::places;

    const TABLE: &str = r#"
        use x::settings;
        settings! {
            /// Where it listens.
            server: struct Server "" {
                /// where to
                /// listen
                addr: SocketAddr = "127.0.0.1:8000";
                /// how \"long\"
                time as "soon": Vec<(String, String)> = "5 s", "a time", wait;
            }
            /// Mail.
            smtp: struct Smtp "smtp." {
                /// its port
                port: Option<u16> = "none" in 1..=9;
            }
        }"#;

    const LISTED: &str = "
Where it listens.

| setting | default | what it does |
|---|---|---|
| `addr` | 127.0.0.1:8000 | where to listen |
| `soon` | 5 s | how \\\"long\\\" |

Mail.

| setting | default | what it does |
|---|---|---|
| `smtp.port` | none | its port |
";

    fn found(readme: &str) -> Vec<String> {
        let tree = Tree::of(&[(SOURCE, TABLE), (README, readme)]);
        places(&readme_lists_the_settings(&tree))
    }

    #[test]
    fn settings_are_listed_by_section() {
        let readme = format!("# Program\n{BEGIN}old\n{END}more\n");
        let expected = format!("# Program\n{BEGIN}{LISTED}\n{END}more\n");
        assert_eq!(written(TABLE, &readme).as_deref(), Some(&*expected));
        assert_eq!(found(&expected), [""; 0]);
    }

    #[test]
    fn stale_list_is_found() {
        let stale = LISTED.replace("its port", "a port");
        let readme = format!("# Program\n{BEGIN}{stale}\n{END}");
        assert_eq!(found(&readme), [format!("{README}:15")]);
    }

    #[test]
    fn missing_place_is_found() {
        assert_eq!(found("# Program\n"), [format!("{README}:1")]);
        assert_eq!(written("settings! { a }", &format!("{BEGIN}{END}")), None);
    }

    #[test]
    fn stale_default_in_the_guide_is_found() {
        const LIMITS: &str = r#"settings! {
            /// Limits.
            limits: type Limits "limit_" {
                /// how often
                log_ins: Rate = "30/min";
                /// how soon
                pause: Rate = "1/30s";
                /// how many
                in_a_row: u32 = "100";
                /// how many
                site as "sms_site_budget": u32 = "200";
            }
        }"#;
        for (line, is_right) in [
            (
                "| log-ins | network | 30 a minute | `limit_log_ins` |",
                true,
            ),
            (
                "| log-ins | network | 20 a minute | `limit_log_ins` |",
                false,
            ),
            (
                "| log-ins | network | 30 an hour | `limit_log_ins` |",
                false,
            ),
            (
                "| links | number | one in 30 seconds | `limit_pause` |",
                true,
            ),
            (
                "| links | number | one in 3 minutes | `limit_pause` |",
                false,
            ),
            (
                "| failures | account | 10, then more slowly, 100 in all | `limit_in_a_row` |",
                true,
            ),
            (
                "| failures | account | 10, then more slowly, 1000 in all | `limit_in_a_row` |",
                false,
            ),
            // What is a share of it, or of several, is for people to read.
            (
                "| of those | one | 15 a minute | `limit_log_ins`, half of it |",
                true,
            ),
            (
                "By default `sms_site_budget` is 200, not `sms_count`s.",
                false,
            ),
            ("`sms_site_budget` and `limit_log_ins` of `max_users`", true),
        ] {
            let tree = Tree::of(&[(SOURCE, LIMITS), ("docs/guide/limits.md", line)]);
            let found = places(&guide_names_the_defaults(&tree));
            assert_eq!(found.is_empty(), is_right, "{line}: {found:?}");
        }
    }
}
