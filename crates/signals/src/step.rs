//! One receiver as one hub calls it.

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

/// How one receiver is called.
pub(crate) enum Bound<E: 'static> {
    Sync(SyncCall<E>, State),
    Async(AsyncCall<E>, State),
    SyncClosure(Arc<SyncClosure<E>>),
    AsyncClosure(Arc<AsyncClosure<E>>),
}

impl<E: 'static> Clone for Bound<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Sync(call, state) => Self::Sync(*call, state.clone()),
            Self::Async(call, state) => Self::Async(*call, state.clone()),
            Self::SyncClosure(call) => Self::SyncClosure(Arc::clone(call)),
            Self::AsyncClosure(call) => Self::AsyncClosure(Arc::clone(call)),
        }
    }
}

/// One receiver as this hub calls it.
pub(crate) struct Step<E: 'static> {
    pub(crate) bound: Bound<E>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) about: About,
}

/// What is known of a step's receiver.
#[derive(Clone)]
pub(crate) enum About {
    Linked(&'static ReceiverInfo),
    /// With the number by which it is disconnected.
    Connected(u64, Arc<ReceiverInfo>),
}

impl Deref for About {
    type Target = ReceiverInfo;

    fn deref(&self) -> &ReceiverInfo {
        match self {
            Self::Linked(info) => info,
            Self::Connected(_, info) => info,
        }
    }
}

impl<E: 'static> Clone for Step<E> {
    fn clone(&self) -> Self {
        Self {
            bound: self.bound.clone(),
            timeout: self.timeout,
            about: self.about.clone(),
        }
    }
}

/// What a call led to, before anything is awaited.
pub(crate) enum Called<'a> {
    Ended(Outcome),
    Waiting(BoxFuture<'a, Answer>),
}

impl<E: 'static> Step<E> {
    /// Calls the receiver; an `async` one has yet to be awaited.
    #[inline]
    pub(crate) fn call<'a>(&'a self, event: &'a E) -> Called<'a> {
        let waiting = match &self.bound {
            Bound::Sync(call, state) => return Called::Ended(call(event, state).into()),
            Bound::SyncClosure(call) => return Called::Ended(call(event).into()),
            _ if !wait::can_time(self.timeout) => return Called::Ended(Outcome::NoRuntime),
            Bound::Async(call, state) => call(event, state),
            Bound::AsyncClosure(call) => Some(call(event)),
        };
        waiting.map_or(Called::Ended(Outcome::Skipped), Called::Waiting)
    }

    /// Calls a receiver of a signal that is declared `sync`.
    #[inline]
    pub(crate) fn call_sync(&self, event: &E) -> Answer {
        match &self.bound {
            Bound::Sync(call, state) => call(event, state),
            Bound::SyncClosure(call) => call(event),
            Bound::Async(..) | Bound::AsyncClosure(_) => awaited(),
        }
    }
}

/// A receiver that awaits cannot belong to a `sync` signal: neither `#[receiver]` nor `connect_async` lets it.
#[cold]
fn awaited() -> Answer {
    Err(BoxError::from(
        "an `async` receiver cannot receive a `sync` signal",
    ))
}
