//! Waiting for one receiver, no longer than its time-out.

use crate::{answer::Answer, report::Outcome};
use futures_util::future::BoxFuture;
use std::{future::poll_fn, task::Poll, time::Duration};
use tokio::runtime::Handle;

/// Whether a time-out can be kept here. Asked before the receiver begins, so that none is torn for want of a timer.
pub(crate) fn can_time(timeout: Option<Duration>) -> bool {
    timeout.is_none() || Handle::try_current().is_ok()
}

/// Waits for `waiting`. Who is ready at once never meets a timer.
pub(crate) async fn within(
    mut waiting: BoxFuture<'_, Answer>,
    timeout: Option<Duration>,
) -> Outcome {
    let Some(limit) = timeout else {
        return waiting.await.into();
    };
    match poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context))).await {
        Poll::Ready(answer) => answer.into(),
        Poll::Pending => match tokio::time::timeout(limit, waiting).await {
            Ok(answer) => answer.into(),
            Err(_) => Outcome::TimedOut(limit),
        },
    }
}
