//! How far the check of a password has come, for the one who gives it up: whether it waits for its turn, or works.
//!
//! The flows do not see where a [`PasswordHasher`](super::PasswordHasher) waits, and one of an application has no line. So the
//! [`HashPool`](super::hash_pool::HashPool) notes it in the task that it runs in, where someone has asked for it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

tokio::task_local! {
    static STAGE: SharedStage;
}

/// How far a check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The hasher does not say.
    Unknown,
    /// It waits for its turn. Nothing was looked at.
    Waits,
    /// The work has begun, and goes on, also where nobody waits for it.
    Works,
}

/// The stage of one check, as the one who gives it up sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedStage(Arc<AtomicU8>);

impl SharedStage {
    pub(crate) fn get(&self) -> Stage {
        match self.0.load(Ordering::Acquire) {
            1 => Stage::Waits,
            2 => Stage::Works,
            _ => Stage::Unknown,
        }
    }

    /// Does this, and has its stage noted here.
    pub(crate) async fn note<T>(self, work: impl Future<Output = T>) -> T {
        STAGE.scope(self, work).await
    }
}

/// Notes how far the check of this task has come, if anyone wants to know.
pub(super) fn note(stage: Stage) {
    let number = match stage {
        Stage::Unknown => 0,
        Stage::Waits => 1,
        Stage::Works => 2,
    };
    // Nobody wants to know.
    let _ = STAGE.try_with(|shared| shared.0.store(number, Ordering::Release));
}
