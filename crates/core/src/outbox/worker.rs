//! The worker that delivers the messages of the outbox.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::attempt::Attempt;
use super::handle::{Inner, Outbox};
use super::lanes::{Lanes, Place, Room};
use super::store_clock::StoreClock;
use super::worker_options::WorkerOptions;
use super::{Claim, NextDue, OutboxMessage, Queues};
use crate::flow_error::Failure;
use crate::site_key::{self, SiteKeyErrorKind};
use crate::store::{OutboxStore, StoreError};

/// How often the store is asked what time it is, while nothing is wrong with the clock here.
const CLOCK_LASTS: Duration = Duration::from_mins(1);

/// The least time to wait after nothing could be claimed, even where something seems to be due: someone else is about
/// to claim it, or nobody can.
const LEAST_WAIT: Duration = Duration::from_millis(20);

/// How long a worker waits once a flow has woken it. The answer of that flow is on its way by then: anyone who measures
/// how long the answer takes must not see that there was something to send.
const AFTER_WAKING: Duration = Duration::from_millis(10);

/// Delivers the messages of the outbox. Any number of workers, in any number of processes, share one outbox.
///
/// It is woken when a flow of its process enqueues a message, so that receivers begin within a few milliseconds.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::{Accounts, SignUpForm};
/// use phone_auth_core::outbox::WorkerOptions;
/// use phone_auth_core::password::Password;
/// use phone_auth_events::{ResetPasswordEmail, Signals};
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
/// let worker = accounts.outbox().ok_or("no outbox")?.worker(WorkerOptions::default());
/// # let form = SignUpForm { first_name: "Ann", last_name: "Smith", username: "ann", email: "ann@example.org",
/// #     phone: "", password: Password::new("correct horse"), confirm_password: Some(Password::new("correct horse")) };
/// # let mut form = form; form.phone = "+91 98765 43210";
/// accounts.sign_up(form).await?;
///
/// accounts.request_password_reset("ann@example.org").await?;
/// assert!(sent.take().is_empty(), "it is pending, and nothing has delivered it");
/// assert_eq!(worker.deliver_due().await?, 1);
/// assert_eq!(sent.take().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct OutboxWorker {
    pub(super) outbox: Outbox,
    pub(super) options: WorkerOptions,
    pub(super) clock: StoreClock,
    /// How many messages were obsolete.
    pub(super) obsolete: Arc<AtomicU64>,
    pub(super) lanes: Arc<Lanes>,
}

impl Outbox {
    /// A worker that delivers its messages.
    pub fn worker(&self, options: WorkerOptions) -> OutboxWorker {
        OutboxWorker {
            clock: StoreClock::new(Arc::clone(&self.inner.clock)),
            outbox: self.clone(),
            options,
            obsolete: Arc::default(),
            lanes: Arc::default(),
        }
    }
}

impl OutboxWorker {
    /// Works until `stop` ends, then claims nothing more and lets the receivers at work finish. Needs a Tokio runtime.
    /// Sessions that are over, and dead letters that died more than ninety days ago, are removed from the store
    /// meanwhile, at the start and every hour.
    ///
    /// A store that fails is asked again after [`idle`](WorkerOptions::idle). Once a minute, and when the clock of the
    /// machine was set, it is asked what time it is. Then, and whenever something was claimed, it is asked whether it
    /// belongs to the key of these flows; while it belongs to another, nothing is sent.
    ///
    /// # Cancel safety
    /// Dropping the future drops the receivers where they await. What they had begun is due again when its lease
    /// ends, so someone may get a message twice.
    pub async fn run(&self, stop: impl Future<Output = ()> + Send) {
        tokio::select! {
            () = self.deliver_until(stop) => {}
            never = self.sweep() => match never {},
            never = self.sweep_limits() => match never {},
        }
    }

    fn store(&self) -> &dyn OutboxStore {
        &*self.outbox.inner.store
    }

    /// Delivers until `stop` ends.
    async fn deliver_until(&self, stop: impl Future<Output = ()> + Send) {
        let mut stop = std::pin::pin!(stop);
        let mut attempts = JoinSet::new();
        let mut clock_lasts: Option<Instant> = None;
        let mut is_foreign = false;
        while !is_over(stop.as_mut()).await {
            while attempts.try_join_next().is_some() {}
            let room = self.lanes.room(self.options.concurrency);
            let is_time = clock_lasts.is_none_or(|end| end <= Instant::now());
            if is_time || self.clock.is_doubtful() {
                let set = tokio::select! {
                    biased;
                    () = stop.as_mut() => break,
                    set = self.clock.set(self.store()) => set,
                };
                clock_lasts = set.is_ok().then(|| Instant::now() + CLOCK_LASTS);
                is_foreign = self.has_foreign_key().await;
            }
            if is_foreign {
                tokio::select! {
                    () = stop.as_mut() => break,
                    () = tokio::time::sleep(self.options.idle) => continue,
                }
            }
            // Waited for to its end: what a claim that is cut short has taken would wait until its lease ends.
            let claimed = self.claim(room).await;
            let has_failed = claimed.is_err();
            match claimed {
                Ok(claimed) if !claimed.is_empty() => {
                    // The key may have been replaced since. Then others get the messages when these leases end.
                    is_foreign = self.has_foreign_key().await;
                    if !is_foreign {
                        self.begin(&mut attempts, claimed);
                    }
                    continue;
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the outbox cannot be read"),
            }
            tokio::select! {
                () = stop.as_mut() => break,
                // A store that fails is left alone, whatever it says is due.
                () = tokio::time::sleep(self.options.idle), if has_failed => {}
                Some(_) = attempts.join_next(), if !has_failed => {}
                () = resumed(room), if !has_failed => {}
                () = self.wait(room), if !has_failed => {}
            }
        }
        // No last claim: anyone who asks to stop may have no time for what it would begin, and a message that is cut
        // off between its receiver and the record of it is sent twice.
        while attempts.join_next().await.is_some() {}
    }

    /// Whether the store belongs to another key by now. One that cannot be asked leaves it as it was when the process
    /// began.
    async fn has_foreign_key(&self) -> bool {
        if !self.options.checks_key {
            return false;
        }
        let Inner { users, links, .. } = &*self.outbox.inner;
        let looked = site_key::look(&**users, links.keyring()).await;
        let is_foreign = looked.is_err_and(|error| error.kind() == SiteKeyErrorKind::Foreign);
        if is_foreign {
            tracing::error!(
                "the database has another secret key by now, so no message is sent: links of this process would open \
                 nowhere; start it anew with the key of the database"
            );
        }
        is_foreign
    }

    /// How many messages this worker and its clones found [obsolete](super::Obsolete): nothing was left to do for them, or
    /// a newer one took their place before they were recorded as sent.
    pub fn obsolete_messages(&self) -> u64 {
        self.obsolete.load(Ordering::Relaxed)
    }

    fn begin(&self, attempts: &mut JoinSet<()>, claimed: Vec<OutboxMessage>) {
        for message in claimed {
            let place = self.lanes.begin(message.message.queue());
            attempts.spawn(self.clone().attempt(message, place));
        }
    }

    /// Delivers what is due now, and returns how many messages were claimed; those that fail are due again later. For
    /// tests, and for a job that runs now and then.
    ///
    /// # Errors
    /// [`Unavailable`](crate::accounts::FailureKind::Unavailable) or [`Broken`](crate::accounts::FailureKind::Broken):
    /// the store.
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run).
    pub async fn deliver_due(&self) -> Result<usize, Failure> {
        self.clock.set(self.store()).await?;
        if self.has_foreign_key().await {
            return Ok(0);
        }
        let all = Room {
            free: self.options.concurrency.max(1),
            without: Queues::default(),
            resumes_at: None,
        };
        let mut delivered = 0;
        loop {
            let claimed = self.claim(all).await?;
            if claimed.is_empty() || self.has_foreign_key().await {
                return Ok(delivered);
            }
            delivered += claimed.len();
            let mut attempts = JoinSet::new();
            self.begin(&mut attempts, claimed);
            while attempts.join_next().await.is_some() {}
        }
    }

    async fn claim(&self, room: Room) -> Result<Vec<OutboxMessage>, StoreError> {
        if room.free == 0 {
            return Ok(Vec::new());
        }
        let lease = self.clock.wait(self.options.lease());
        let claim = Claim {
            now: lease.since,
            until: lease.until,
            limit: room.free,
            without: room.without,
        };
        self.store().claim_messages(&claim).await
    }

    async fn attempt(self, message: OutboxMessage, _place: Place) {
        Attempt::new(&self, message).run().await;
    }

    /// Waits until something may be due.
    async fn wait(&self, room: Room) {
        if room.free == 0 {
            return tokio::time::sleep(self.options.idle).await;
        }
        let due = match self.store().next_due().await {
            Ok(NextDue::At(due)) => self.clock.until(due),
            Ok(NextDue::Now) => Duration::ZERO,
            Ok(NextDue::Never) | Err(_) => self.options.idle,
        };
        let patience = if room.without == Queues::default() || due > LEAST_WAIT {
            due.max(LEAST_WAIT).min(self.options.idle)
        } else {
            // What is due is of a queue that nothing is claimed from now. What else becomes due waits no longer than
            // this.
            self.options.idle
        };
        let others = async {
            if self.options.watches_others {
                self.store().wait_for_others(patience).await;
            } else {
                tokio::time::sleep(patience).await;
            }
        };
        tokio::select! {
            () = self.outbox.inner.wake.notified() => tokio::time::sleep(AFTER_WAKING).await,
            () = others => {}
        }
    }
}

/// Waits until a queue that is paused is no longer.
async fn resumed(room: Room) {
    match room.resumes_at {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Whether a future has ended, without waiting for it.
async fn is_over(mut future: Pin<&mut (impl Future<Output = ()> + Send)>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}
