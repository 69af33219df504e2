//! Checks of passwords whose browser goes away. A hash that has begun goes on, and what it finds is recorded: else anyone who
//! hangs up in time would have guesses that nobody hears of, and an owner who clicks again and again would be taken for
//! someone who guesses. One that still waited for its turn has tried nothing.

use std::future::Future;

use phone_auth_events::Limit;

use super::Accounts;
use super::limits::Counted;
use super::to_the_end::{HandedOn, handed_on};
use crate::password::{SharedStage, Stage};

impl Accounts {
    /// Checks a password that was counted as one that fails; and has what becomes of it settled where the one who waits for it
    /// goes away after its hash has begun. Before that it is given back.
    pub(super) fn check_counted<T, Done>(
        &self,
        counted: &Counted,
        work: impl Future<Output = T> + Send + 'static,
        settles: impl FnOnce(Self, Counted, T) -> Done + Send + 'static,
    ) -> HandedOn<T>
    where
        T: Send + 'static,
        Done: Future<Output = ()> + Send + 'static,
    {
        let stage = SharedStage::default();
        let (accounts, counted) = (self.clone(), counted.clone());
        handed_on(stage.clone().note(work), move |work| match stage.get() {
            // There are as many of them as places to hash.
            Stage::Works => {
                let goes_on = accounts.clone();
                goes_on.go_on(async move {
                    let checked = work.await;
                    settles(accounts, counted, checked).await;
                });
            }
            // The place in the line is free before anything else is done. What the client's network may ask for is used up.
            Stage::Waits => {
                drop(work);
                let gives_back = accounts.clone();
                gives_back
                    .go_on(async move { accounts.give_back_but(Limit::LogIns, &counted).await });
            }
            // It stays counted, which is the safe side.
            Stage::Unknown => {}
        })
    }
}
