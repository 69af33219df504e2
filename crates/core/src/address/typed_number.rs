//! Numbers as they are typed, pasted and shared: with spaces without a width, dashes of printers, digits of all scripts.

use std::borrow::Cow;

use crate::characters::{decimal_digit, is_dash, is_format, is_space};

/// The most characters that are looked at. A contact card puts marks of direction around every part.
const MAX_CHARS: usize = 100;

/// The fewest digits after the only tilde of a number. With fewer it is a range, as of extensions: `…56~8`.
const AFTER_TILDE: usize = 3;

/// What was typed as a number, in ASCII: digits, `+`, ` `, `-`, `.`, `/` and brackets. `None` when there is anything
/// else in it: a line break, a letter, a parameter, a range.
///
/// Characters that only format are dropped, spaces, dashes and digits of every script become those of ASCII, and so do
/// the full-width forms of the rest, tildes, middle dots and square brackets. The scheme `tel:` (RFC 3966) before the
/// number is dropped, as a link that was copied has it, also with the `//` that some programs put after it and with
/// what they escape in it (RFC 3986, 2.1). So are a comma or full stop after it, and brackets around `+` or what is
/// dialled for it and the code.
pub(crate) fn in_ascii(typed: &str) -> Option<String> {
    if typed.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    let is_blank = |c: char| is_format(c) || is_space(c);
    let typed = typed.trim_matches(is_blank);
    let typed = match typed.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => {
            let number = typed.get(4..)?;
            unescaped(number.strip_prefix("//").unwrap_or(number))?
        }
        _ => Cow::Borrowed(typed),
    };
    let typed = typed.trim_end_matches(|c: char| is_blank(c) || ends_a_clause(c));
    if is_range(typed) {
        return None;
    }
    let mut text = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            '+' | '\u{FF0B}' | '\u{FE62}' => text.push('+'),
            '(' | '\u{FF08}' | '[' | '\u{FF3B}' => text.push('('),
            ')' | '\u{FF09}' | ']' | '\u{FF3D}' => text.push(')'),
            // A bullet or a middle dot stands between groups as well.
            '.' | '\u{FF0E}' | '\u{B7}' | '\u{2022}' | '\u{2027}' | '\u{22C5}' | '\u{30FB}'
            | '\u{FF65}' => {
                text.push('.');
            }
            '/' | '\u{FF0F}' => text.push('/'),
            _ if is_format(c) => {}
            _ if is_space(c) => text.push(' '),
            _ if is_dash(c) || is_tilde(c) => text.push('-'),
            _ => text.push(decimal_digit(c)?),
        }
    }
    Some(without_first_bracket(text.trim_matches(' ')))
}

/// The text of a link with what is escaped in it, where that is ASCII.
fn unescaped(text: &str) -> Option<Cow<'_, str>> {
    let Some((start, escaped)) = text.split_once('%') else {
        return Some(Cow::Borrowed(text));
    };
    let mut unescaped = start.to_owned();
    for part in escaped.split('%') {
        let code = part.get(..2)?;
        if !code.bytes().all(|it| it.is_ascii_hexdigit()) {
            return None;
        }
        let code = u8::from_str_radix(code, 16).ok()?;
        unescaped.push(code.is_ascii().then_some(char::from(code))?);
        unescaped.push_str(part.get(2..)?);
    }
    Some(Cow::Owned(unescaped))
}

/// Whether it is one of the marks that come along when a number is copied out of a sentence.
const fn ends_a_clause(c: char) -> bool {
    matches!(
        c,
        ',' | '.' | '\u{60C}' | '\u{3001}' | '\u{3002}' | '\u{FF0C}' | '\u{FF0E}'
    )
}

const fn is_tilde(c: char) -> bool {
    matches!(c, '~' | '\u{2053}' | '\u{223C}' | '\u{301C}' | '\u{FF5E}')
}

/// Whether a tilde stands for "to": its digits are no part of the number. Between all groups it is a dash.
fn is_range(typed: &str) -> bool {
    let mut parts = typed.split(is_tilde).skip(1);
    let (Some(last), None) = (parts.next(), parts.next()) else {
        return false;
    };
    last.chars().filter_map(decimal_digit).count() < AFTER_TILDE
}

/// The number without a bracket before its `+`, or before what is dialled for it, and without the one that belongs to
/// it: `(+1) 212 555 2368`, `(0041) 44 668 18 00`.
fn without_first_bracket(text: &str) -> String {
    let inner = text
        .strip_prefix('(')
        .map(|rest| rest.trim_start_matches(' '));
    match inner {
        Some(inner) if ["+", "00", "011"].iter().any(|it| inner.starts_with(it)) => {
            inner.replacen(')', "", 1)
        }
        _ => text.to_owned(),
    }
}
