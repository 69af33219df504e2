//! Reads the durations that options take: `"250ms"`, `"5s"`, `"2m"`.

use syn::LitStr;

/// The milliseconds that `text` names.
pub(crate) fn millis(text: &LitStr) -> syn::Result<u64> {
    let value = text.value();
    let digits = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = value.strip_prefix(digits).unwrap_or_default();
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return Err(refusal(text)),
    };
    let count: u64 = digits.parse().map_err(|_| refusal(text))?;
    match count.checked_mul(factor) {
        Some(millis) if millis > 0 => Ok(millis),
        _ => Err(refusal(text)),
    }
}

fn refusal(text: &LitStr) -> syn::Error {
    syn::Error::new(
        text.span(),
        "a time-out is a whole number above zero and a unit: `\"250ms\"`, `\"5s\"` or `\"2m\"`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    fn check(text: &str, expected: Option<u64>) {
        let literal = LitStr::new(text, Span::call_site());
        assert_eq!(millis(&literal).ok(), expected, "{text:?}");
    }

    #[test]
    fn durations_have_a_unit() {
        for (text, expected) in [("1ms", 1), ("250ms", 250), ("5s", 5_000), ("2m", 120_000)] {
            check(text, Some(expected));
        }
    }

    #[test]
    fn other_durations_are_refused() {
        for text in [
            "",
            "5",
            "s",
            "0s",
            "-1s",
            "1.5s",
            "5 s",
            "5h",
            "5S",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            check(text, None);
        }
    }
}
