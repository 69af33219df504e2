//! Times as Django writes them on SQLite: `YYYY-MM-DD HH:MM:SS[.ffffff]`, in UTC or as a clock on its wall has it.
//!
//! The fraction is left out when it is zero. Both forms sort as texts in the order of their times,
//! for a text that ends sorts before one that goes on, and so they can be compared in SQL.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike, Utc};

use crate::zone::Zone;

/// A time in the years that four digits can hold, cut to microseconds.
pub(crate) fn to_text(time: DateTime<Utc>) -> Option<String> {
    let year = u32::try_from(time.year())
        .ok()
        .filter(|year| (1..=9999).contains(year))?;
    // A leap second counts as the last microsecond of the second before it.
    let micros = (time.nanosecond() / 1_000).min(999_999);
    let mut text = String::with_capacity(26);
    push(&mut text, year, 4);
    for (before, number) in [
        ('-', time.month()),
        ('-', time.day()),
        (' ', time.hour()),
        (':', time.minute()),
        (':', time.second()),
    ] {
        text.push(before);
        push(&mut text, number, 2);
    }
    if micros > 0 {
        text.push('.');
        push(&mut text, micros, 6);
    }
    Some(text)
}

/// The same, as a clock in a zone shows it.
pub(crate) fn to_text_in(zone: &Zone, time: DateTime<Utc>) -> Option<String> {
    let in_utc = to_text(time)?;
    match zone.clock() {
        None => Some(in_utc),
        Some(clock) => to_text(clock.shown(time).and_utc()),
    }
}

/// Reads a time, with a fraction of up to six digits or without.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    let (whole, fraction) = bytes.split_at_checked(19)?;
    let part = |from: usize, to: usize| number(whole.get(from..to)?);
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if separators
        .iter()
        .any(|(at, byte)| whole.get(*at) != Some(byte))
    {
        return None;
    }
    let micros = match fraction.split_first() {
        None => 0,
        Some((b'.', digits)) if (1..=6).contains(&digits.len()) => {
            let missing = u32::try_from(6 - digits.len()).ok()?;
            number(digits)? * 10_u32.pow(missing)
        }
        Some(_) => return None,
    };
    let year = i32::try_from(part(0, 4)?).ok()?;
    NaiveDate::from_ymd_opt(year, part(5, 7)?, part(8, 10)?)?
        .and_hms_micro_opt(part(11, 13)?, part(14, 16)?, part(17, 19)?, micros)
        .map(|time| time.and_utc())
}

/// Reads a time in any form that Django reads: another program, or a hand, may have written it. Without
/// an offset it is one of the zone, without a time midnight. A time outside of the years 1 to 9999, which Python does
/// not know either, cannot be read.
pub(crate) fn parse_any(text: &[u8], zone: &Zone) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let naive = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let aware = |format| DateTime::parse_from_str(text, format).ok();
    let in_zone = |shown| in_zone(zone, shown);
    let shown = || {
        [
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
        ]
        .into_iter()
        .find_map(naive)
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })
    };
    parse(text)
        .map(|time| in_zone(time.naive_utc()))
        .or_else(|| Some(Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())))
        .or_else(|| Some(Some(aware("%Y-%m-%d %H:%M:%S%.f%#z")?.to_utc())))
        .or_else(|| shown().map(in_zone))?
        .filter(|time| is_readable(time.year()))
}

/// Whether four digits hold a year, and Python knows it.
fn is_readable(year: i32) -> bool {
    (1..=9999).contains(&year)
}

/// A time as a clock in a zone shows it. The zones know no times at the ends of what chrono does.
fn in_zone(zone: &Zone, shown: NaiveDateTime) -> Option<DateTime<Utc>> {
    let is_asked = zone.clock().is_none() || is_readable(shown.year());
    is_asked.then(|| zone.time(shown))
}

/// Appends a number with leading zeros.
fn push(text: &mut String, number: u32, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        text.extend(char::from_digit(digit, 10));
    }
}

/// A number of ASCII digits only; at most six of them, so it fits.
fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| {
        let value = digit.checked_sub(b'0').filter(|value| *value < 10)?;
        Some(sum * 10 + u32::from(value))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use chrono::{DateTime, Utc};
    use phone_auth_django::TimeZone;

    use super::{Zone, parse, parse_any, to_text, to_text_in};

    fn zone(name: &str) -> Zone {
        Zone::of(TimeZone::named(name).unwrap())
    }

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_written_as_django_does() {
        let cases = [
            ("2024-01-02T03:04:05Z", "2024-01-02 03:04:05"),
            ("2024-12-31T23:59:59.000001Z", "2024-12-31 23:59:59.000001"),
            ("2024-01-02T03:04:05.12Z", "2024-01-02 03:04:05.120000"),
            (
                "2024-01-02T03:04:05.999999999Z",
                "2024-01-02 03:04:05.999999",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01 00:00:00"),
            ("2016-12-31T23:59:60Z", "2016-12-31 23:59:59.999999"),
        ];
        for (given, expected) in cases {
            assert_eq!(to_text(time(given)).as_deref(), Some(expected));
        }
    }

    #[test]
    fn both_forms_are_read() {
        let cases = [
            ("2024-01-02 03:04:05", "2024-01-02T03:04:05Z"),
            ("2024-01-02 03:04:05.678901", "2024-01-02T03:04:05.678901Z"),
            ("2024-01-02 03:04:05.12", "2024-01-02T03:04:05.12Z"),
            ("9999-12-31 23:59:59.999999", "9999-12-31T23:59:59.999999Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Some(time(expected)), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let texts = [
            "",
            "2024-01-02",
            "2024-01-02T03:04:05",
            "2024-01-02 03:04:05Z",
            "2024-01-02 03:04:05+00:00",
            "2024-01-02 03:04:05.",
            "2024-01-02 03:04:05.1234567",
            "2024-01-02 03:04:05.12a",
            "2024-02-30 03:04:05",
            "2024-01-02 24:00:00",
            "2024-01-02 03:04:60",
            "+024-01-02 03:04:05",
            "２０２４-01-02 03:04:05",
            "ﾊﾊﾊﾊﾊﾊﾊ",
        ];
        for text in texts {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_of_others_are_read() {
        for text in [
            "2024-01-02 03:04:05",
            "2024-01-02 03:04:05.000000000",
            "2024-01-02T03:04:05",
            "2024-01-02T03:04:05Z",
            "2024-01-02T05:04:05+02:00",
            "2024-01-02 03:04:05+00:00",
            "2024-01-02 03:04:05+00",
            " 2024-01-02 03:04:05 ",
        ] {
            let expected = Some(time("2024-01-02T03:04:05Z"));
            assert_eq!(parse_any(text.as_bytes(), &Zone::UTC), expected, "{text}");
        }
        let zone = zone("Asia/Kolkata");
        for (text, expected) in [
            ("2024-01-02 08:34:05", "2024-01-02T03:04:05Z"),
            ("2024-01-02T08:34:05.5", "2024-01-02T03:04:05.5Z"),
            ("2024-01-02", "2024-01-01T18:30:00Z"),
            // It says itself what it means.
            ("2024-01-02 03:04:05+00:00", "2024-01-02T03:04:05Z"),
        ] {
            assert_eq!(
                parse_any(text.as_bytes(), &zone),
                Some(time(expected)),
                "{text}"
            );
        }
        let written = to_text_in(&zone, time("2024-01-02T03:04:05.5Z"));
        assert_eq!(written.as_deref(), Some("2024-01-02 08:34:05.500000"));
        let midnight = Some(time("2024-01-02T00:00:00Z"));
        assert_eq!(parse_any(b"2024-01-02", &Zone::UTC), midnight);
        assert_eq!(parse_any(b"2024-01-02 00:00", &Zone::UTC), midnight);
        for text in [
            &b""[..],
            b"yesterday",
            b"2024-02-30",
            b"\xff",
            b"1704164645",
        ] {
            assert_eq!(parse_any(text, &Zone::UTC), None, "{text:?}");
        }
    }

    #[test]
    fn years_out_of_bounds_are_not_read() {
        // Nor do they panic, in any zone: east of UTC the first of January 1 is in the year 0 there.
        let zones = [
            "UTC",
            "Asia/Kolkata",
            "America/New_York",
            "Pacific/Kiritimati",
        ];
        for zone in zones.map(zone) {
            for text in [
                "0000-01-01 00:00:00",
                "0000-12-31 23:59:59.999999",
                "+10000-01-01 00:00:00",
                "10000-01-01 00:00:00",
                "-0001-01-01 00:00:00",
                "+262142-12-31 23:59:59",
                "+262142-12-31T23:59:59",
                "-262143-01-01 00:00",
                "+262142-12-31",
                "-262143-01-01",
                "+262142-12-31 23:59:59-14:00",
                "9999-12-31T23:59:59-23:59",
                "0001-01-01T00:00:00+23:59",
                "infinity",
                "-infinity",
                "NaN",
            ] {
                assert_eq!(parse_any(text.as_bytes(), &zone), None, "{zone:?} {text}");
            }
            for text in ["0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"] {
                let read = parse_any(text.as_bytes(), &zone);
                let year = read.map(|time| time.format("%Y").to_string());
                let expected = [None, Some("0001"), Some("9999")];
                assert!(expected.contains(&year.as_deref()), "{zone:?} {text}");
                let _written = read.and_then(|time| to_text_in(&zone, time));
            }
        }
    }

    #[test]
    fn years_past_four_digits_are_refused() {
        for year in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            assert_eq!(to_text(year), None);
        }
    }

    #[test]
    fn texts_sort_like_their_times() {
        let base = time("2024-01-02T03:04:05Z");
        let micros = [0, 1, 9, 10, 99_999, 100_000, 999_999, 1_000_000];
        let texts: Vec<_> = micros
            .iter()
            .map(|it| to_text(base + chrono::Duration::microseconds(*it)).unwrap())
            .collect();
        assert!(texts.is_sorted(), "{texts:?}");
    }
}
