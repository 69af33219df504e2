//! What the guide says of the limits is so.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use phone_auth_core::limits::{LimitSettings, RateLimit};

/// A rate as the guide says it: `30/min` is "30 a minute", `5/5min` "5 in 5 minutes".
fn words(rate: RateLimit) -> String {
    let text = rate.to_string();
    let (count, per) = text.split_once('/').unwrap();
    let digits = per.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = per.split_at(digits);
    let (article, unit) = match unit {
        "s" => ("a", "second"),
        "min" => ("a", "minute"),
        "h" => ("an", "hour"),
        "d" => ("a", "day"),
        other => unreachable!("{other}"),
    };
    match (count, number) {
        ("1", number) => format!("one in {number} {unit}s"),
        (count, "" | "1") => format!("{count} {article} {unit}"),
        (count, number) => format!("{count} in {number} {unit}s"),
    }
}

#[test]
fn guide_says_the_defaults() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/limits.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let defaults = LimitSettings::default();
    for (setting, default) in [
        ("log_ins", words(defaults.log_ins)),
        ("failed_log_ins", words(defaults.failed_log_ins)),
        ("account_failures", words(defaults.account_failures)),
        (
            "failures_in_a_row",
            format!("{} in all", defaults.failures_in_a_row),
        ),
        ("resets", words(defaults.resets)),
        ("resets_of_address", words(defaults.resets_of_address)),
        ("sign_ups", words(defaults.sign_ups)),
        (
            "phone_verification_pause",
            words(defaults.phone_verification_pause),
        ),
        ("phone_verifications", words(defaults.phone_verifications)),
        ("email_verifications", words(defaults.email_verifications)),
        ("added_addresses", words(defaults.added_addresses)),
        ("password_checks", words(defaults.password_checks)),
        (
            "wrong_codes_in_a_row",
            format!("{} in all", defaults.wrong_codes_in_a_row),
        ),
    ] {
        let name = format!("`limit_{setting}`");
        let rows = guide.lines().filter(|line| line.starts_with('|'));
        let mut rows = rows.filter_map(|row| {
            let mut cells = row.rsplit('|').skip(1);
            Some((cells.next()?, cells.next()?))
        });
        let is_said =
            rows.any(|(setting, said)| setting.contains(&name) && said.contains(&default));
        assert!(is_said, "{name} is {default}");
    }
    let budget = format!("`sms_site_budget`, {},", defaults.text_site_budget);
    assert!(guide.contains(&budget), "{budget}");
}
