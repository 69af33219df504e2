//! What a worker makes of the store under its outbox: one that fails, and one with a clock of its own.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use common::{ANNS_EMAIL, Kit, SECRET, keyring};
use phone_auth_core::accounts::{Accounts, OutboxWorker, WorkerOptions};
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::outbox::{
    Claim, Lease, MessageId, NewMessage, OutboxMessage, Receipts, Revival, Settlement,
};
use phone_auth_core::store::{OutboxStore, StoreError, StoreErrorKind};
use phone_auth_signals::ResetPasswordEmail;
use phone_auth_store_testkit::MemoryStore;

/// What claims come to.
#[derive(Clone, Copy)]
enum Claims {
    Work,
    Fail,
    /// Whatever is due, somebody else has it.
    Nothing,
}

/// A store in memory whose claims can fail while everything else goes on, and that may have a clock.
#[derive(Clone)]
struct Odd {
    inner: MemoryStore,
    clock: Option<ManualClock>,
    mode: Claims,
    claims: Arc<AtomicUsize>,
}

#[async_trait]
impl OutboxStore for Odd {
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.clock.as_ref().map(Clock::now))
    }

    async fn owe_message(&self, message: &NewMessage) -> Result<(), StoreError> {
        self.inner.owe_message(message).await
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        match self.mode {
            Claims::Work => self.inner.claim_messages(claim).await,
            Claims::Fail => Err(StoreError::new(StoreErrorKind::Unavailable)),
            Claims::Nothing => Ok(Vec::new()),
        }
    }

    async fn extend_lease(
        &self,
        lease: Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        self.inner.extend_lease(lease, until, receipts).await
    }

    async fn settle_message(
        &self,
        lease: Lease,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        self.inner.settle_message(lease, settlement).await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.inner.next_due().await
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxMessage>, StoreError> {
        self.inner.outbox_message(id).await
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        self.inner.outbox_after(after, limit).await
    }

    async fn revive_message(&self, revival: &Revival) -> Result<bool, StoreError> {
        self.inner.revive_message(revival).await
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.inner.purge_dead_letters(before).await
    }
}

impl Odd {
    fn of(kit: &Kit, mode: Claims) -> Self {
        Self {
            inner: kit.store.clone(),
            clock: None,
            mode,
            claims: Arc::default(),
        }
    }

    /// Flows of the kit over this outbox, on a machine with this clock.
    fn accounts(&self, kit: &Kit, clock: &ManualClock) -> Accounts {
        Accounts::builder(Arc::new(kit.store.clone()), keyring(SECRET))
            .outbox(Arc::new(self.clone()))
            .signals(kit.signals.clone())
            .clock(clock.clone())
            .hasher(kit.hasher.clone())
            .build()
            .unwrap()
    }
}

fn worker(accounts: &Accounts) -> OutboxWorker {
    accounts.outbox_worker(WorkerOptions::default()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn store_that_fails_is_left_alone() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Fail);
    let accounts = odd.accounts(&kit, &kit.clock);
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let minute = tokio::time::sleep(Duration::from_mins(1));
    worker(&accounts).run(minute).await;
    let claims = odd.claims.load(Ordering::SeqCst);
    assert!(
        (100..=125).contains(&claims),
        "{claims} in 60 s at idle 500 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn stopped_worker_claims_nothing_more() {
    // What is due when the worker is asked to stop is left for another: asked before it begins, and while it waits.
    for waits in [Duration::ZERO, Duration::from_secs(3)] {
        let kit = Kit::with_ann().await;
        let odd = Odd::of(&kit, Claims::Work);
        let accounts = odd.accounts(&kit, &kit.clock);
        let stop = async {
            tokio::time::sleep(waits).await;
            accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
        };
        let mut stop = Box::pin(stop);
        if waits.is_zero() {
            stop.as_mut().await;
            worker(&accounts).run(async {}).await;
            assert_eq!(odd.claims.load(Ordering::SeqCst), 0);
        } else {
            worker(&accounts).run(stop).await;
        }
        let pending = accounts.outbox_after(None, 9).await.unwrap();
        let attempts: Vec<_> = pending.iter().map(|message| message.attempts).collect();
        assert_eq!(attempts, [0], "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_somebody_else_claims_is_not_hammered() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Nothing);
    let accounts = odd.accounts(&kit, &kit.clock);
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let second = tokio::time::sleep(Duration::from_secs(1));
    worker(&accounts).run(second).await;
    let claims = odd.claims.load(Ordering::SeqCst);
    assert!((10..=55).contains(&claims), "{claims} in a second");
}

#[tokio::test]
async fn workers_with_other_clocks_keep_leases() {
    let kit = Kit::with_ann().await;
    let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
    odd.clock = Some(true_time.clone());
    let fast = ManualClock::at(true_time.now() + chrono::TimeDelta::minutes(5));
    let slow = ManualClock::at(true_time.now() - chrono::TimeDelta::minutes(5));
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let fast = odd.accounts(&kit, &fast);
    let other = fast.clone();
    let slow = odd.accounts(&kit, &slow);
    let _looks = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        let other = worker(&other);
        // While this receiver is at work, the message is not due to the worker whose clock is ahead.
        async move { assert_eq!(other.deliver_due().await.unwrap(), 0) }
    });
    let asked = odd.accounts(&kit, &true_time);
    asked.request_password_reset(ANNS_EMAIL).await.unwrap();
    assert_eq!(
        worker(&slow).deliver_due().await.unwrap(),
        1,
        "it is due to the worker whose clock is behind"
    );
    assert_eq!(sent.take().len(), 1);
    assert_eq!(fast.outbox_after(None, 9).await.unwrap(), []);
}
