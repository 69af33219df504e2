//! Whether the link of a message would still do what it was enqueued for.

use super::{Obsolete, OutboxMessage, Purpose, Recipient};
use crate::link::LinkTarget;

/// Why there is nobody to send a message to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// The user or the address was deleted, or the address became another user's.
    Gone,
    /// The user is disabled.
    Disabled,
}

impl Missing {
    /// The reason in a few words.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Gone => "the address was removed, or is another user's now",
            Self::Disabled => "the user is disabled",
        }
    }
}

/// The user and the address that a message was enqueued for, if they are still there and belong together.
pub(super) fn still_there(
    found: Option<LinkTarget>,
    recipient: Recipient,
) -> Result<LinkTarget, Missing> {
    // The number of a row that was deleted may be another's by now.
    let found = found.filter(|target| target.user.id == recipient.user);
    let target = found.ok_or(Missing::Gone)?;
    if target.user.is_active {
        Ok(target)
    } else {
        Err(Missing::Disabled)
    }
}

/// Whether there is still something for a link to do.
pub(super) fn still_open(purpose: Purpose, target: &LinkTarget) -> Result<(), Obsolete> {
    match purpose {
        // Who can be sent a reset had a password that could be reset.
        Purpose::ResetPassword if !target.user.password.is_usable() => {
            Err(Obsolete::PasswordChanged)
        }
        Purpose::Verify if target.address.is_verified => Err(Obsolete::Verified),
        // What ends such a link takes its request away.
        Purpose::LogIn if target.newest.is_none() => Err(Obsolete::Used),
        _ => Ok(()),
    }
}

/// Whether the code is all that there is to use in a message: without one it would say nothing. Its user asks for another where they
/// would type it, in the session that waits there.
pub(super) fn is_code_alone(purpose: Purpose) -> bool {
    purpose == Purpose::Confirm
}

/// Whether no newer link was asked for since. What the version before enqueued does not say for which request it is.
pub(super) fn not_replaced(message: &OutboxMessage, target: &LinkTarget) -> Result<(), Obsolete> {
    if message.requested_at.is_some() && target.newest > message.requested_at {
        return Err(Obsolete::NewerRequest);
    }
    Ok(())
}
