//! A store in memory, for tests of flows and for trying things out.
//!
//! It keeps every promise of the port, by the plainest means: one lock around ordered maps. It
//! forgets everything when the last clone is dropped.

mod address_changes;
mod challenges;
mod claims;
mod closing;
mod closing_schedule;
mod external_writer;
mod kept_message;
mod limits;
mod outbox;
mod replacements;
mod resets;
mod sessions;
mod site_key;
mod state;
mod users;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phone_auth_core::address::AddressKind;
use phone_auth_core::limits::MemoryLimits;
use phone_auth_core::password::Requester;
use phone_auth_core::store::{StoreError, StoreErrorKind};

use self::state::State;

/// A store in memory. Clones share what is stored.
///
/// # Examples
/// ```
/// use phone_auth_core::store::{UserStore, StoreErrorKind};
/// use phone_auth_store_testkit::MemoryStore;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = MemoryStore::new();
/// assert_eq!(store.users_after(None, 10).await?, []);
///
/// store.fail_with(StoreErrorKind::Unavailable);
/// let error = store.users_after(None, 10).await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
///
/// store.recover();
/// assert_eq!(store.users_after(None, 10).await?, []);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
    limits: Arc<MemoryLimits>,
}

/// What the clones of a store have in common.
#[derive(Default)]
struct Shared {
    state: State,
    fault: Option<Fault>,
    loses_log_in: bool,
    /// After how many calls more the answer of one is lost.
    loses_answer: Option<u32>,
    looked_up_for: Option<Requester>,
}

/// A fault that was asked for.
#[derive(Clone, Copy)]
struct Fault {
    /// How many calls still succeed.
    after: u32,
    kind: StoreErrorKind,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every call of the port fails with this kind and changes nothing, until
    /// [`recover`](Self::recover).
    pub fn fail_with(&self, kind: StoreErrorKind) {
        self.fail_after(0, kind);
    }

    /// Lets this many calls of the port succeed, then fails every further one with this kind until
    /// [`recover`](Self::recover): a store that goes away in the middle of a flow.
    pub fn fail_after(&self, calls: u32, kind: StoreErrorKind) {
        self.lock().fault = Some(Fault { after: calls, kind });
    }

    /// Records the next log-in, and says that the store is not there: its answer is lost on the way.
    pub fn lose_answer_to_log_in(&self) {
        self.lock().loses_log_in = true;
    }

    /// Lets this many calls of the port be answered, then does what the next asks for and says that the store is not there: its
    /// answer is lost on the way. Those after it are answered.
    pub fn lose_answer_after(&self, calls: u32) {
        self.lock().loses_answer = Some(calls);
    }

    /// Whether an answer is still to be [lost](Self::lose_answer_after): too few calls came.
    pub fn has_answer_to_lose(&self) -> bool {
        self.lock().loses_answer.is_some()
    }

    /// For whom a name was looked up last.
    pub fn looked_up_for(&self) -> Option<Requester> {
        self.lock().looked_up_for
    }

    /// Ends what [`fail_with`](Self::fail_with) or [`fail_after`](Self::fail_after) began.
    pub fn recover(&self) {
        self.lock().fault = None;
    }

    /// Forgets which links were asked for, as a restore without their table does.
    pub fn lose_requests(&self) {
        self.lock().state.requests.clear();
    }

    /// Forgets all challenges, as strangers have those of nobody forgotten who ask for many names.
    pub fn lose_challenges(&self) {
        self.lock().state.challenges.clear();
    }

    /// How many users are stored.
    pub fn user_count(&self) -> usize {
        self.lock().state.users.len()
    }

    /// How many addresses of a kind are stored.
    pub fn address_count(&self, kind: AddressKind) -> usize {
        self.lock().state.addresses(kind).len()
    }

    /// How many sessions are stored, expired ones too.
    pub fn session_count(&self) -> usize {
        self.lock().state.sessions.len()
    }

    /// How many counters of limits are stored, empty ones too.
    pub fn limit_count(&self) -> usize {
        self.limits.counter_count()
    }

    /// Runs one call of the port that changes something. Such a call checks everything before it
    /// changes anything, which makes it whole without a copy to go back to.
    ///
    /// Other tasks have their turn first, so that flows which run at once interleave at each call, as they do over a
    /// database: without it, in the one thread of most tests, each would run to its end before the next begins.
    async fn write<T>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        let mut shared = self.lock();
        let is_heard = shared.spend_call()?;
        is_heard.answer(change(&mut shared.state)?)
    }

    /// Runs one call of the port that only reads.
    async fn read<T>(&self, look: impl FnOnce(&State) -> T) -> Result<T, StoreError> {
        tokio::task::yield_now().await;
        let mut shared = self.lock();
        let is_heard = shared.spend_call()?;
        is_heard.answer(look(&shared.state))
    }

    /// The shared part. Nothing that runs under the lock panics half way through a change, so poison
    /// is no reason to stop.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// Counts a call against the fault, and fails once it is due; whether its answer is lost.
    fn spend_call(&mut self) -> Result<Heard, StoreError> {
        match &mut self.fault {
            None => {}
            Some(fault) if fault.after == 0 => return Err(StoreError::new(fault.kind)),
            Some(fault) => fault.after -= 1,
        }
        let is_lost = self.loses_answer == Some(0);
        self.loses_answer = self.loses_answer.and_then(|calls| calls.checked_sub(1));
        Ok(Heard(!is_lost))
    }
}

/// Whether the answer of a call is heard.
struct Heard(bool);

impl Heard {
    fn answer<T>(self, done: T) -> Result<T, StoreError> {
        let Self(is_heard) = self;
        let lost = StoreError::new(StoreErrorKind::Unavailable);
        if is_heard { Ok(done) } else { Err(lost) }
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.lock();
        f.debug_struct("MemoryStore")
            .field("users", &shared.state.users.len())
            .field("sessions", &shared.state.sessions.len())
            .finish_non_exhaustive()
    }
}
