//! What goes on to its end when the one who waits for it goes away: a browser that clicks twice gives the first up, and the second
//! gets what that has begun. What is to be done with the rest may be another thing: `given_up_checks.rs`.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tracing::Instrument as _;

use super::Accounts;

/// How many go on by themselves now.
pub(super) struct GoingOn(watch::Sender<usize>);

impl Default for GoingOn {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl GoingOn {
    /// Waits until none does, at most so long. `false` when some still do.
    pub(super) async fn end(&self, patience: Duration) -> bool {
        let mut going_on = self.0.subscribe();
        if *going_on.borrow() == 0 {
            return true;
        }
        let ended = tokio::time::timeout(patience, going_on.wait_for(|it| *it == 0)).await;
        ended.is_ok()
    }
}

pub(super) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Work that is done by the one who waits for it, and handed on where that one is dropped.
pub(super) struct HandedOn<T: Send + 'static> {
    work: Option<Boxed<T>>,
    given_up: Option<Box<dyn FnOnce(Boxed<T>) + Send>>,
}

impl<T: Send + 'static> Future for HandedOn<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // What panics is not gone on with.
        let Some(mut work) = self.work.take() else {
            return Poll::Pending;
        };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for HandedOn<T> {
    fn drop(&mut self) {
        if let (Some(work), Some(given_up)) = (self.work.take(), self.given_up.take()) {
            given_up(work);
        }
    }
}

/// One that goes on by itself, until it is dropped, also by its runtime.
struct Counted(Accounts);

impl Counted {
    fn new(accounts: Accounts) -> Self {
        accounts.inner.going_on.0.send_modify(|it| *it += 1);
        Self(accounts)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.inner.going_on.0.send_modify(|it| *it -= 1);
    }
}

impl Accounts {
    /// Has a task go on with this, which [`drain`](Self::drain) waits for.
    pub(super) fn go_on(&self, rest: impl Future<Output = ()> + Send + 'static) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let counted = Counted::new(self.clone());
        let rest = async move {
            rest.await;
            drop(counted);
        };
        runtime.spawn(rest.in_current_span());
    }

    /// Does this; where the caller is dropped meanwhile a task goes on with it, which [`drain`](Self::drain) waits for. Only for
    /// what strangers cannot begin: the connections of a site do not bound how many of them there are.
    pub(super) fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> HandedOn<T> {
        let accounts = self.clone();
        handed_on(work, move |work| {
            accounts.go_on(async move { drop(work.await) });
        })
    }
}

/// Does this; where the caller is dropped meanwhile, this gets what is left of it.
pub(super) fn handed_on<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
    given_up: impl FnOnce(Boxed<T>) + Send + 'static,
) -> HandedOn<T> {
    HandedOn {
        work: Some(Box::pin(work)),
        given_up: Some(Box::new(given_up)),
    }
}
