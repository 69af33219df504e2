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
