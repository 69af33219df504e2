//! The paths by which a file of Rust names others.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path, one name after the other.
pub(crate) type Names = Vec<String>;

/// What a file names, but for its tests and its documentation.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    imports: Vec<(String, Names)>,
    globs: Vec<Names>,
    paths: Vec<Names>,
    defined: BTreeSet<String>,
}

impl Uses {
    /// Reads a text. One that is no Rust names nothing: other rules tell of it.
    pub(crate) fn of(text: &str) -> Self {
        let mut uses = Self::default();
        if let Ok(stream) = text.parse::<TokenStream>() {
            uses.defined = defined(stream.clone());
            uses.read(stream);
        }
        uses
    }

    /// Names that are imported, `as` what, and from where.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, &[String])> {
        let imports = self.imports.iter();
        imports.map(|(name, path)| (name.as_str(), path.as_slice()))
    }

    /// From where all that is public is imported, under its own names.
    pub(crate) fn globs(&self) -> impl Iterator<Item = &[String]> {
        self.globs.iter().map(Vec::as_slice)
    }

    /// Whether the file defines something of this name, by itself or by a macro that it calls.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.defined.contains(name)
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
                TokenTree::Ident(word) if word == "mod" => self.module(after),
                TokenTree::Ident(_) => self.path(rest),
                TokenTree::Group(group) => {
                    self.read(group.stream());
                    after
                }
                _ => after,
            };
        }
    }

    /// Reads a module that stands in the file, whose paths then begin one module further out; what comes after it.
    fn module<'t>(&mut self, tokens: &'t [TokenTree]) -> &'t [TokenTree] {
        let [_, TokenTree::Group(body), rest @ ..] = tokens else {
            return tokens;
        };
        let mut inside = Self::default();
        inside.read(body.stream());
        let imports = inside.imports.into_iter();
        let imports = imports.filter_map(|(name, path)| Some((name, from_outside(path)?)));
        self.imports.extend(imports);
        self.globs
            .extend(inside.globs.into_iter().filter_map(from_outside));
        self.paths
            .extend(inside.paths.into_iter().filter_map(from_outside));
        rest
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
                token if is_sign(token, '*') => {
                    self.globs.push(path);
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

/// A path of a module that stands in a file, as the file would say it; none if it stays in that module.
fn from_outside(mut path: Names) -> Option<Names> {
    match path.first()?.as_str() {
        "self" => None,
        "super" => {
            let is_further = path.get(1).is_some_and(|next| next == "super");
            path.remove(0);
            if !is_further {
                path.insert(0, "self".to_owned());
            }
            Some(path)
        }
        _ => Some(path),
    }
}

/// The names that are defined at the outermost level of a file, and those in the macros that are called there.
fn defined(stream: TokenStream) -> BTreeSet<String> {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut names = BTreeSet::new();
    for window in tokens.windows(2) {
        match window {
            [TokenTree::Ident(kind), TokenTree::Ident(name)] if defines(&kind.to_string()) => {
                names.insert(name.to_string());
            }
            [sign, TokenTree::Group(body)] if is_sign(sign, '!') => {
                names.extend(body.stream().into_iter().filter_map(|token| match token {
                    TokenTree::Ident(name) => Some(name.to_string()),
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    names
}

fn defines(kind: &str) -> bool {
    matches!(
        kind,
        "struct" | "enum" | "union" | "trait" | "type" | "fn" | "const" | "static" | "mod"
    )
}

/// Whether an attribute stands here that leaves what follows out of the program: only tests or the documentation have it.
fn is_left_out(tokens: &[TokenTree]) -> bool {
    let [sign, TokenTree::Group(group), ..] = tokens else {
        return false;
    };
    let attribute: Vec<TokenTree> = group.stream().into_iter().collect();
    match attribute.as_slice() {
        [TokenTree::Ident(name), TokenTree::Group(condition)] => {
            is_sign(sign, '#') && name == "cfg" && never_ships(condition.stream())
        }
        _ => false,
    }
}

/// Whether a condition holds in tests or in the documentation only.
fn never_ships(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match tokens.as_slice() {
        [TokenTree::Ident(word)] => word == "test" || word == "doc",
        [TokenTree::Ident(word), TokenTree::Group(group)] => {
            let parts: Vec<TokenTree> = group.stream().into_iter().collect();
            let parts = parts.split(|token| is_sign(token, ','));
            let mut parts = parts
                .filter(|part| !part.is_empty())
                .map(|part| never_ships(part.iter().cloned().collect()));
            match word.to_string().as_str() {
                "all" => parts.any(|it| it),
                "any" => parts.all(|it| it),
                _ => false,
            }
        }
        _ => false,
    }
}

/// What comes after the item, or the field of a type, whose attribute begins here.
fn past_item(tokens: &[TokenTree]) -> &[TokenTree] {
    let mut depth = 0_usize;
    let mut before = None;
    let end = tokens.iter().position(|token| {
        let is_arrow = before.is_some_and(|before| is_sign(before, '-'));
        before = Some(token);
        if is_sign(token, '<') {
            depth += 1;
        } else if is_sign(token, '>') && !is_arrow {
            depth = depth.saturating_sub(1);
        }
        match token {
            TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
            token => is_sign(token, ';') || depth == 0 && is_sign(token, ','),
        }
    });
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
    fn module_in_a_file_is_read_from_outside() {
        check(
            "mod m { use super::a; use super::super::b; use self::c; fn f() { crate::d::e() } }",
            &["a = self::a", "b = super::b"],
            &["crate::d::e"],
        );
    }

    #[test]
    fn all_that_is_public_is_read() {
        let uses = Uses::of("pub use crate::a::*; use crate::{b::{*, C}, d};");
        let globs: Vec<_> = uses.globs().map(|path| path.join("::")).collect();
        assert_eq!(globs, ["crate::a", "crate::b"]);
        let uses = Uses::of("pub struct A; fn b() { struct C; } signal! { pub d: E; }");
        let names = ["A", "b", "C", "d", "E"];
        assert_eq!(
            names.map(|it| uses.defines(it)),
            [true, true, false, true, true]
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
        for ships in [
            "cfg(not(test))",
            "cfg(any(test, feature = \"x\"))",
            "cfg(feature = \"test\")",
            "cfg_attr(test, derive(Debug))",
            "test",
        ] {
            let text = format!("#[{ships}] use crate::a;");
            check(&text, &["a = crate::a"], &[]);
        }
        for left_out in ["cfg(all(unix, test))", "cfg(any(doc, test))"] {
            check(&format!("#[{left_out}] use crate::a;"), &[], &[]);
        }
        check(
            "struct A { #[cfg(test)] b: B<C, D>, e: crate::F }",
            &[],
            &["crate::F"],
        );
        check(
            "#[cfg(test)] fn f<A, B>() -> C { crate::a() } use crate::d;",
            &["d = crate::d"],
            &[],
        );
        check("/// See crate::a. \n fn f() { \"crate::b\" }", &[], &[]);
    }
}
