//! The store that is put to the test, and the hand beside it.
#![expect(
    clippy::expect_used,
    reason = "a suite that is run on the wrong subject is a failed test"
)]

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use phone_auth_core::store::{LimitStore, OutboxStore, Store};

use crate::external_writer::{ExternalChange, ExternalWriter};

/// Opens the same data once more.
type Reopen = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Subject> + Send>> + Send + Sync>;

/// An empty store, and someone who can reach the same data past it.
pub struct Subject {
    // Dropped in this order: what is kept may be the folder that the store is in.
    store: Arc<dyn Store>,
    outbox: Option<Arc<dyn OutboxStore>>,
    /// The nodes that keep counters in one place.
    limits: Vec<Arc<dyn LimitStore>>,
    external_writer: Box<dyn ExternalWriter>,
    reopen: Option<Reopen>,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// A store that is empty now, and the external writer to the same data.
    pub fn new(
        store: impl Store + 'static,
        external_writer: impl ExternalWriter + 'static,
    ) -> Self {
        Self {
            store: Arc::new(store),
            outbox: None,
            limits: Vec::new(),
            external_writer: Box::new(external_writer),
            reopen: None,
            kept: Vec::new(),
        }
    }

    /// A store that is an outbox too, empty now, and the external writer to the same data.
    pub fn with_outbox(
        store: impl Store + OutboxStore + 'static,
        external_writer: impl ExternalWriter + 'static,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            outbox: Some(Arc::clone(&store) as _),
            store,
            limits: Vec::new(),
            external_writer: Box::new(external_writer),
            reopen: None,
            kept: Vec::new(),
        }
    }

    /// Adds a node that keeps counters of limits: the store itself, or another one on the same data. The suite of limits
    /// needs one at least, and is worth more with three.
    #[must_use]
    pub fn with_limits(mut self, node: impl LimitStore + 'static) -> Self {
        self.limits.push(Arc::new(node));
        self
    }

    /// Says how the same data is opened once more, as another process or the next start would: what was told to be stored
    /// is looked for there, or a store that never writes would pass.
    ///
    /// # Examples
    /// See [`store_suite!`](crate::store_suite).
    #[must_use]
    pub fn reopening<Made>(mut self, open: impl Fn() -> Made + Send + Sync + 'static) -> Self
    where
        Made: Future<Output = Self> + Send + 'static,
    {
        self.reopen = Some(Box::new(move || Box::pin(open())));
        self
    }

    /// The same data, opened once more.
    pub(crate) async fn reopened(&self) -> Self {
        let reopen = self.reopen.as_ref();
        reopen.expect("the subject says how its data is opened once more: `.reopening(…)`")().await
    }

    /// Keeps something, such as a temporary folder, until the store is dropped.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(thing));
        self
    }

    /// The store.
    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The store, for the flows of core.
    pub(crate) fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store)
    }

    /// The outbox.
    pub(crate) fn outbox(&self) -> &dyn OutboxStore {
        self.outbox
            .as_deref()
            .expect("the subject was made with an outbox")
    }

    /// The outbox, for several tasks.
    pub(crate) fn shared_outbox(&self) -> Arc<dyn OutboxStore> {
        Arc::clone(
            self.outbox
                .as_ref()
                .expect("the subject was made with an outbox"),
        )
    }

    /// The first node that keeps counters.
    pub(crate) fn limits(&self) -> &dyn LimitStore {
        self.limits
            .first()
            .expect("the subject was given a node that keeps counters")
            .as_ref()
    }

    /// The node whose turn it is.
    pub(crate) fn limits_of(&self, number: usize) -> Arc<dyn LimitStore> {
        let node = self.limits.iter().cycle().nth(number);
        Arc::clone(node.expect("the subject was given a node that keeps counters"))
    }

    /// Lets the external writer make a change.
    pub(crate) async fn outside(&self, change: ExternalChange) {
        self.external_writer.make(change).await;
    }

    /// Runs so many calls at once, on several threads, and collects what they answer.
    pub(crate) async fn at_once<Call, Answer, T>(&self, count: u32, call: Call) -> Vec<T>
    where
        Call: Fn(Arc<dyn Store>, u32) -> Answer,
        Answer: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let calls: Vec<_> = (0..count)
            .map(|number| tokio::spawn(call(Arc::clone(&self.store), number)))
            .collect();
        let mut answers = Vec::with_capacity(calls.len());
        for call in calls {
            match call.await {
                Ok(answer) => answers.push(answer),
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        }
        answers
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("kept", &self.kept.len())
            .finish_non_exhaustive()
    }
}
