//! Rust read as tokens, so that a word in a text or a comment is not taken for code.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// Where tokens stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In code that is compiled as it stands.
    Code,
    /// In what a macro writes elsewhere, where it is unknown which lints will fire.
    Template,
}

/// What a reader of tokens is told of.
pub(crate) trait CurrentUser {
    /// `#[name]`, `#[name = …]` or `#[name(arguments)]`, also within `cfg_attr`.
    fn attribute(&mut self, name: &Ident, rest: &[TokenTree], place: Place);
    /// `name!`.
    fn macro_call(&mut self, name: &Ident);
}

/// Reads `text` and tells `current_user` of every attribute and macro call in it.
///
/// # Errors
/// `NotRust` with the line where the text stops being Rust.
pub(crate) fn context(text: &str, current_user: &mut impl CurrentUser) -> Result<(), NotRust> {
    let stream: TokenStream = text
        .parse()
        .map_err(|error: proc_macro2::LexError| NotRust {
            line: error.span().start().line,
        })?;
    walk(stream, Place::Code, current_user);
    Ok(())
}

/// A text that is no Rust.
#[derive(Debug)]
pub(crate) struct NotRust {
    /// Where.
    pub(crate) line: usize,
}

fn walk(stream: TokenStream, place: Place, current_user: &mut impl CurrentUser) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut inside = place;
    let mut rest = tokens.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if let Some(attribute) = attribute_at(rest) {
            attribute_parts(attribute.stream(), place, current_user);
        }
        if let Some(name) = macro_name_at(rest) {
            current_user.macro_call(name);
            if writes_code_elsewhere(name) {
                inside = Place::Template;
            }
        }
        if let TokenTree::Group(group) = first {
            walk(group.stream(), inside, current_user);
            inside = place;
        }
        rest = after;
    }
}

/// The brackets of an attribute that starts here.
fn attribute_at(tokens: &[TokenTree]) -> Option<&Group> {
    let (_, after) = tokens
        .split_first()
        .filter(|(first, _)| is_punct(first, '#'))?;
    let (next, behind) = after.split_first()?;
    let brackets = if is_punct(next, '!') {
        behind.first()?
    } else {
        next
    };
    match brackets {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => Some(group),
        _ => None,
    }
}

/// Tells of the attribute, and of those that `cfg_attr` puts in its place.
fn attribute_parts(stream: TokenStream, place: Place, current_user: &mut impl CurrentUser) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let Some((TokenTree::Ident(name), rest)) = tokens.split_first() else {
        return;
    };
    current_user.attribute(name, rest, place);
    if name != "cfg_attr" {
        return;
    }
    if let Some(TokenTree::Group(arguments)) = rest.first() {
        let arguments: Vec<TokenTree> = arguments.stream().into_iter().collect();
        for part in arguments.split(|token| is_punct(token, ',')).skip(1) {
            attribute_parts(part.iter().cloned().collect(), place, current_user);
        }
    }
}

fn macro_name_at(tokens: &[TokenTree]) -> Option<&Ident> {
    match tokens {
        [
            TokenTree::Ident(name),
            bang,
            TokenTree::Group(_) | TokenTree::Ident(_),
            ..,
        ] if is_punct(bang, '!') => Some(name),
        _ => None,
    }
}

fn writes_code_elsewhere(name: &Ident) -> bool {
    [
        "macro_rules",
        "quote",
        "quote_spanned",
        "parse_quote",
        "parse_quote_spanned",
    ]
    .iter()
    .any(|writer| name == writer)
}

fn is_punct(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Heard(Vec<String>);

    impl CurrentUser for Heard {
        fn attribute(&mut self, name: &Ident, _rest: &[TokenTree], place: Place) {
            let mark = if place == Place::Template { "~" } else { "" };
            self.0.push(format!("{mark}#{name}"));
        }

        fn macro_call(&mut self, name: &Ident) {
            self.0.push(format!("{name}!"));
        }
    }

    #[track_caller]
    fn check(text: &str, wanted: &[&str]) {
        let mut heard = Heard::default();
        assert!(context(text, &mut heard).is_ok(), "{text} is Rust");
        assert_eq!(heard.0, wanted, "{text}");
    }

    #[test]
    fn attributes_are_told() {
        check(
            "#![deny(x)] #[test] fn f() { #[inline] fn g() {} }",
            &["#deny", "#test", "#inline"],
        );
    }

    #[test]
    fn conditional_attributes_are_told() {
        check(
            "#[cfg_attr(test, allow(x), inline)] fn f() {}",
            &["#cfg_attr", "#allow", "#inline"],
        );
    }

    #[test]
    fn macros_are_told() {
        check(
            "fn f() { todo!() } macro_rules! m { () => {} }",
            &["todo!", "macro_rules!"],
        );
    }

    #[test]
    fn texts_are_not_code() {
        check("const A: &str = \"#[allow(x)] todo!()\"; // todo!()", &[]);
    }

    #[test]
    fn templates_are_set_apart() {
        check(
            "fn f() { quote! { #[allow(x)] } } #[a] fn g() {}",
            &["quote!", "~#allow", "#a"],
        );
        check(
            "macro_rules! m { () => { #[allow(x)] fn f() {} } }",
            &["macro_rules!", "~#allow"],
        );
    }

    #[test]
    fn odd_text_has_a_line() {
        let odd = context("fn f() {\n  )\n}", &mut Heard::default());
        assert!(odd.is_err_and(|error| error.line == 2));
    }
}
