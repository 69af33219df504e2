//! Text of others made safe to show in a terminal and in a log.

use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::path::Path;

use serde::Serialize;

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

/// Shows a path as [`Visible`] shows a text, and bytes of it that are not UTF-8 as `\xE9`.
pub(crate) struct VisiblePath<'a>(pub(crate) &'a Path);

impl fmt::Display for VisiblePath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visible(&bytes(self.0.as_os_str())).fmt(f)
    }
}

/// A text of the system, with bytes that are not UTF-8 as `\xE9`.
pub(crate) fn bytes(text: &OsStr) -> String {
    let mut shown = String::new();
    for chunk in text.as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _written = write!(shown, "\\x{byte:02X}");
        }
    }
    shown
}

/// Whether a character controls how others are shown instead of being shown itself.
pub(crate) fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A value as JSON for a terminal: what would control it, or reorder what is read, is escaped as JSON escapes.
///
/// # Errors
/// When the value cannot be written as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    let mut json = String::with_capacity(text.len());
    for character in text.chars() {
        // Such characters stand in strings only, but for the line ends between values.
        if misleads(character) && character != '\n' {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                let _ = write!(json, "\\u{unit:04x}");
            }
        } else {
            json.push(character);
        }
    }
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_shows_no_control() {
        let names = [
            "a\u{9b}31m",
            "b\u{202e}c",
            "d\u{1b}\r\n\u{7f}",
            "e\u{feff}é\u{2066}",
        ];
        let json = to_json(&names).unwrap_or_default();
        assert!(
            json.chars().all(|shown| shown == '\n' || !misleads(shown)),
            "{json:?}"
        );
        let read: Vec<String> = serde_json::from_str(&json).unwrap_or_default();
        assert_eq!(read, names);
    }

    #[test]
    fn controls_are_escaped() {
        let shown = Visible("a\u{1b}[31mb\r\nc\u{202e}d\u{9b}é").to_string();
        assert_eq!(shown, "a\\u{1b}[31mb\\r\\nc\\u{202e}d\\u{9b}é");
    }
}
