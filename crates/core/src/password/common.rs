//! The list of common passwords, searched where the linker put it.

/// One password per line, lower case, sorted by bytes. `data/README.md` names its source.
static COMMON: &str = include_str!("../../data/common-passwords.txt");

/// Whether a password is on the list, whatever its case and the white space around it.
pub(super) fn is_common(password: &str) -> bool {
    contains_line(COMMON.as_bytes(), password.trim().to_lowercase().as_bytes())
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
    fn other_words_are_absent() {
        for word in [
            "",
            "\n",
            "correct horse",
            "zzzzzzzzzzzz!",
            "password1\npassword",
        ] {
            assert!(!is_common(word), "{word:?}");
        }
    }
}
