//! The outbox takes no more.

use std::error::Error;
use std::fmt;

/// As many messages are pending as [may be](crate::settings::Settings::max_pending_messages): the source of the error
/// of a flow that would have promised one more, whoever to. The log has told it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxFull;

impl fmt::Display for OutboxFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("too many messages are pending")
    }
}

impl Error for OutboxFull {}
