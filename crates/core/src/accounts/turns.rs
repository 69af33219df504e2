//! Codes that are typed at one challenge take turns, in a process: who clicks many times at once sends the right code as often,
//! and each finds what the one before has done. So it takes one attempt and is counted once, and none is refused because the
//! others have used up the attempts, or have not been forgotten as wrong ones yet.
//!
//! It orders what a process does, and holds nothing off: how often may be guessed is counted by the store, across all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use super::Accounts;
use crate::challenge::ChallengeId;

/// Whose turn it is, at each challenge at which someone types a code now.
#[derive(Default)]
pub(super) struct Turns {
    now: Mutex<HashMap<ChallengeId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, HashMap<ChallengeId, Arc<tokio::sync::Mutex<()>>>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One's turn at a challenge, until it is dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    challenge: ChallengeId,
    /// None before it has come, and once it is given up.
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut now = self.turns.lock();
        self.held = None;
        // Nobody else has it from there, and nobody can get it while this is locked.
        let is_last = now
            .get(&self.challenge)
            .is_some_and(|it| Arc::strong_count(it) == 1);
        if is_last {
            now.remove(&self.challenge);
        }
    }
}

impl Accounts {
    /// Waits for one's turn at a challenge.
    pub(super) async fn turn(&self, challenge: &ChallengeId) -> Turn<'_> {
        self.turn_after(challenge).await.0
    }

    /// The same, and whether someone had it before.
    pub(super) async fn turn_after(&self, challenge: &ChallengeId) -> (Turn<'_>, bool) {
        let turns = &self.inner.turns;
        let waits = Arc::clone(turns.lock().entry(*challenge).or_default());
        // From here on it is given up when it is dropped, also by who waits no longer.
        let mut turn = Turn {
            turns,
            challenge: *challenge,
            held: None,
        };
        if let Ok(held) = Arc::clone(&waits).try_lock_owned() {
            turn.held = Some(held);
            return (turn, false);
        }
        turn.held = Some(waits.lock_owned().await);
        (turn, true)
    }
}
