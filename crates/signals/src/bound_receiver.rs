//! One receiver as one dispatcher calls it.

use crate::{
    answer::{Answer, BoxError},
    outcome::Outcome,
    receiver::{AsyncCall, Begun, SyncCall},
    state::State,
    wait,
};
use futures_util::future::BoxFuture;
use std::{sync::Arc, task::Context, time::Duration};

/// A receiver that was connected and does not await.
pub(crate) type SyncClosure<E> = dyn Fn(&E) -> Answer + Send + Sync;
/// A receiver that was connected and awaits.
pub(crate) type AsyncClosure<E> =
    dyn for<'a> Fn(&'a E, Option<&mut Context<'_>>) -> Begun<'a> + Send + Sync;

/// The time-out of a receiver that awaits. In a box, lest the kind of a receiver be told by its nanoseconds, which costs
/// every dispatch.
pub(crate) type Timeout = Option<Box<Duration>>;

/// How one receiver is called: all that a dispatch reads of it while nothing goes wrong. One that awaits has the time-out
/// that holds for it in this dispatcher.
pub(crate) enum BoundReceiver<E: 'static> {
    Sync(SyncCall<E>, State),
    SyncClosure(Arc<SyncClosure<E>>),
    Async(AsyncCall<E>, State, Timeout),
    AsyncClosure(Arc<AsyncClosure<E>>, Timeout),
}

impl<E: 'static> Clone for BoundReceiver<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(call, state) => Self::Sync(*call, state.clone()),
            Self::SyncClosure(call) => Self::SyncClosure(Arc::clone(call)),
            Self::Async(call, state, timeout) => Self::Async(*call, state.clone(), timeout.clone()),
            Self::AsyncClosure(call, timeout) => {
                Self::AsyncClosure(Arc::clone(call), timeout.clone())
            }
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

    /// Calls the receiver, polls it once if it awaits, and says whether it is ready and all is well; else `stopped` says
    /// where it is. That is not returned, because moving it costs more than calling a receiver.
    #[inline]
    pub(crate) fn is_well<'a>(
        &'a self,
        event: &'a E,
        context: &mut Context<'_>,
        stopped: &mut Option<Stopped<'a>>,
    ) -> bool {
        let answer = match self {
            Self::Sync(call, state) => call(event, state),
            Self::SyncClosure(call) => call(event),
            Self::Async(call, state, timeout) => {
                let call = |context: Option<&mut Context<'_>>| call(event, state, context);
                match begin(timeout, context, call) {
                    Ok(answer) => answer,
                    Err(waiting) => return stop(stopped, waiting),
                }
            }
            Self::AsyncClosure(call, timeout) => {
                let call = |context: Option<&mut Context<'_>>| call(event, context);
                match begin(timeout, context, call) {
                    Ok(answer) => answer,
                    Err(waiting) => return stop(stopped, waiting),
                }
            }
        };
        match answer {
            Ok(()) => true,
            Err(error) => stop(stopped, Stopped::Ended(Err(error).into())),
        }
    }
}

#[cold]
fn stop<'a>(stopped: &mut Option<Stopped<'a>>, at: Stopped<'a>) -> bool {
    *stopped = Some(at);
    false
}

/// Begins with a receiver that awaits. Its filter comes before anything else; it is polled only if it can be timed.
#[inline]
fn begin<'a>(
    timeout: &Timeout,
    context: &mut Context<'_>,
    call: impl FnOnce(Option<&mut Context<'_>>) -> Begun<'a>,
) -> Result<Answer, Stopped<'a>> {
    let timeout = timeout.as_deref().copied();
    let can_time = wait::can_time(timeout);
    match call(can_time.then_some(context)) {
        Begun::Ended(answer) => Ok(answer),
        Begun::Waiting(waiting) if can_time => Err(Stopped::Waiting(waiting, timeout)),
        Begun::Waiting(_) => Err(Stopped::Ended(Outcome::NoRuntime)),
    }
}

/// Where a receiver is that was called and is not both ready and well.
pub(crate) enum Stopped<'a> {
    Ended(Outcome),
    /// It was polled once, and waits; with its time-out.
    Waiting(BoxFuture<'a, Answer>, Option<Duration>),
}

/// A receiver that awaits cannot belong to a `sync` signal: neither `#[receiver]` nor `connect_async` lets it.
#[cold]
fn awaited() -> Answer {
    Err(BoxError::from(
        "an `async` receiver cannot receive a `sync` signal",
    ))
}
