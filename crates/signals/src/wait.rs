//! Waiting for one receiver, no longer than its time-out.

use crate::{answer::Answer, outcome::Outcome};
use futures_util::future::BoxFuture;
use std::{future::poll_fn, mem, task::Poll, time::Duration};
use tokio::runtime::Handle;

/// Whether a time-out can be kept here. Asked before the receiver begins, so that none is torn for want of a timer.
#[inline]
pub(crate) fn can_time(timeout: Option<Duration>) -> bool {
    timeout.is_none() || Handle::try_current().is_ok()
}

/// Waits for `waiting`, which was polled once in this very turn: so who is ready at once never meets a timer.
pub(crate) async fn within(
    mut waiting: BoxFuture<'_, Answer>,
    timeout: Option<Duration>,
) -> Outcome {
    // Not again in the same turn: one that yields would be called back at once.
    let mut is_polled = true;
    let waiting = poll_fn(move |context| {
        if mem::take(&mut is_polled) {
            Poll::Pending
        } else {
            waiting.as_mut().poll(context)
        }
    });
    let Some(limit) = timeout else {
        return waiting.await.into();
    };
    match tokio::time::timeout(limit, waiting).await {
        Ok(answer) => answer.into(),
        Err(_) => Outcome::TimedOut(limit),
    }
}
