//! The paths by which a file of Rust names others.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path, one name after the other.
pub(crate) type Names = Vec<String>;

/// What a file names, but for its tests and its documentation.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    imports: Vec<(String, Names)>,
    paths: Vec<Names>,
}

impl Uses {
    /// Reads a text. One that is no Rust names nothing: other rules tell of it.
    pub(crate) fn of(text: &str) -> Self {
        let mut uses = Self::default();
        if let Ok(stream) = text.parse::<TokenStream>() {
            uses.read(stream);
        }
        uses
    }

    /// Names that are imported, `as` what, and from where.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, &[String])> {
        let imports = self.imports.iter();
        imports.map(|(name, path)| (name.as_str(), path.as_slice()))
    }

    /// Paths of two names or more, outside imports.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &[String]> {
        self.paths.iter().map(Vec::as_slice)
    }

    fn read(&mut self, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        let mut rest = tokens.as_slice();
        while let Some((first, after)) = rest.split_first() {
            rest = match first {
                TokenTree::Punct(_) if is_left_out(rest) => past_item(after),
                TokenTree::Ident(word) if word == "use" => self.import(after),
                TokenTree::Ident(_) => self.path(rest),
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    after
                }
                _ => after,
            };
        }
    }

    /// Reads an import; what comes after it.
    fn import<'t>(&mut self, tokens: &'t [TokenTree]) -> &'t [TokenTree] {
        let end = tokens.iter().position(|token| is_sign(token, ';'));
        let (tree, rest) = tokens.split_at(end.unwrap_or(tokens.len()));
        self.tree(&[], tree);
        rest
    }

    /// Reads a part of an import that stands after these names.
    fn tree(&mut self, before: &[String], tokens: &[TokenTree]) {
        let mut path = before.to_vec();
        for token in tokens {
            match token {
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Group(group) => {
                    let parts: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in parts.split(|token| is_sign(token, ',')) {
                        self.tree(&path, part);
                    }
                    return;
                }
                _ => {}
            }
        }
        let renamed = match path.as_slice() {
            [.., word, name] if word == "as" => Some(name.clone()),
            _ => None,
        };
        if renamed.is_some() {
            path.truncate(path.len().saturating_sub(2));
        }
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        if let Some(name) = renamed.or_else(|| path.last().cloned())
            && path.len() > before.len().min(1)
        {
            self.imports.push((name, path));
        }
    }

    /// Reads a path; what comes after it.
    fn path<'t>(&mut self, tokens: &'t [TokenTree]) -> &'t [TokenTree] {
        let mut path = Names::new();
        let mut rest = tokens;
        while let [TokenTree::Ident(name), after @ ..] = rest {
            path.push(name.to_string());
            rest = after;
            match after {
                [one, two, next @ ..]
                    if is_sign(one, ':')
                        && is_sign(two, ':')
                        && matches!(next.first(), Some(TokenTree::Ident(_))) =>
                {
                    rest = next;
                }
                _ => break,
            }
        }
        if path.len() > 1 {
            self.paths.push(path);
        }
        rest
    }
}

/// Whether an attribute stands here that leaves what follows out of the program: only tests or the documentation have it.
fn is_left_out(tokens: &[TokenTree]) -> bool {
    let [sign, TokenTree::Group(group), ..] = tokens else {
        return false;
    };
    let condition = group.stream().to_string();
    let mut words = condition.split(|sign: char| !sign.is_alphanumeric());
    is_sign(sign, '#')
        && condition.starts_with("cfg")
        && !condition.contains("not")
        && words.any(|word| matches!(word, "test" | "doc"))
}

/// What comes after the item whose attribute begins here.
fn past_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_sign(token, ';'),
    };
    let end = tokens.iter().position(is_end);
    end.and_then(|end| tokens.get(end + 1..))
        .unwrap_or_default()
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, imports: &[&str], paths: &[&str]) {
        let uses = Uses::of(text);
        let found: Vec<_> = uses
            .imports()
            .map(|(name, path)| format!("{name} = {}", path.join("::")))
            .collect();
        assert_eq!(found, imports, "{text}");
        let found: Vec<_> = uses.paths().map(|path| path.join("::")).collect();
        assert_eq!(found, paths, "{text}");
    }

    #[test]
    fn imports_are_read() {
        check("use crate::a;", &["a = crate::a"], &[]);
        check(
            "pub(crate) use super::a::{self, B, c::D as E};",
            &["a = super::a", "B = super::a::B", "E = super::a::c::D"],
            &[],
        );
    }

    #[test]
    fn paths_are_read() {
        check(
            "fn f(a: crate::B) { c::d(1); e.f(); $crate::g!() }",
            &[],
            &["crate::B", "c::d", "crate::g"],
        );
    }

    #[test]
    fn tests_and_documentation_are_left_out() {
        check(
            "#[cfg(test)] mod tests { use super::*; } use crate::a;",
            &["a = crate::a"],
            &[],
        );
        check("#[cfg(doc)] use crate::a; fn f() {}", &[], &[]);
        check("#[cfg(not(test))] use crate::a;", &["a = crate::a"], &[]);
        check("/// See crate::a. \n fn f() { \"crate::b\" }", &[], &[]);
    }
}
