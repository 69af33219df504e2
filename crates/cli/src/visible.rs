//! Text of others made safe to show in a terminal and in a log.

use std::fmt::{self, Write};

/// Shows a text with everything escaped that a terminal would obey or that reorders what is read.
///
/// Log readers and terminals act on control characters (CVE-2025-55160, RUSTSEC-2025-0055), and
/// bidirectional marks make a line read as another (CVE-2021-42574).
pub(crate) struct Visible<'a>(pub(crate) &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if misleads(character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether a character controls how others are shown instead of being shown itself.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_escaped() {
        let shown = Visible("a\u{1b}[31mb\r\nc\u{202e}d\u{9b}é").to_string();
        assert_eq!(shown, "a\\u{1b}[31mb\\r\\nc\\u{202e}d\\u{9b}é");
    }
}
