//! One receiver as one dispatcher calls it.

use crate::{
    ReceiverInfo,
    answer::{Answer, BoxError},
    receiver::{AsyncCall, SyncCall},
    report::Outcome,
    state::State,
    wait,
};
use futures_util::future::BoxFuture;
use std::{ops::Deref, sync::Arc, time::Duration};

/// A receiver that was connected and does not await.
pub(crate) type SyncClosure<E> = dyn Fn(&E) -> Answer + Send + Sync;
/// A receiver that was connected and awaits.
pub(crate) type AsyncClosure<E> = dyn for<'a> Fn(&'a E) -> BoxFuture<'a, Answer> + Send + Sync;

/// How one receiver is called: all that a dispatch reads of it while nothing goes wrong.
pub(crate) enum Bound<E: 'static> {
    Sync(SyncCall<E>, State),
    SyncClosure(Arc<SyncClosure<E>>),
    Async(AsyncCall<E>, State),
    AsyncClosure(Arc<AsyncClosure<E>>),
}

impl<E: 'static> Clone for Bound<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(call, state) => Self::Sync(*call, state.clone()),
            Self::SyncClosure(call) => Self::SyncClosure(Arc::clone(call)),
            Self::Async(call, state) => Self::Async(*call, state.clone()),
            Self::AsyncClosure(call) => Self::AsyncClosure(Arc::clone(call)),
        }
    }
}

impl<E: 'static> Bound<E> {
    /// Calls a receiver of a signal that is declared `sync`.
    #[inline]
    pub(crate) fn call_sync(&self, event: &E) -> Answer {
        match self {
            Self::Sync(call, state) => call(event, state),
            Self::SyncClosure(call) => call(event),
            Self::Async(..) | Self::AsyncClosure(_) => awaited(),
        }
    }

    /// Calls the receiver; one that awaits has yet to be awaited.
    #[inline]
    pub(crate) fn start<'a>(&'a self, event: &'a E, timeout: Option<Duration>) -> Started<'a> {
        match self {
            Self::Sync(call, state) => Started::Ended(call(event, state).into()),
            Self::SyncClosure(call) => Started::Ended(call(event).into()),
            // Its filter comes before anything else; what it waits for begins only when that is polled.
            Self::Async(call, state) => match call(event, state) {
                None => Started::Ended(Outcome::Skipped),
                Some(waiting) if wait::can_time(timeout) => Started::Waiting(waiting),
                Some(_) => Started::Ended(Outcome::NoRuntime),
            },
            Self::AsyncClosure(call) if wait::can_time(timeout) => Started::Waiting(call(event)),
            Self::AsyncClosure(_) => Started::Ended(Outcome::NoRuntime),
        }
    }
}

/// What a call led to before anything is awaited.
pub(crate) enum Started<'a> {
    Ended(Outcome),
    Waiting(BoxFuture<'a, Answer>),
}

/// A receiver that awaits cannot belong to a `sync` signal: neither `#[receiver]` nor `connect_async` lets it.
#[cold]
fn awaited() -> Answer {
    Err(BoxError::from(
        "an `async` receiver cannot receive a `sync` signal",
    ))
}

/// What is known of a receiver: read before a dispatcher is used, and when something goes wrong.
#[derive(Clone)]
pub(crate) struct Detail {
    pub(crate) timeout: Option<Duration>,
    pub(crate) about: About,
}

/// Linked or connected, and what is known of it.
#[derive(Clone)]
pub(crate) enum About {
    Linked(&'static ReceiverInfo),
    Connected(Arc<ReceiverInfo>),
}

impl Deref for About {
    type Target = ReceiverInfo;

    fn deref(&self) -> &ReceiverInfo {
        match self {
            Self::Linked(info) => info,
            Self::Connected(info) => info,
        }
    }
}
