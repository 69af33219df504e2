//! Which passwords are common: a list, searched where the linker put it, and what is made of its words in usual ways.

use crate::characters::without_looks;

/// One password per line, lower case, sorted by bytes. `data/README.md` names its source.
static COMMON: &str = include_str!("../../data/common-passwords.txt");

/// The most characters that one word is dressed up with, before and after it: a year, and a sign or two.
const MAX_ADDED: usize = 6;

/// The fewest characters of a word that counts as dressed up: shorter ones are found in anything.
const MIN_WORD: usize = 4;

/// The longest piece that a password may not consist of, time and again.
const MAX_REPEATED: usize = 4;

/// What may stand beside such pieces.
const MAX_BESIDE: usize = 2;

/// Whether a password is common: on the list, or a word of it in other letters, with digits for letters, or dressed up
/// with a year, digits and signs; or one short piece, time and again.
pub(super) fn is_common(password: &str) -> bool {
    let text = without_looks(password).trim().to_lowercase();
    is_listed(&text) || repeats(&text) || undressed(&text).any(is_listed)
}

/// Whether a text is on the list, as it is or with letters for the digits and signs that stand for them.
fn is_listed(text: &str) -> bool {
    contains_line(COMMON.as_bytes(), text.as_bytes())
        || contains_line(COMMON.as_bytes(), with_letters(text).as_bytes())
}

/// The text with letters for what looks like them.
fn with_letters(text: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(letter).collect()
}

/// The words that a text may be dressed up from: it without some of the digits and signs at its ends; and without a
/// letter or two beside digits alone.
fn undressed(text: &str) -> impl Iterator<Item = &str> {
    let is_added = |c: char| c.is_ascii() && !c.is_ascii_alphabetic();
    let after = text.chars().rev().take_while(|c| is_added(*c)).count();
    let before = text.chars().take_while(|c| is_added(*c)).count();
    let all = text.chars().count();
    let cut = move |start: usize, end: usize| {
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        let start = ends.clone().nth(start)?;
        let end = ends.nth(all.checked_sub(end)?)?;
        text.get(start..end)
    };
    let signs = (0..=after.min(MAX_ADDED)).flat_map(move |end| {
        (0..=before.min(MAX_ADDED - end.min(MAX_ADDED))).map(move |start| (start, end))
    });
    let letters = [(0, 1), (0, 2), (1, 0), (2, 0), (1, 1)];
    let numbers = letters.into_iter().filter_map(move |(start, end)| {
        cut(start, end).filter(|rest| rest.chars().all(|c| c.is_ascii_digit()))
    });
    let words = signs.filter_map(move |(start, end)| {
        cut(start, end).filter(|word| word.chars().nth(MIN_WORD - 1).is_some())
    });
    words.chain(numbers)
}

/// Whether a text is one short piece, time and again, but for a character or two beside it; at least three times.
fn repeats(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    (1..=MAX_REPEATED).any(|piece| {
        (0..=MAX_BESIDE).any(|beside| {
            let end = chars.len().saturating_sub(beside);
            let is_repeated = |part: &[char]| {
                let again = part.get(piece..).unwrap_or_default();
                part.len() >= 3 * piece && again.iter().eq(part.iter().take(again.len()))
            };
            is_repeated(chars.get(..end).unwrap_or_default())
                || is_repeated(chars.get(beside..).unwrap_or_default())
        })
    })
}

/// Binary search for a line in sorted lines: no set is built at start, nothing is allocated.
fn contains_line(lines: &[u8], wanted: &[u8]) -> bool {
    let mut rest = lines;
    while !rest.is_empty() {
        let (before, from_middle) = rest.split_at(rest.len() / 2);
        let start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        let end = from_middle
            .iter()
            .position(|b| *b == b'\n')
            .map_or(rest.len(), |i| before.len() + i);
        let line = rest.get(start..end).unwrap_or_default();
        rest = match wanted.cmp(line) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest.get(..start).unwrap_or_default(),
            std::cmp::Ordering::Greater => rest.get(end + 1..).unwrap_or_default(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_is_sorted() {
        let lines: Vec<&[u8]> = COMMON.lines().map(str::as_bytes).collect();
        assert_eq!(lines.len(), 19_640);
        assert!(lines.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn every_line_is_found() {
        for line in COMMON.lines() {
            assert!(is_common(line), "{line}");
        }
    }

    #[test]
    fn case_does_not_hide() {
        assert!(is_common("PassWord1"));
        assert!(is_common(" password1 "));
    }

    #[test]
    fn usual_ways_are_common() {
        for password in [
            "summer2026",
            "Summer2026!",
            "2026summer",
            "Passw0rd!",
            "P@ssw0rd",
            "p4$$w0rd2025",
            "password1234",
            "!!password!!",
            "qwerty-1999",
            "monkey..77",
            "pa7rick2",
            "88888888a",
            "a88888888",
            "aaaaaaaab1",
            "abcabcabc",
            "abcabcabc1",
            "12121212",
            "xyz1xyz1xyz1",
            "12345678a",
            "q123456789",
            "\u{ff50}\u{ff41}\u{ff53}\u{ff53}\u{ff57}\u{ff4f}\u{ff52}\u{ff44}",
            "\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}",
        ] {
            assert!(is_common(password), "{password}");
        }
        for password in [
            "correct horse",
            "correct horse 2026",
            "9-bicycles-fly",
            "battery staple",
            "x7#kQ2!vLp",
            "tea for two at 4",
            "summerinbergen26",
            "abcdabcdefgh",
            "5trawberry-fields",
            "\u{1f337}\u{1f337} tulips \u{1f337}\u{1f337}",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn long_passwords_cost_little() {
        let long = "1a".repeat(128) + "!";
        assert!(is_common(&long));
        assert!(!is_common(&"x1!".repeat(2)));
        assert!(!is_common(&format!("{}bergen", "!".repeat(128))));
    }

    #[test]
    fn other_words_are_absent() {
        for word in [
            "",
            "\n",
            "correct horse",
            "zyzzogeton, the last word",
            "password1\npassword",
        ] {
            assert!(!is_common(word), "{word:?}");
        }
    }
}
