//! How a receiver of a message says that it could not deliver it, and whether to try again.

use crate::BoxError;
use std::{error::Error, fmt, time::Duration};

/// Whether to try again to deliver a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Later, when the back-off of the outbox says. It is what an error means that says nothing else, so it is taken that the
    /// message [may have gone out](Undelivered::unsent).
    Later,
    /// Not before this time has passed, as a gateway asks by `Retry-After` (RFC 9110, 10.2.3).
    After(Duration),
    /// Never: it would fail in the same way again, as for an address that the other side refuses.
    Never,
    /// It is no message of this receiver, as one by a [channel](crate::Channel) that it does not send by. The receivers of lower
    /// priority are called as always; a message that none of them takes is given up.
    NotMine,
}

/// A message was not delivered. A receiver that knows whether to try again fails with it; any other error is taken for
/// [`Retry::Later`], and for one after which the message [may have gone out](Self::may_have_gone_out).
///
/// What [`Display`](fmt::Display) shows is kept with a message that is given up. It must not repeat the link.
///
/// # Examples
/// ```
/// use phone_auth_events::{BoxError, Retry, Undelivered, VerifyPhone, receiver, verify_phone};
///
/// #[receiver(verify_phone)]
/// fn refuse_premium_numbers(event: &VerifyPhone) -> Result<(), Undelivered> {
///     if event.phone.starts_with("+882") {
///         return Err(Undelivered::new(Retry::Never, "no messages to satellite phones"));
///     }
///     Ok(())
/// }
///
/// let refused: BoxError = Undelivered::new(Retry::Never, "no such mailbox").into();
/// assert_eq!(Undelivered::retry_after(&*refused), Retry::Never);
/// let other: BoxError = "the disk is full".into();
/// assert_eq!(Undelivered::retry_after(&*other), Retry::Later);
/// ```
#[derive(Debug)]
pub struct Undelivered {
    reason: String,
    answer: Answer,
}

/// Whether to try again, as a cause of its own: what wraps errors, such as `anyhow`, may hide the type of the one it is
/// given, but never that of its cause.
#[derive(Debug)]
struct Answer {
    retry: Retry,
    may_have_gone_out: bool,
    source: Option<BoxError>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.retry {
            Retry::Later | Retry::After(_) => "it is tried again later",
            Retry::Never => "it is not tried again",
            Retry::NotMine => "it is for another receiver",
        })
    }
}

impl Error for Answer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Undelivered {
    /// A message that was not delivered for this reason, a lower-case fragment. By [`Later`](Retry::Later) nobody says whether it
    /// has gone out, so it is taken that it may have, unless this says [`unsent`](Self::unsent); by any other the other side has
    /// answered, and it has not, unless this says [`unsure`](Self::unsure).
    pub fn new(retry: Retry, reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            answer: Answer {
                retry,
                may_have_gone_out: retry == Retry::Later,
                source: None,
            },
        }
    }

    /// It is no message of this receiver: another is to send it. See [`Retry::NotMine`].
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{BoxError, Retry, Undelivered};
    ///
    /// let answer: BoxError = Undelivered::not_mine().into();
    /// assert_eq!(Undelivered::retry_after(&*answer), Retry::NotMine);
    /// ```
    pub fn not_mine() -> Self {
        Self::new(Retry::NotMine, "it does not send such messages")
    }

    /// As [`new`](Self::new), with the error that it comes from.
    pub fn with_source(
        retry: Retry,
        reason: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        let mut undelivered = Self::new(retry, reason);
        undelivered.answer.source = Some(source.into());
        undelivered
    }

    /// The same where the message may have gone out all the same, as when the other side does not answer: a text message is
    /// counted as sent then, whatever becomes of it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{BoxError, Retry, Undelivered};
    ///
    /// let slow = Retry::After(std::time::Duration::from_secs(60));
    /// let untold: BoxError = Undelivered::new(slow, "the gateway answered 500").unsure().into();
    /// assert!(Undelivered::may_have_gone_out(&*untold));
    /// let refused: BoxError = Undelivered::new(Retry::Never, "no such number").into();
    /// assert!(!Undelivered::may_have_gone_out(&*refused));
    /// ```
    #[must_use]
    pub fn unsure(mut self) -> Self {
        self.answer.may_have_gone_out = true;
        self
    }

    /// The same where it is known that the message has not gone out, as when the other side cannot be reached or takes none
    /// now: a text message that never is sent costs nobody's budget then.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{BoxError, Retry, Undelivered};
    ///
    /// let unanswered: BoxError = Undelivered::new(Retry::Later, "no answer").into();
    /// assert!(Undelivered::may_have_gone_out(&*unanswered));
    /// let away: BoxError = Undelivered::new(Retry::Later, "no route to the gateway").unsent().into();
    /// assert!(!Undelivered::may_have_gone_out(&*away));
    /// ```
    #[must_use]
    pub fn unsent(mut self) -> Self {
        self.answer.may_have_gone_out = false;
        self
    }

    /// Whether to try again.
    pub const fn retry(&self) -> Retry {
        self.answer.retry
    }

    /// Whether to try again after any error of a receiver: what the first `Undelivered` says that is it or stands behind
    /// it, so that a receiver may wrap one, by a type of its own or by `anyhow`.
    pub fn retry_after(error: &(dyn Error + Send + Sync + 'static)) -> Retry {
        Self::answer_of(error).map_or(Retry::Later, |answer| answer.retry)
    }

    /// Whether the message may have gone out all the same: what the same `Undelivered` [says](Self::new). Of any other error
    /// it is taken that it may, as that of a connection which breaks off while the answer is read.
    pub fn may_have_gone_out(error: &(dyn Error + Send + Sync + 'static)) -> bool {
        Self::answer_of(error).is_none_or(|answer| answer.may_have_gone_out)
    }

    fn answer_of<'a>(error: &'a (dyn Error + Send + Sync + 'static)) -> Option<&'a Answer> {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(undelivered) = error.downcast_ref::<Self>() {
                return Some(&undelivered.answer);
            }
            if let Some(answer) = error.downcast_ref::<Answer>() {
                return Some(answer);
            }
            next = error.source();
        }
        None
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Undelivered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wrapper of an application's own.
    #[derive(Debug)]
    struct Wrapper(BoxError);

    impl fmt::Display for Wrapper {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the mailer failed")
        }
    }

    impl Error for Wrapper {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&*self.0)
        }
    }

    #[test]
    fn wrapped_answer_is_found() {
        let never = || Undelivered::new(Retry::Never, "no such mailbox");
        let soon = Retry::After(Duration::from_secs(7));
        let cases: [(&str, BoxError, Retry); 8] = [
            ("itself", never().into(), Retry::Never),
            ("wrapped", Wrapper(never().into()).into(), Retry::Never),
            (
                "wrapped twice",
                Wrapper(Wrapper(never().into()).into()).into(),
                Retry::Never,
            ),
            ("anyhow", anyhow::Error::new(never()).into(), Retry::Never),
            (
                "anyhow with context",
                anyhow::Error::new(never()).context("no mail").into(),
                Retry::Never,
            ),
            (
                "wrapped in anyhow",
                anyhow::Error::new(Wrapper(never().into())).into(),
                Retry::Never,
            ),
            (
                "the outer one wins",
                Undelivered::with_source(soon, "busy", never()).into(),
                soon,
            ),
            ("another", anyhow::anyhow!("disk full").into(), Retry::Later),
        ];
        for (name, error, expected) in cases {
            assert_eq!(Undelivered::retry_after(&*error), expected, "{name}");
            // Nobody has said of any other that it has not.
            let expected = name == "another";
            assert_eq!(Undelivered::may_have_gone_out(&*error), expected, "{name}");
        }
    }

    #[test]
    fn doubt_is_what_nobody_denies() {
        for (retry, is_doubted) in [
            (Retry::Later, true),
            (Retry::After(Duration::from_secs(7)), false),
            (Retry::Never, false),
            (Retry::NotMine, false),
        ] {
            let plain = || Undelivered::new(retry, "no answer");
            let sourced = || Undelivered::with_source(retry, "no answer", "broken pipe");
            let cases: [(&str, BoxError, bool); 7] = [
                ("plain", plain().into(), is_doubted),
                ("sourced", sourced().into(), is_doubted),
                ("wrapped", Wrapper(plain().into()).into(), is_doubted),
                ("anyhow", anyhow::Error::new(sourced()).into(), is_doubted),
                ("unsure", sourced().unsure().into(), true),
                ("unsent", sourced().unsent().into(), false),
                (
                    "unsent, wrapped",
                    Wrapper(plain().unsent().into()).into(),
                    false,
                ),
            ];
            for (name, error, expected) in cases {
                let found = Undelivered::may_have_gone_out(&*error);
                assert_eq!(found, expected, "{name}, {retry:?}");
            }
        }
    }
}
