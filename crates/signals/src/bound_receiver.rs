//! One receiver as one dispatcher calls it.

use crate::{
    answer::{Answer, BoxError},
    receiver::{AsyncCall, SyncCall},
    report::Outcome,
    state::State,
    wait,
};
use futures_util::future::BoxFuture;
use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

/// A receiver that was connected and does not await.
pub(crate) type SyncClosure<E> = dyn Fn(&E) -> Answer + Send + Sync;
/// A receiver that was connected and awaits.
pub(crate) type AsyncClosure<E> = dyn for<'a> Fn(&'a E) -> BoxFuture<'a, Answer> + Send + Sync;

/// How one receiver is called: all that a dispatch reads of it while nothing goes wrong. One that awaits has the time-out
/// that holds for it in this dispatcher.
pub(crate) enum BoundReceiver<E: 'static> {
    Sync(SyncCall<E>, State),
    SyncClosure(Arc<SyncClosure<E>>),
    Async(AsyncCall<E>, State, Option<Duration>),
    AsyncClosure(Arc<AsyncClosure<E>>, Option<Duration>),
}

impl<E: 'static> Clone for BoundReceiver<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(call, state) => Self::Sync(*call, state.clone()),
            Self::SyncClosure(call) => Self::SyncClosure(Arc::clone(call)),
            Self::Async(call, state, timeout) => Self::Async(*call, state.clone(), *timeout),
            Self::AsyncClosure(call, timeout) => Self::AsyncClosure(Arc::clone(call), *timeout),
        }
    }
}

impl<E: 'static> BoundReceiver<E> {
    /// Calls a receiver of a signal that is declared `sync`.
    #[inline]
    pub(crate) fn call_sync(&self, event: &E) -> Answer {
        match self {
            Self::Sync(call, state) => call(event, state),
            Self::SyncClosure(call) => call(event),
            Self::Async(..) | Self::AsyncClosure(..) => awaited(),
        }
    }

    /// Calls the receiver and polls it once, if it awaits.
    ///
    /// # Errors
    /// When it is not ready at once, or not all is well.
    #[inline]
    pub(crate) fn poll<'a>(
        &'a self,
        event: &'a E,
        context: &mut Context<'_>,
    ) -> Result<(), Stopped<'a>> {
        let (mut waiting, timeout) = match self {
            Self::Sync(call, state) => return call(event, state).map_err(Stopped::failed),
            Self::SyncClosure(call) => return call(event).map_err(Stopped::failed),
            // Its filter comes before anything else; what it waits for begins only when that is polled.
            Self::Async(call, state, timeout) => match call(event, state) {
                Some(waiting) if wait::can_time(*timeout) => (waiting, *timeout),
                Some(_) => return Err(Stopped::Ended(Outcome::NoRuntime)),
                None => return Err(Stopped::Ended(Outcome::Skipped)),
            },
            Self::AsyncClosure(call, timeout) if wait::can_time(*timeout) => {
                (call(event), *timeout)
            }
            Self::AsyncClosure(..) => return Err(Stopped::Ended(Outcome::NoRuntime)),
        };
        match waiting.as_mut().poll(context) {
            Poll::Ready(answer) => answer.map_err(Stopped::failed),
            Poll::Pending => Err(Stopped::Waiting(waiting, timeout)),
        }
    }
}

/// Where a receiver is that was called and is not both ready and well.
pub(crate) enum Stopped<'a> {
    Ended(Outcome),
    /// It was polled once, and waits; with its time-out.
    Waiting(BoxFuture<'a, Answer>, Option<Duration>),
}

impl Stopped<'_> {
    #[cold]
    fn failed(error: BoxError) -> Self {
        Self::Ended(Err(error).into())
    }
}

/// A receiver that awaits cannot belong to a `sync` signal: neither `#[receiver]` nor `connect_async` lets it.
#[cold]
fn awaited() -> Answer {
    Err(BoxError::from(
        "an `async` receiver cannot receive a `sync` signal",
    ))
}
