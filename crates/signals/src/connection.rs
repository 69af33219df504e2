//! Receivers connected and disconnected at run time.

use crate::{
    AwaitedEvent, Event, Place, ReceiverInfo, Signals, answer::IntoAnswer, hub::Inner, step::Bound,
};
use futures_util::future::FutureExt;
use std::{
    fmt,
    panic::Location,
    sync::{Arc, Weak},
};

/// A closure or function that can be connected: `Fn(&E)`, returning `()` or `Result<(), Error>`.
pub trait Listen<E>: Fn(&E) -> <Self as Listen<E>>::Returned + Send + Sync + 'static {
    /// What it returns.
    type Returned: IntoAnswer;
}

impl<E, F, R> Listen<E> for F
where
    F: Fn(&E) -> R + Send + Sync + 'static,
    R: IntoAnswer,
{
    type Returned = R;
}

/// A closure or function that can be connected and awaits: it takes its own copy of the event.
pub trait ListenAsync<E>:
    Fn(E) -> <Self as ListenAsync<E>>::Future + Send + Sync + 'static
{
    /// What it returns.
    type Future: Future<Output: IntoAnswer> + Send + 'static;
}

impl<E, F, R> ListenAsync<E> for F
where
    F: Fn(E) -> R + Send + Sync + 'static,
    R: Future<Output: IntoAnswer> + Send + 'static,
{
    type Future = R;
}

/// Keeps a receiver connected; dropping it disconnects.
#[must_use = "dropping a connection disconnects the receiver: keep it, or call `forever`"]
pub struct Connection {
    hub: Weak<Inner>,
    number: u64,
    cut: fn(&Inner, u64),
}

impl Signals {
    /// Connects a receiver at run time.
    #[track_caller]
    pub fn connect<E: Event>(&self, receiver: impl Listen<E>) -> Connection {
        let bound = Bound::SyncClosure(Arc::new(move |event: &E| receiver(event).into_answer()));
        self.connect_bound(bound, info_at::<E>(Location::caller(), false))
    }

    /// Connects a receiver that awaits.
    #[track_caller]
    pub fn connect_async<E: AwaitedEvent + Clone>(
        &self,
        receiver: impl ListenAsync<E>,
    ) -> Connection {
        let bound = Bound::AsyncClosure(Arc::new(move |event: &E| {
            let run = receiver(event.clone());
            async move { run.await.into_answer() }.boxed()
        }));
        self.connect_bound(bound, info_at::<E>(Location::caller(), true))
    }

    fn connect_bound<E: Event>(&self, bound: Bound<E>, info: ReceiverInfo) -> Connection {
        let number = self.inner.plan_or_make::<E>().connect(bound, info);
        Connection {
            hub: Arc::downgrade(&self.inner),
            number,
            cut: cut::<E>,
        }
    }
}

fn info_at<E: Event>(caller: &'static Location<'static>, is_async: bool) -> ReceiverInfo {
    let name = E::signal().info().name;
    let place = Place::new(
        "",
        "",
        name,
        caller.file(),
        (caller.line(), caller.column()),
    );
    ReceiverInfo::connected(format!("connected at {caller}"), is_async, place)
}

fn cut<E: Event>(hub: &Inner, number: u64) {
    hub.plan_or_make::<E>().disconnect(number);
}

impl Connection {
    /// Disconnects the receiver. Dispatches that are under way still call it.
    pub fn disconnect(self) {
        drop(self);
    }

    /// Leaves the receiver connected for as long as the hub lives.
    pub fn forever(mut self) {
        self.hub = Weak::new();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(hub) = self.hub.upgrade() {
            (self.cut)(&hub, self.number);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
