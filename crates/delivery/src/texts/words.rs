//! What a template can say.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::DateTime;
use phone_auth_events::{AccountChange, Carries, Message, OneTimeCode, Purpose, User};
use serde::Serialize;

use super::Style;

/// The values that a template can use.
#[derive(Serialize)]
pub(crate) struct Words<'a> {
    pub(crate) link: String,
    pub(crate) address: &'a str,
    pub(crate) language: &'a str,
    pub(crate) lifetime: Option<Lifetime>,
    /// The code, where this message is to say it.
    pub(crate) code: Option<&'a str>,
    pub(crate) code_lifetime: Option<Lifetime>,
    /// Whether the link is said beside a code.
    pub(crate) with_link: bool,
    /// The host of the site, as the last line of a text message names it, so that telephones fill the code in there alone.
    pub(crate) host: &'a str,
    pub(crate) site: &'a str,
    pub(crate) site_name: &'a str,
    pub(crate) user: &'a User,
    /// What was changed, by its name, and which address, if the message is a notice.
    pub(crate) change: Option<&'a str>,
    pub(crate) changed: Option<&'a str>,
    /// When the message was enqueued: of a notice, when the change was made.
    pub(crate) at: Option<String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(message: &'a dyn Message, language: &'a str, style: &'a Style) -> Self {
        let envelope = message.envelope();
        let carries = match message.purpose() {
            // Its link only leads to where the code is typed.
            Purpose::Confirm => Carries::Code,
            _ => style.carries.to(message.destination().as_str()),
        };
        let code = envelope.code.as_ref().filter(|_| carries != Carries::Link);
        let until = envelope.code_expires_at.filter(|_| code.is_some());
        let code_lifetime = until.and_then(|until| until.duration_since(SystemTime::now()).ok());
        Self {
            code: code.map(OneTimeCode::as_str),
            code_lifetime: code_lifetime.map(Lifetime::of),
            with_link: carries != Carries::Code,
            host: style.host(),
            link: message.url().absolute(&style.site),
            address: message.destination().as_str(),
            language,
            lifetime: envelope.lifetime.map(Lifetime::of),
            site: style.site.as_str(),
            site_name: style.site_name(),
            user: message.user(),
            change: message.change().map(AccountChange::name),
            changed: message.change().and_then(|it| it.address().or(it.day())),
            at: message.envelope().enqueued_at.and_then(time_text),
        }
    }
}

/// A time to the minute, `2026-11-27 06:40 UTC`.
fn time_text(time: SystemTime) -> Option<String> {
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let time = DateTime::from_timestamp(seconds.try_into().ok()?, 0)?;
    Some(time.format("%Y-%m-%d %H:%M UTC").to_string())
}

/// A length of time as one says it: the largest unit of which there are two or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Lifetime {
    pub(super) count: u64,
    pub(super) unit: &'static str,
}

impl Lifetime {
    /// Rounded to the minute, then down: a link that works for a day is not said to work for 23 hours
    /// because its message waited for a second.
    pub(super) fn of(lifetime: Duration) -> Self {
        let minutes = (lifetime.as_secs().saturating_add(30) / 60).max(1);
        let (count, unit) = match minutes {
            0..120 => (minutes, "minutes"),
            120..2880 => (minutes / 60, "hours"),
            _ => (minutes / 1440, "days"),
        };
        Self { count, unit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetime_is_said_shortly() {
        for (seconds, count, unit) in [
            (0, 1, "minutes"),
            (59, 1, "minutes"),
            (599, 10, "minutes"),
            (3_600, 60, "minutes"),
            (7_199, 2, "hours"),
            (86_399, 24, "hours"),
            (86_400, 24, "hours"),
            (2 * 86_400, 2, "days"),
            (14 * 86_400, 14, "days"),
        ] {
            let said = Lifetime::of(Duration::from_secs(seconds));
            assert_eq!(said, Lifetime { count, unit }, "{seconds}");
        }
    }
}
