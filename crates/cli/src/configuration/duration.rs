//! Lengths of time as users write them.

use std::time::Duration;

/// The longest that any setting may last. Past it, dates overflow and promises are empty.
const LONGEST: Duration = Duration::from_hours(10 * 365 * 24);

/// Reads `14 days`, `10m`, `1h 30m`, `250 ms`, or a bare number of seconds.
///
/// `None` when it is none of these, or longer than ten years.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return from_seconds(seconds);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (number, after) = take_while(rest, |c| c.is_ascii_digit());
        let (unit, after) = take_while(after.trim_start(), |c| c.is_ascii_alphabetic());
        let number: u32 = number.parse().ok()?;
        total = total.checked_add(of_unit(unit)?.checked_mul(number)?)?;
        rest = after.trim_start();
    }
    (!text.is_empty() && total <= LONGEST).then_some(total)
}

/// A number of seconds, if it is not too long.
pub(super) fn from_seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds)).filter(|duration| *duration <= LONGEST)
}

fn of_unit(unit: &str) -> Option<Duration> {
    Some(match unit {
        "ms" | "millisecond" | "milliseconds" => Duration::from_millis(1),
        "s" | "sec" | "second" | "seconds" => Duration::from_secs(1),
        "m" | "min" | "minute" | "minutes" => Duration::from_mins(1),
        "h" | "hour" | "hours" => Duration::from_hours(1),
        "d" | "day" | "days" => Duration::from_hours(24),
        "w" | "week" | "weeks" => Duration::from_hours(7 * 24),
        _ => return None,
    })
}

fn take_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_forms_are_read() {
        for (text, seconds) in [
            ("600", 600),
            ("10m", 600),
            ("10 minutes", 600),
            ("14 days", 14 * 86_400),
            ("1h 30m", 5_400),
            ("1h30m", 5_400),
            ("2 weeks", 14 * 86_400),
            (" 24 h ", 86_400),
            ("0", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        assert_eq!(parse("250 ms"), Some(Duration::from_millis(250)));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            " ",
            "m",
            "10 parsecs",
            "-1",
            "1.5h",
            "10 m x",
            "99999999999 weeks",
            "11 d 4000 weeks",
            "4294967295 weeks",
            "١٠m",
            "1 y",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
