//! Checks of passwords whose browser goes away. A hash that has begun goes on, and what it finds is recorded: else anyone who
//! hangs up in time would have guesses that nobody hears of, and an owner who clicks again and again would be taken for
//! someone who guesses. One that still waited for its turn has tried nothing.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use phone_auth_events::Limit;

use super::Accounts;
use super::limits::Counted;
use crate::password::{SharedStage, Stage};

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is to be done with what a check has found that nobody waits for any more.
type Settles<T> = Box<dyn FnOnce(Accounts, Counted, T) -> Boxed<()> + Send>;

/// A check, done by the one who waits for it.
pub(super) struct CountedCheck<T: Send + 'static> {
    accounts: Accounts,
    counted: Counted,
    stage: SharedStage,
    work: Option<Boxed<T>>,
    settles: Option<Settles<T>>,
}

impl<T: Send + 'static> Future for CountedCheck<T> {
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

impl<T: Send + 'static> Drop for CountedCheck<T> {
    fn drop(&mut self) {
        let (Some(work), Some(settles)) = (self.work.take(), self.settles.take()) else {
            return;
        };
        let (accounts, counted) = (self.accounts.clone(), self.counted.clone());
        match self.stage.get() {
            // There are as many of them as places to hash.
            Stage::Works => self.accounts.go_on(async move {
                let checked = work.await;
                settles(accounts, counted, checked).await;
            }),
            // The place in the line is free before anything else is done. What the client's network may ask for is used up.
            Stage::Waits => {
                drop(work);
                self.accounts
                    .go_on(async move { accounts.give_back_but(Limit::LogIns, &counted).await });
            }
            // It stays counted, which is the safe side.
            Stage::Unknown => {}
        }
    }
}

impl Accounts {
    /// Checks a password that was counted as one that fails; and has what becomes of it settled where the one who waits for it
    /// goes away after its hash has begun. Before that it is given back.
    pub(super) fn check_counted<T, Done>(
        &self,
        counted: &Counted,
        work: impl Future<Output = T> + Send + 'static,
        settles: impl FnOnce(Self, Counted, T) -> Done + Send + 'static,
    ) -> CountedCheck<T>
    where
        T: Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let stage = SharedStage::default();
        CountedCheck {
            accounts: self.clone(),
            counted: counted.clone(),
            work: Some(Box::pin(stage.clone().note(work))),
            stage,
            settles: Some(Box::new(|accounts, counted, checked| {
                Box::pin(settles(accounts, counted, checked))
            })),
        }
    }
}
