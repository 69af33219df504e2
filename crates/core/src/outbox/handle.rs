//! The outbox, as flows, workers and operators hold it.

use std::fmt;
use std::sync::Arc;

use phone_auth_events::Signals;
use tokio::sync::Notify;

use super::pending_count::PendingCount;
use crate::clock::Clock;
use crate::limits::Limiter;
use crate::link::Links;
use crate::randomness::Randomness;
use crate::store::{OutboxStore, Store};

/// The messages of a site that wait for their receivers. Cheap to clone; clones share everything.
///
/// The flows enqueue, a [worker](Self::worker) delivers, and an operator looks, sends again and throws away.
/// [`Accounts::outbox`](crate::accounts::Accounts::outbox) hands it out.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::Accounts;
/// use phone_auth_core::outbox::WorkerOptions;
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Accounts::builder(store.clone(), Keyring::new(SecretKey::generate()?))
///     .outbox(store)
///     .build()?;
/// let outbox = accounts.outbox().ok_or("it was built with one")?;
/// accounts.request_password_reset("nobody@example.org").await?;
/// assert!(outbox.rows_after(None, 50).await?.is_empty(), "nothing is kept for nobody");
/// assert_eq!(outbox.worker(WorkerOptions::default()).deliver_due().await?, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Outbox {
    pub(super) inner: Arc<Inner>,
}

/// What all clones share.
pub(super) struct Inner {
    /// The messages.
    pub(super) store: Arc<dyn OutboxStore>,
    /// The users that they are to.
    pub(super) users: Arc<dyn Store>,
    /// The counters that are swept beside them, and what is counted of text messages.
    pub(super) limiter: Arc<Limiter>,
    /// Whether text messages are counted.
    pub(super) counts_texts: bool,
    pub(super) links: Arc<Links>,
    pub(super) signals: Signals,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) randomness: Arc<dyn Randomness>,
    pub(super) pending: PendingCount,
    /// Wakes the worker of this process.
    pub(super) wake: Notify,
}

/// What an outbox is made of.
pub(crate) struct OutboxParts {
    pub(crate) store: Arc<dyn OutboxStore>,
    pub(crate) users: Arc<dyn Store>,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) counts_texts: bool,
    pub(crate) links: Arc<Links>,
    pub(crate) signals: Signals,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) randomness: Arc<dyn Randomness>,
    /// The most messages that may be pending.
    pub(crate) limit: u32,
}

impl Outbox {
    pub(crate) fn new(parts: OutboxParts) -> Self {
        Self {
            inner: Arc::new(Inner {
                store: parts.store,
                users: parts.users,
                limiter: parts.limiter,
                counts_texts: parts.counts_texts,
                links: parts.links,
                signals: parts.signals,
                clock: parts.clock,
                randomness: parts.randomness,
                pending: PendingCount::new(parts.limit),
                wake: Notify::new(),
            }),
        }
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
