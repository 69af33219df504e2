//! What is kept of a receiver's error: one line of bounded length, without the link of the message.
//!
//! A receiver may put into its error what it sent, and the other side may have answered with it, escaped in whatever way.
//! The attempt knows the link that it made: where as much as a part of its token stands, escaped or not, it is cut out.
//! So is whatever looks like a link. What is encrypted or compressed is not seen.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;
use std::iter::successors;

use base64ct::{Base64Unpadded, Encoding};
use phone_auth_tokens::OneTimeCode;

/// The most characters of a reason that are kept.
const MAX_REASON: usize = 300;

/// The most characters that are looked at.
const MAX_READ: usize = 8192;

/// How often what was escaped may have been escaped again.
const MAX_ESCAPED: usize = 8;

/// So many letters and digits of a token in a row are taken for a part of it. No words have them by chance.
const PART: usize = 8;

/// The same of a token in a form that takes two signs or more for each.
const LONG_PART: usize = 2 * PART;

/// The digits of a code. A number that has them by chance is cut as well.
const CODE: usize = OneTimeCode::DIGITS;

/// A link, known by its token and its id.
pub(super) struct Redaction {
    /// The parts of the token, small letters and digits alone, in all forms that are looked for.
    parts: HashSet<Vec<u8>>,
    /// The same, of longer forms.
    long_parts: HashSet<Vec<u8>>,
    /// The code, and the longer forms of it.
    code: HashSet<Vec<u8>>,
    long_code: HashSet<Vec<u8>>,
    id: Vec<char>,
}

/// A character, and the bytes of the text that it was written with.
#[derive(Clone, Copy)]
struct Sign {
    letter: char,
    start: usize,
    end: usize,
}

impl Redaction {
    /// Of a link, whose last two segments are the id and the token, and of the code beside it.
    pub(super) fn of(link: &str, code: Option<&str>) -> Self {
        let mut segments = link.rsplit('/').filter(|segment| !segment.is_empty());
        let token = segments.next().unwrap_or_default();
        let id = segments.next().unwrap_or_default();
        let bytes = token.as_bytes();
        let mut hex = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            let _ = write!(hex, "{byte:02x}");
        }
        // As a list of bytes is printed.
        let list: String = bytes.iter().map(u8::to_string).collect();
        let mut parts = parts_of(token, PART);
        parts.extend((0..3).flat_map(|offset| parts_of(&base64(bytes, offset), PART)));
        let mut long_parts = parts_of(&hex, LONG_PART);
        long_parts.extend(parts_of(&list, LONG_PART));
        let code = code.unwrap_or_default();
        let mut hex = String::with_capacity(2 * code.len());
        for byte in code.bytes() {
            let _ = write!(hex, "{byte:02x}");
        }
        let list: String = code.bytes().map(|byte| byte.to_string()).collect();
        let mut long_code = parts_of(&hex, 2 * CODE);
        long_code.extend(parts_of(&list, 2 * CODE));
        Self {
            parts,
            long_parts,
            code: parts_of(code, CODE),
            long_code,
            id: id.chars().collect(),
        }
    }

    /// What an error says, and what it comes from.
    pub(super) fn reason(&self, error: &(dyn Error + 'static)) -> String {
        let texts = successors(Some(error), |error| (*error).source());
        let whole = texts
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(": ");
        let whole: String = whole.chars().take(MAX_READ).collect();
        let cut = self.cut(&whole);
        let words = cut
            .split_whitespace()
            .map(|word| if is_link(word) { "…" } else { word });
        let line = words.collect::<Vec<_>>().join(" ");
        let visible = line.chars().filter(|character| !character.is_control());
        visible.take(MAX_REASON).collect()
    }

    /// The text without what is of the link.
    fn cut(&self, text: &str) -> String {
        let mut hidden = vec![false; text.len()];
        for signs in readings(text) {
            self.hide(&signs, &mut hidden);
        }
        let mut cut = String::with_capacity(text.len());
        let mut is_hiding = false;
        for (sign, hides) in text.char_indices().map(|(at, sign)| (sign, hidden.get(at))) {
            let hides = hides.is_some_and(|hides| *hides);
            match (hides, is_hiding) {
                (true, false) => cut.push('…'),
                (true, true) => {}
                (false, _) => cut.push(sign),
            }
            is_hiding = hides;
        }
        cut
    }

    /// Hides the bytes of what is of the link in one reading of a text.
    fn hide(&self, signs: &[Sign], hidden: &mut [bool]) {
        let mut hide = |signs: &[Sign]| {
            if let (Some(first), Some(last)) = (signs.first(), signs.last())
                && let Some(bytes) = hidden.get_mut(first.start..last.end)
            {
                bytes.fill(true);
            }
        };
        // Breaks of lines, quotes and whatever else may have come in between is passed over.
        let telling = |sign: &&Sign| sign.letter.is_ascii_alphanumeric();
        let telling: Vec<Sign> = signs.iter().filter(telling).copied().collect();
        let text: String = telling.iter().map(|sign| sign.letter).collect();
        let text = text.to_ascii_lowercase();
        for (length, parts) in [
            (PART, &self.parts),
            (LONG_PART, &self.long_parts),
            (CODE, &self.code),
            (2 * CODE, &self.long_code),
        ] {
            for (part, signs) in text.as_bytes().windows(length).zip(telling.windows(length)) {
                if parts.contains(part) {
                    hide(signs);
                }
            }
        }
        // An id is too short to be known anywhere but by itself.
        for (at, found) in signs.windows(self.id.len().max(1)).enumerate() {
            let beside = [at.checked_sub(1), at.checked_add(found.len())];
            let is_apart = |at: Option<usize>| {
                let sign = at.and_then(|at| signs.get(at));
                sign.is_none_or(|sign| !sign.letter.is_alphanumeric())
            };
            if found
                .iter()
                .map(|sign| sign.letter)
                .eq(self.id.iter().copied())
                && beside.into_iter().all(is_apart)
            {
                hide(found);
            }
        }
    }
}

/// What a text has of letters and digits, as each run of so many.
fn parts_of(text: &str, length: usize) -> HashSet<Vec<u8>> {
    let telling = text.bytes().filter(u8::is_ascii_alphanumeric);
    let telling = telling.collect::<Vec<_>>().to_ascii_lowercase();
    telling.windows(length).map(<[u8]>::to_vec).collect()
}

/// What of the base64 of a longer text depends on these bytes alone, if so many more than a multiple of three precede
/// them.
fn base64(bytes: &[u8], offset: usize) -> String {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let encoded = Base64Unpadded::encode_string(&padded);
    let whole = encoded.len() - usize::from(!padded.len().is_multiple_of(3));
    let signs = encoded.chars().take(whole);
    // Each sign tells six bits; one that tells also of what precedes is left out.
    signs.skip((offset * 8).div_ceil(6)).collect()
}

/// A text as it stands, then as it reads with its escapes taken for what they stand for, and so on.
fn readings(text: &str) -> impl Iterator<Item = Vec<Sign>> {
    let signs = text.char_indices().map(|(start, sign)| Sign {
        letter: sign,
        start,
        end: start + sign.len_utf8(),
    });
    successors(Some(signs.collect()), |signs: &Vec<Sign>| unescaped(signs)).take(MAX_ESCAPED)
}

/// The signs with each escape in the place of what it stands for; none when there is no escape.
fn unescaped(signs: &[Sign]) -> Option<Vec<Sign>> {
    let mut plain = Vec::with_capacity(signs.len());
    let mut rest = signs;
    while let Some((first, behind)) = rest.split_first() {
        let found = matches!(first.letter, '%' | '=' | '\\' | '&')
            .then(|| escape(first.letter, behind))
            .flatten();
        let Some((sign, length)) = found else {
            plain.push(*first);
            rest = behind;
            continue;
        };
        let (taken, left) = behind.split_at_checked(length)?;
        plain.extend(sign.map(|sign| Sign {
            letter: sign,
            start: first.start,
            end: taken.last().unwrap_or(first).end,
        }));
        rest = left;
    }
    (plain.len() < signs.len()).then_some(plain)
}

/// What an escape stands for, if anything, and how many signs it has behind its first.
fn escape(first: char, behind: &[Sign]) -> Option<(Option<char>, usize)> {
    let text: String = behind.iter().take(10).map(|sign| sign.letter).collect();
    match first {
        '%' => number(&text, "u", 4, 16).or_else(|| number(&text, "", 2, 16)),
        // Quoted-printable (RFC 2045, 6.7), with its soft breaks of lines.
        '=' if text.starts_with('\n') => Some((None, 1)),
        '=' if text.starts_with("\r\n") => Some((None, 2)),
        '=' => number(&text, "", 2, 16),
        '\\' => backslash(&text),
        _ => entity(&text),
    }
}

/// A sign by its number: behind a prefix, in so many digits.
fn number(text: &str, prefix: &str, digits: usize, radix: u32) -> Option<(Option<char>, usize)> {
    let written = text.strip_prefix(prefix)?.get(..digits)?;
    let is_number = written.chars().all(|digit| digit.is_digit(radix));
    let number = u32::from_str_radix(written, radix).ok()?;
    let sign = char::from_u32(number).filter(|_| is_number)?;
    // Of a character beyond ASCII this may be one byte; no link has one.
    Some((Some(sign), prefix.len() + digits))
}

/// An escape of programs and of JSON.
fn backslash(text: &str) -> Option<(Option<char>, usize)> {
    let braced = || {
        let (digits, _) = text.strip_prefix("u{")?.split_once('}')?;
        let sign = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
        Some((Some(sign), digits.len() + 3))
    };
    let named = || {
        let sign = text.chars().next()?;
        let stands_for = match sign {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' | 'b' | 'f' | 'v' => ' ',
            other => other,
        };
        Some((Some(stands_for), 1))
    };
    number(text, "u", 4, 16)
        .or_else(|| number(text, "x", 2, 16))
        .or_else(|| number(text, "", 3, 8))
        .or_else(braced)
        .or_else(named)
}

/// A character reference of HTML.
fn entity(text: &str) -> Option<(Option<char>, usize)> {
    let (name, _) = text.split_once(';')?;
    let digits = name.strip_prefix('#');
    let hexadecimal = digits.and_then(|digits| digits.strip_prefix(['x', 'X']));
    let number = match (hexadecimal, digits) {
        (Some(digits), _) => u32::from_str_radix(digits, 16).ok(),
        (None, Some(digits)) => digits.parse().ok(),
        (None, None) => None,
    };
    let sign = match name {
        "amp" => '&',
        "sol" => '/',
        "bsol" => '\\',
        "lowbar" => '_',
        "hyphen" | "dash" => '-',
        "percnt" => '%',
        "equals" => '=',
        "num" => '#',
        "semi" => ';',
        "colon" => ':',
        "NewLine" => '\n',
        "quot" | "apos" | "lt" | "gt" | "nbsp" | "shy" | "Tab" | "ZeroWidthSpace" => ' ',
        _ => char::from_u32(number?)?,
    };
    Some((Some(sign), name.len() + 1))
}

/// Whether a word may be a link, whichever way its slashes are written.
fn is_link(word: &str) -> bool {
    readings(word).any(|signs| {
        let slashes = signs.iter().filter(|sign| sign.letter == '/').count();
        let is_double = |pair: &[Sign]| pair.iter().all(|sign| sign.letter == '/');
        signs.windows(2).any(is_double) || slashes > 0 && signs.len() > 24
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::RandomnessError;

    const TOKEN: &str = "toxhc0-9a4f17c2e05b3d8896e1f4a07b2c5d3e";
    const LINK: &str =
        "/accounts/password_reset_confirm/MTA/toxhc0-9a4f17c2e05b3d8896e1f4a07b2c5d3e/";

    fn reason(text: &str) -> String {
        let error = RandomnessError::with_source(text.to_owned());
        let reason = Redaction::of(LINK, None).reason(&error);
        let own = "no random bytes are to be had: ";
        reason.strip_prefix(own).unwrap_or_default().to_owned()
    }

    fn each(text: &str, escape: impl Fn(u32) -> String) -> String {
        text.chars().map(u32::from).map(escape).collect()
    }

    fn slashes(text: &str, slash: &str) -> String {
        text.replace('/', slash)
    }

    /// Every so many characters, something.
    fn broken(text: &str, every: usize, by: &str) -> String {
        let signs: Vec<char> = text.chars().collect();
        let lines: Vec<String> = signs
            .chunks(every)
            .map(|line| line.iter().collect())
            .collect();
        lines.join(by)
    }

    fn base64(text: &str, offset: usize) -> String {
        let whole = format!("{}{text}, and so on", "?".repeat(offset));
        Base64Unpadded::encode_string(whole.as_bytes())
    }

    type Escaping = (&'static str, fn(&str) -> String);

    const ESCAPINGS: &[Escaping] = &[
        ("none", str::to_owned),
        ("capitals", str::to_uppercase),
        ("JSON", |text| slashes(text, r"\/")),
        ("JSON, by number", |text| slashes(text, r"\u002f")),
        ("JSON in JSON", |text| slashes(text, r"\\u002F")),
        ("JSON, each", |text| {
            each(text, |sign| format!(r"\u{sign:04x}"))
        }),
        ("C, each", |text| {
            each(text, |sign| format!(r"\x{sign:02x}"))
        }),
        ("octal, each", |text| {
            each(text, |sign| format!(r"\{sign:03o}"))
        }),
        ("Rust, each", |text| {
            each(text, |sign| format!(r"\u{{{sign:x}}}"))
        }),
        ("HTML", |text| slashes(text, "&#x2F;")),
        ("HTML, decimal", |text| slashes(text, "&#47;")),
        ("HTML, by name", |text| {
            slashes(text, "&sol;").replace('-', "&hyphen;")
        }),
        ("HTML in HTML", |text| slashes(text, "&amp;#x2F;")),
        ("HTML, each", |text| each(text, |sign| format!("&#{sign};"))),
        ("URL", |text| slashes(text, "%2F")),
        ("URL in URL", |text| slashes(text, "%252F")),
        ("URL in URL in URL", |text| slashes(text, "%25252f")),
        ("URL, each", |text| {
            each(text, |sign| format!("%{sign:02X}"))
        }),
        ("URL in URL, each", |text| {
            each(text, |sign| format!("%25{sign:02x}"))
        }),
        ("URL, old, each", |text| {
            each(text, |sign| format!("%u{sign:04x}"))
        }),
        ("URL in JSON, each", |text| {
            each(text, |sign| format!(r"\u0025{sign:02x}"))
        }),
        ("mail", |text| slashes(text, "=2F")),
        ("mail, each", |text| {
            each(text, |sign| format!("={sign:02X}"))
        }),
        ("mail, soft breaks", |text| broken(text, 3, "=\r\n")),
        ("mail, soft breaks in an escape", |text| {
            broken(&each(text, |sign| format!("={sign:02X}")), 5, "=\r\n")
        }),
        ("mail, soft breaks in JSON", |text| {
            broken(text, 11, r"=\r\n")
        }),
        ("folded", |text| broken(text, 20, "\r\n ")),
        ("folded in JSON", |text| broken(text, 5, r"\r\n\t")),
        ("spaced", |text| broken(text, 1, " ")),
        ("quoted pieces", |text| broken(text, 7, "\" + \"")),
        ("zero bytes between", |text| broken(text, 1, "\0")),
        ("printed", |text| format!("{text:?}")),
        ("printed bytes", |text| format!("{:?}", text.as_bytes())),
        ("hexadecimal", |text| {
            each(text, |sign| format!("{sign:02x}"))
        }),
        ("hexadecimal, apart", |text| {
            each(text, |sign| format!("{sign:02X} "))
        }),
        ("base64", |text| base64(text, 0)),
        ("base64, one in", |text| base64(text, 1)),
        ("base64, two in", |text| base64(text, 2)),
        ("base64, in lines", |text| {
            broken(&base64(text, 1), 76, "\r\n")
        }),
        ("base64, in short lines", |text| {
            broken(&base64(text, 2), 9, "=\r\n")
        }),
        ("half", |text| {
            text.chars()
                .rev()
                .skip(14)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .collect()
        }),
        ("other half", |text| text.chars().skip(17).collect()),
    ];

    #[test]
    fn reason_holds_no_token() {
        for (name, escape) in ESCAPINGS {
            let told = reason(&format!("the server refused {} at once", escape(TOKEN)));
            assert!(told.starts_with("the server refused "), "{name}: {told}");
            assert!(told.ends_with(" at once"), "{name}: {told}");
            assert!(told.contains('…'), "{name}: {told}");
            // No more is left than ends of base64 that stand for what is beside the token, too.
            let left = told.chars().count() - "the server refused  at once".len();
            let most = if name.starts_with("base64") { 24 } else { 8 };
            assert!(left <= most, "{name}: {told}");
        }
    }

    #[test]
    fn reason_holds_no_link() {
        for (name, escape) in ESCAPINGS {
            let link = format!("https://x.example{LINK}");
            let told = reason(&format!("refused {} at once", escape(&link)));
            for part in TOKEN.as_bytes().windows(PART) {
                let part = String::from_utf8_lossy(part);
                for shown in [part.to_string(), escape(&part)] {
                    let (told, shown) = (told.to_lowercase(), shown.to_lowercase());
                    assert!(
                        shown.len() < PART || !told.contains(&shown),
                        "{name}: {told}"
                    );
                }
            }
        }
        for word in [
            "https://x.example/a/MQ/t-1/",
            "/accounts/password_reset_confirm/MQ/t-1/",
            "to=https%3A%2F%2Fx.example%2Ft-1",
            "https:&#x2F;&#x2F;x.example&#x2F;t-1",
            r"https:\u002f\u002fx.example\u002ft-1",
            r"https:\/\/x.example\/t-1",
            "https:%252F%252Fx.example%252Ft-1",
            "MTA",
            "=2FMTA=2F",
            "&quot;MTA&quot;",
        ] {
            let told = reason(&format!("550 {word}\r\n250 OK"));
            let kept = told.replace("=2F", "").replace("&quot;", "");
            assert_eq!(kept, "550 … 250 OK", "{word}");
        }
    }

    #[test]
    fn other_words_are_kept() {
        for text in [
            "550 5.1.1 <ann@example.org>: no such user here",
            "connection refused (os error 111)",
            "the disk is 100% full, 2%3 left",
            r"C:\new\table: access denied",
            "a=b&c=d&amp; e=20",
            "0x9a4f17c, deadbeef and toxhc0",
            "MTAs at /var/spool",
            "Zürich…",
            "",
        ] {
            assert_eq!(reason(text), text);
        }
        assert_eq!(reason("two\r\nlines\tof\u{7} it"), "two lines of it");
    }

    #[test]
    fn reason_is_of_bounded_length() {
        let own = "no random bytes are to be had: ".chars().count();
        assert_eq!(
            reason(&"é".repeat(100_000)).chars().count(),
            MAX_REASON - own
        );
        assert_eq!(reason(&TOKEN.repeat(10_000)), "…");
    }
}
