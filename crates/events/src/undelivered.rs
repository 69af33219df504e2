//! How a receiver of a message says that it could not deliver it, and whether to try again.

use crate::BoxError;
use std::{error::Error, fmt, time::Duration};

/// Whether to try again to deliver a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// Later, when the back-off of the outbox says.
    Later,
    /// Not before this time has passed, as a gateway asks by `Retry-After` (RFC 9110, 10.2.3).
    After(Duration),
    /// Never: it would fail in the same way again, as for an address that the other side refuses.
    Never,
}

/// A message was not delivered. A receiver that knows whether to try again fails with it; any other error is taken for
/// [`Retry::Later`].
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
    retry: Retry,
    reason: String,
    source: Option<BoxError>,
}

impl Undelivered {
    /// A message that was not delivered for this reason, a lower-case fragment.
    pub fn new(retry: Retry, reason: impl Into<String>) -> Self {
        Self {
            retry,
            reason: reason.into(),
            source: None,
        }
    }

    /// As [`new`](Self::new), with the error that it comes from.
    pub fn with_source(
        retry: Retry,
        reason: impl Into<String>,
        source: impl Into<BoxError>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(retry, reason)
        }
    }

    /// Whether to try again.
    pub const fn retry(&self) -> Retry {
        self.retry
    }

    /// Whether to try again after any error of a receiver.
    pub fn retry_after(error: &(dyn Error + Send + Sync + 'static)) -> Retry {
        error
            .downcast_ref::<Self>()
            .map_or(Retry::Later, Self::retry)
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for Undelivered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
