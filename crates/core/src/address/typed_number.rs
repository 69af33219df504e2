//! Numbers as they are typed, pasted and shared: with spaces without a width, dashes of printers, digits of all scripts.

use crate::characters::{decimal_digit, is_dash, is_format, is_space};

/// The most characters that are looked at. A contact card puts marks of direction around every part.
const MAX_CHARS: usize = 100;

/// What was typed as a number, in ASCII: digits, `+`, ` `, `-`, `.`, `/` and brackets. `None` when there is anything
/// else in it: a line break, a letter, a parameter.
///
/// Characters that only format are dropped, spaces, dashes and digits of every script become those of ASCII, and so do
/// the full-width forms of the rest. The scheme `tel:` (RFC 3966) before the number is dropped, as a link that was
/// copied has it, also with the `//` that some programs put after it, and so are brackets around `+` and the code.
pub(crate) fn in_ascii(typed: &str) -> Option<String> {
    if typed.chars().nth(MAX_CHARS).is_some() {
        return None;
    }
    let typed = typed.trim_matches(|c| is_format(c) || is_space(c));
    let typed = match typed.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => {
            let number = typed.get(4..)?;
            number.strip_prefix("//").unwrap_or(number)
        }
        _ => typed,
    };
    let mut text = String::with_capacity(typed.len());
    for c in typed.chars() {
        match c {
            '+' | '\u{FF0B}' | '\u{FE62}' => text.push('+'),
            '(' | '\u{FF08}' => text.push('('),
            ')' | '\u{FF09}' => text.push(')'),
            '.' | '\u{FF0E}' => text.push('.'),
            '/' | '\u{FF0F}' => text.push('/'),
            _ if is_format(c) => {}
            _ if is_space(c) => text.push(' '),
            _ if is_dash(c) => text.push('-'),
            _ => text.push(decimal_digit(c)?),
        }
    }
    Some(bare_plus(text.trim_matches(' ')))
}

/// The number without a bracket before its `+`, and without the one that belongs to it: `(+1) 212 555 2368`.
fn bare_plus(text: &str) -> String {
    let inner = text
        .strip_prefix('(')
        .map(|rest| rest.trim_start_matches(' '));
    match inner {
        Some(inner) if inner.starts_with('+') => inner.replacen(')', "", 1),
        _ => text.to_owned(),
    }
}
