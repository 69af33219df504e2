//! Which status means what.

use std::ops::RangeInclusive;
use std::str::FromStr;

use phone_auth_events::{Retry, Undelivered};

use super::Answer;
use super::confirmation::Condition;
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

/// The statuses that do not tell what became of a message: one who has taken it failed or waited for too long, or a proxy had no
/// answer from them. 520 and 524 are those of Cloudflare.
const UNTOLD: [u16; 6] = [408, 500, 502, 504, 520, 524];

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
        let is_success = self.success.contains(status);
        let unmet = if is_success { self.unmet(answer) } else { None };
        if is_success && unmet.is_none() {
            return Ok(());
        }
        let retry = match answer.retry_after {
            _ if self.is_never(answer) => Retry::Never,
            Some(wait) => Retry::After(wait),
            None => Retry::Later,
        };
        let reason = match (unmet, answer.code) {
            (Some(unmet), _) => format!("the {whom} answered {status}, but no success ({unmet})"),
            (None, Some(code)) => format!("the {whom} answered {status} (code {code})"),
            (None, None) => format!("the {whom} answered {status}"),
        };
        let failure = Undelivered::new(retry, reason);
        let is_untold = UNTOLD.contains(&status) && failure.retry() != Retry::Never;
        let is_untold = is_untold || (is_success && answer.body.is_none());
        Err(if is_untold { failure.unsure() } else { failure })
    }

    fn is_never(&self, answer: &Answer) -> bool {
        let says = |codes: &[u64]| answer.code.is_some_and(|code| codes.contains(&code));
        self.never.contains(answer.status) && self.never_codes.is_none_or(says)
    }

    /// What a success lacks.
    fn unmet(&self, answer: &Answer) -> Option<String> {
        if self.conditions.is_empty() {
            return None;
        }
        let Some(body) = &answer.body else {
            return Some("it did not come whole".to_owned());
        };
        self.conditions
            .iter()
            .find_map(|condition| condition.meets(body).err())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

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
            (524, true),
        ] {
            let answer = Answer::new(status, None, None);
            let failure = statuses.judge(&answer, "gateway").unwrap_err();
            let is_doubted = Undelivered::may_have_gone_out(&failure);
            assert_eq!(is_doubted, expected, "{status}");
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
