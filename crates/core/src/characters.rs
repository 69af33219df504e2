//! What kinds of characters there are, by the tables of the Unicode standard.

use std::borrow::Cow;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointMapDataBorrowed, CodePointSetData};

const CATEGORIES: CodePointMapDataBorrowed<'static, GeneralCategory> =
    CodePointMapData::<GeneralCategory>::new();

/// The value of a decimal digit of any script, as an ASCII digit.
///
/// The digits of a script stand in a row that begins with its zero (Unicode 16.0, 4.6), and rows that touch have ten
/// digits each. So the distance to the first of them tells the value.
pub(crate) fn decimal_digit(c: char) -> Option<char> {
    if c.is_ascii() {
        return c.is_ascii_digit().then_some(c);
    }
    let is_digit = |code: u32| CATEGORIES.get32(code) == GeneralCategory::DecimalNumber;
    if !is_digit(u32::from(c)) {
        return None;
    }
    let before = (0..u32::from(c)).rev().take_while(|code| is_digit(*code));
    let value = u32::try_from(before.count()).ok()? % 10;
    char::from_digit(value, 10)
}

/// Whether a character is not there to be seen: it formats others, as marks of direction and spaces without a width do.
pub(crate) fn is_format(c: char) -> bool {
    CATEGORIES.get(c) == GeneralCategory::Format
}

/// Whether it is a space that does not end a line.
pub(crate) fn is_space(c: char) -> bool {
    c == '\t' || CATEGORIES.get(c) == GeneralCategory::SpaceSeparator
}

/// Whether it is a dash, a hyphen or a minus sign, or the mark of a long vowel, which is what the key of the dash gives on
/// Japanese keyboards.
pub(crate) fn is_dash(c: char) -> bool {
    matches!(c, '\u{2212}' | '\u{30FC}' | '\u{FF70}')
        || CATEGORIES.get(c) == GeneralCategory::DashPunctuation
}

/// Whether a reader sees anything of a character that stands alone.
pub(crate) fn is_visible(c: char) -> bool {
    let is_blank = match CATEGORIES.get(c) {
        GeneralCategory::Control
        | GeneralCategory::Format
        | GeneralCategory::SpaceSeparator
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator
        | GeneralCategory::NonspacingMark
        | GeneralCategory::EnclosingMark => true,
        // The pattern of Braille without a dot, and a note without a head.
        _ => matches!(c, '\u{2800}' | '\u{1D159}'),
    };
    !is_blank && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
}

/// The text with letters and their accents composed (Unicode normalisation form C).
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfc().normalize(text)
}

/// The text with characters that differ in looks only made the same, as full-width letters and ligatures (Unicode
/// normalisation form KC).
pub(crate) fn without_looks(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_scripts_have_values() {
        for (zero, script) in [
            ('0', "ASCII"),
            ('\u{660}', "Arabic"),
            ('\u{6F0}', "Persian"),
            ('\u{966}', "Devanagari"),
            ('\u{9E6}', "Bengali"),
            ('\u{E50}', "Thai"),
            ('\u{1040}', "Myanmar"),
            ('\u{FF10}', "full-width"),
            ('\u{1D7CE}', "bold"),
            ('\u{1D7D8}', "double-struck"),
            ('\u{1D7F6}', "monospace"),
        ] {
            for value in 0..10_u32 {
                let digit = char::from_u32(u32::from(zero) + value);
                let plain = digit.and_then(decimal_digit);
                assert_eq!(plain, char::from_digit(value, 10), "{script} {value}");
            }
        }
        for other in [
            'a', '\u{b2}', '\u{bd}', '\u{2460}', '\u{3007}', '\u{216B}', '\u{4E00}',
        ] {
            assert_eq!(decimal_digit(other), None, "{other}");
        }
    }

    #[test]
    fn blank_characters_are_not_visible() {
        for c in [
            ' ',
            '\t',
            '\u{A0}',
            '\u{AD}',
            '\u{34F}',
            '\u{115F}',
            '\u{1160}',
            '\u{17B4}',
            '\u{180E}',
            '\u{200B}',
            '\u{200D}',
            '\u{2060}',
            '\u{2800}',
            '\u{3000}',
            '\u{3164}',
            '\u{FE0F}',
            '\u{FEFF}',
            '\u{FFA0}',
            '\u{E0041}',
            '\u{E01EF}',
            '\u{301}',
        ] {
            assert!(!is_visible(c), "{:x}", u32::from(c));
        }
        for c in [
            'a',
            '-',
            '\'',
            'é',
            '\u{5D0}',
            '\u{93E}',
            '\u{1F434}',
            '\u{4E2D}',
        ] {
            assert!(is_visible(c), "{c}");
        }
    }
}
