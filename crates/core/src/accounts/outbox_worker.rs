//! The worker that delivers what the outbox owes.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use tokio::task::JoinSet;

use super::deliver::{Attempt, later};
use super::promise::Outbox;
use super::worker_options::WorkerOptions;
use super::{Accounts, StoreAccessError};
use crate::outbox::{Claim, OutboxMessage};
use crate::store::StoreError;

/// Delivers what the outbox owes. Any number of workers, in any number of processes, share one outbox.
///
/// It is woken when a flow of its process owes a message, so that receivers begin at once.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::{Accounts, SignUpForm, WorkerOptions};
/// use phone_auth_core::password::Password;
/// use phone_auth_signals::{ResetPasswordEmail, Signals};
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let signals = Signals::isolated();
/// let mut sent = signals.capture::<ResetPasswordEmail>();
/// let store = Arc::new(MemoryStore::new());
/// let accounts = Accounts::builder(store.clone(), Keyring::new(SecretKey::generate()?))
///     .outbox(store)
///     .signals(signals)
///     .build()?;
/// let worker = accounts.outbox_worker(WorkerOptions::default()).ok_or("no outbox")?;
/// # let form = SignUpForm { first_name: "Ann", last_name: "Smith", username: "ann", email: "ann@example.org",
/// #     phone: "", password: Password::new("correct horse"), confirm_password: Some(Password::new("correct horse")) };
/// # let mut form = form; form.phone = "+91 98765 43210";
/// accounts.sign_up(form).await?;
///
/// accounts.request_password_reset("ann@example.org").await?;
/// assert!(sent.take().is_empty(), "it is owed, and nobody has delivered it");
/// assert_eq!(worker.deliver_due().await?, 1);
/// assert_eq!(sent.take().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutboxWorker {
    accounts: Accounts,
    options: WorkerOptions,
}

impl Accounts {
    /// A worker for the outbox of these flows; none when they have no outbox.
    pub fn outbox_worker(&self, options: WorkerOptions) -> Option<OutboxWorker> {
        self.inner.outbox.as_ref()?;
        Some(OutboxWorker {
            accounts: self.clone(),
            options,
        })
    }
}

impl OutboxWorker {
    /// Works until `stop` ends, then claims once more what is due and lets the receivers at work finish. Needs a Tokio
    /// runtime.
    ///
    /// A store that fails is asked again after a while.
    ///
    /// # Cancel safety
    /// Dropping the future drops the receivers where they await. What they had begun is due again when its lease
    /// ends, so somebody may get a message twice.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        let Some(outbox) = &self.accounts.inner.outbox else {
            return;
        };
        let mut stop = std::pin::pin!(stop);
        let mut attempts = JoinSet::new();
        while !is_over(stop.as_mut()).await {
            while attempts.try_join_next().is_some() {}
            let busy = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
            let free = self.options.concurrency.max(1).saturating_sub(busy);
            let claimed = match self.claim(outbox, free).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::warn!(%error, "the outbox cannot be read");
                    Vec::new()
                }
            };
            if !claimed.is_empty() {
                for message in claimed {
                    attempts.spawn(self.clone().attempt(message));
                }
                continue;
            }
            tokio::select! {
                () = stop.as_mut() => break,
                Some(_) = attempts.join_next() => {}
                () = self.wait(outbox), if free > 0 => {}
            }
        }
        // Whoever was promised something a moment ago does not wait for the next start.
        if let Ok(claimed) = self.claim(outbox, self.options.concurrency.max(1)).await {
            for message in claimed {
                attempts.spawn(self.clone().attempt(message));
            }
        }
        while attempts.join_next().await.is_some() {}
    }

    /// Delivers what is due now, and returns how many messages were claimed; those that fail are due again later. For
    /// tests, and for a job that runs now and then.
    ///
    /// # Errors
    /// [`Unavailable`](super::StoreAccessErrorKind::Unavailable) and [`Broken`](super::StoreAccessErrorKind::Broken): the
    /// store.
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run).
    pub async fn deliver_due(&self) -> Result<usize, StoreAccessError> {
        let Some(outbox) = &self.accounts.inner.outbox else {
            return Ok(0);
        };
        let mut delivered = 0;
        loop {
            let claimed = self.claim(outbox, self.options.concurrency.max(1)).await?;
            if claimed.is_empty() {
                return Ok(delivered);
            }
            delivered += claimed.len();
            let mut attempts = JoinSet::new();
            for message in claimed {
                attempts.spawn(self.clone().attempt(message));
            }
            while attempts.join_next().await.is_some() {}
        }
    }

    async fn claim(&self, outbox: &Outbox, limit: u32) -> Result<Vec<OutboxMessage>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let now = self.accounts.now();
        let claim = Claim {
            now,
            until: later(now, self.options.lease),
            limit,
        };
        outbox.store.claim_messages(&claim).await
    }

    async fn attempt(self, message: OutboxMessage) {
        if let Some(outbox) = &self.accounts.inner.outbox {
            Attempt::new(&self.accounts, outbox, &self.options, message)
                .run()
                .await;
        }
    }

    /// Waits until something may be due.
    async fn wait(&self, outbox: &Outbox) {
        let due = match outbox.store.next_due().await {
            Ok(Some(due)) => (due - self.accounts.now()).to_std().unwrap_or_default(),
            Ok(None) | Err(_) => self.options.idle,
        };
        let patience = due.min(self.options.idle);
        let others = async {
            if self.options.watches_others {
                outbox.store.wait_for_others(patience).await;
            } else {
                tokio::time::sleep(patience).await;
            }
        };
        tokio::select! {
            () = outbox.bell.notified() => {}
            () = others => {}
        }
    }
}

/// Whether a future has ended, without waiting for it.
async fn is_over(mut future: Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}
