//! The README of the program has its settings as its source has them.

use proc_macro2::{TokenStream, TokenTree};

use crate::tidy::finding::Finding;
use crate::tidy::tree::Tree;

/// Where each setting is said.
pub(crate) const SOURCE: &str = "crates/cli/src/configuration/table.rs";

/// Where they are listed for users.
pub(crate) const README: &str = "crates/cli/README.md";

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
}
