//! Which status means what.

use std::ops::RangeInclusive;
use std::str::FromStr;

use phone_auth_events::{Retry, Undelivered};

use super::Answer;
use super::confirmation::{Condition, Unmet};
use crate::{BuildError, BuildErrorKind};

/// A set of HTTP statuses, written as `2xx, 404, 500-503`.
///
/// # Examples
/// ```
/// use phone_auth_delivery::StatusSet;
///
/// let set: StatusSet = "2xx, 404, 500-503".parse()?;
/// assert!(set.contains(204) && set.contains(502) && !set.contains(400));
/// assert!("2xy".parse::<StatusSet>().is_err());
/// # Ok::<(), phone_auth_delivery::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(Vec<RangeInclusive<u16>>);

impl StatusSet {
    /// The statuses from the first to the last of each range.
    pub fn new(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Self {
        Self(ranges.into_iter().collect())
    }

    /// Whether a status is in it.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }

    fn overlaps(&self, other: &Self) -> bool {
        (100..=599).any(|status| self.contains(status) && other.contains(status))
    }
}

impl FromStr for StatusSet {
    type Err = BuildError;

    fn from_str(text: &str) -> Result<Self, BuildError> {
        let ranges = text.split(',').map(|part| range(part.trim()));
        ranges
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| BuildError::new(BuildErrorKind::Statuses))
    }
}

/// `2xx`, `404` or `500-503`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let is_status = |status: &u16| (100..=599).contains(status);
    let status = |text: &str| text.parse().ok().filter(is_status);
    if let Some(class) = text.strip_suffix("xx") {
        let first = class.parse::<u16>().ok()?.checked_mul(100)?;
        return is_status(&first).then(|| first..=first + 99);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some(first..=last)
}

/// What the answers of one gateway mean.
#[derive(Clone, Debug)]
pub(crate) struct Statuses {
    success: StatusSet,
    never: StatusSet,
    /// The codes that mean never, of a gateway that has them. Its status alone does not say so then.
    never_codes: Option<&'static [u64]>,
    /// What a success says besides its status.
    conditions: Vec<Condition>,
}

/// Whether a status leaves open what became of a message, where it is neither a success nor a final refusal. To be wrong costs
/// less if it does: a text message is counted for a day that was not sent, else a site pays for many that count as none.
///
/// - 2xx that the site does not list: the other side has taken something.
/// - 302 and 303: what is often answered to a form that was taken (RFC 9110, 15.4.4). After the other redirects it would have to
///   be sent once more.
/// - 408: the other side waited for too long, perhaps for what comes after the message.
/// - 5xx: one who has taken it failed, or a proxy had no answer from them. Cloudflare's 522 is also told where the other side
///   took the connection and then did not acknowledge the request, which may have arrived. Only these say that nothing was
///   taken: 501 and 505, that it was not understood; 503, that none is taken now (RFC 9110, 15.6.4), with or without
///   `Retry-After`; and 521, 523, 525 and 526, that no connection came about.
const fn is_untold(status: u16) -> bool {
    match status {
        501 | 503 | 505 | 521 | 523 | 525 | 526 => false,
        200..=299 | 302 | 303 | 408 | 500..=599 => true,
        _ => false,
    }
}

impl Statuses {
    /// # Errors
    /// `Statuses` when one means two things.
    pub(crate) fn new(success: StatusSet, never: StatusSet) -> Result<Self, BuildError> {
        if success.overlaps(&never) {
            return Err(BuildError::new(BuildErrorKind::Statuses));
        }
        Ok(Self {
            success,
            never,
            never_codes: None,
            conditions: Vec::new(),
        })
    }

    /// Those whose never is told by these codes, and whose success meets these conditions.
    ///
    /// # Errors
    /// `Confirmation`.
    #[cfg(feature = "sms-gateway")]
    pub(crate) fn with(
        self,
        never_codes: Option<&'static [u64]>,
        conditions: Vec<Condition>,
    ) -> Result<Self, BuildError> {
        conditions.iter().try_for_each(Condition::check)?;
        Ok(Self {
            never_codes,
            conditions,
            ..self
        })
    }

    /// Whether the body of an answer says what became of a message.
    pub(crate) fn need_body(&self) -> bool {
        !self.conditions.is_empty()
    }

    /// What an answer means: success, or not, and then whether to try again.
    pub(crate) fn judge(&self, answer: &Answer, whom: &str) -> Result<(), Undelivered> {
        let status = answer.status;
        let unmet = if self.success.contains(status) {
            let Some(unmet) = self.unmet(answer) else {
                return Ok(());
            };
            Some(unmet)
        } else {
            None
        };
        let retry = match answer.retry_after {
            _ if self.is_never(answer) => Retry::Never,
            Some(wait) => Retry::After(wait),
            None => Retry::Later,
        };
        // A success that says that it is none is a refusal, whatever else of it is not as it must be.
        let is_untold = match &unmet {
            Some(unmet) => !unmet.is_refusal,
            None => is_untold(status) && retry != Retry::Never,
        };
        let reason = match (unmet, answer.code) {
            (Some(Unmet { why, .. }), _) => {
                format!("the {whom} answered {status}, but no success ({why})")
            }
            (None, Some(code)) => format!("the {whom} answered {status} (code {code})"),
            (None, None) => format!("the {whom} answered {status}"),
        };
        let failure = Undelivered::new(retry, reason);
        Err(if is_untold {
            failure.unsure()
        } else {
            failure.unsent()
        })
    }

    fn is_never(&self, answer: &Answer) -> bool {
        let says = |codes: &[u64]| answer.code.is_some_and(|code| codes.contains(&code));
        self.never.contains(answer.status) && self.never_codes.is_none_or(says)
    }

    /// What a success lacks: first of all what says that it is none.
    fn unmet(&self, answer: &Answer) -> Option<Unmet> {
        if self.conditions.is_empty() {
            return None;
        }
        let Some(body) = &answer.body else {
            return Some(Unmet::untold("it did not come whole"));
        };
        let conditions = self.conditions.iter();
        let unmet = conditions.filter_map(|condition| condition.meets(body).err());
        unmet.min_by_key(|unmet| !unmet.is_refusal)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use super::*;

    #[test]
    fn odd_sets_are_refused() {
        for text in [
            "", "2xx,", "99", "600", "6xx", "0xx", "300-200", "2-3xx", "655xx", "200 300",
        ] {
            assert!(text.parse::<StatusSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn statuses_that_tell_nothing_are_in_doubt() {
        let statuses = Statuses::new("2xx".parse().unwrap(), "410, 501-502".parse().unwrap());
        let statuses = statuses.unwrap();
        for (status, expected) in [
            (301, false),
            (303, true),
            (400, false),
            (408, true),
            (429, false),
            (500, true),
            // The site says that it means no.
            (502, false),
            (503, false),
            (504, true),
            (520, true),
            (521, false),
            (522, true),
            (524, true),
            (599, true),
        ] {
            for retry_after in [None, Some(Duration::from_secs(7))] {
                let answer = Answer::new(status, retry_after, None);
                let failure = statuses.judge(&answer, "gateway").unwrap_err();
                let is_doubted = Undelivered::may_have_gone_out(&failure);
                assert_eq!(is_doubted, expected, "{status}, {retry_after:?}");
            }
        }
    }

    #[test]
    #[cfg(feature = "sms-gateway")]
    fn success_that_does_not_say_so_is_in_doubt() {
        let json = |pointer: &str, value: &str| Condition::Json {
            pointer: pointer.to_owned(),
            value: value.into(),
        };
        let has = |text: &str| Condition::Contains(text.to_owned());
        let lacks = |text: &str| Condition::Lacks(text.to_owned());
        let vonage = || vec![json("/messages/0/status", "0")];
        let texts = || vec![has("ID:"), lacks("ERR:")];
        for (conditions, status, body, expected) in [
            (vonage(), 200, r#"{"messages":[{"status":"0"}]}"#, None),
            // It says that it was refused.
            (
                vonage(),
                200,
                r#"{"messages":[{"status":"4"}]}"#,
                Some(false),
            ),
            (
                vonage(),
                200,
                r#"{"messages":[{"status":null}]}"#,
                Some(true),
            ),
            (vonage(), 200, r#"{"messages":[]}"#, Some(true)),
            (vonage(), 200, "taken", Some(true)),
            (vonage(), 200, "", Some(true)),
            // None that the site knows.
            (
                vonage(),
                202,
                r#"{"messages":[{"status":"0"}]}"#,
                Some(true),
            ),
            (texts(), 200, "ID: 7", None),
            (texts(), 200, "ERR: 114", Some(false)),
            (texts(), 200, "ID: 7, ERR: 114", Some(false)),
            (texts(), 200, "welcome", Some(true)),
        ] {
            let statuses = Statuses::new("200".parse().unwrap(), "410".parse().unwrap());
            let statuses = statuses.unwrap().with(None, conditions).unwrap();
            let answer = Answer::new(status, None, Some(body.as_bytes().to_vec()));
            let failure = statuses.judge(&answer, "gateway").err();
            let is_doubted = failure.map(|it| Undelivered::may_have_gone_out(&it));
            assert_eq!(is_doubted, expected, "{status} {body}");
        }
    }

    /// A longer number may be a phone number, or a part of a link.
    #[test]
    #[cfg(feature = "sms-gateway")]
    fn short_codes_alone_are_told() {
        for (said, told) in [
            ("4", "/status is 4"),
            ("12345678", "/status is 12345678"),
            ("123456789", "/status is not as it must be"),
            ("4a", "/status is not as it must be"),
        ] {
            let condition = Condition::Json {
                pointer: "/status".to_owned(),
                value: "0".into(),
            };
            let statuses = Statuses::new("200".parse().unwrap(), "410".parse().unwrap());
            let statuses = statuses.unwrap().with(None, vec![condition]).unwrap();
            let body = format!(r#"{{"status":"{said}"}}"#).into_bytes();
            let failure = statuses.judge(&Answer::new(200, None, Some(body)), "gateway");
            let failure = failure.unwrap_err().to_string();
            assert!(failure.ends_with(&format!("({told})")), "{failure}");
        }
    }

    #[test]
    fn statuses_mean_one_thing() {
        let statuses = |success: &str, never: &str| {
            Statuses::new(success.parse().unwrap(), never.parse().unwrap())
        };
        assert!(statuses("2xx", "400, 410").is_ok());
        assert!(statuses("200-400", "400").is_err());
    }
}
