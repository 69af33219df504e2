//! What a worker makes of the store under its outbox: one that fails or is slow, and one with a clock of its own.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a link of another form"
)]

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::{ANNS_EMAIL, ANNS_PHONE, Kit, SECRET, keyring};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, Lease, LeaseState, MessageId, NewMessage, NextDue, OutboxMessage,
    OutboxRow, Queues, Receipts, Requeue, Requeued, Superseded, Wait,
};
use phone_auth_core::outbox::{OutboxWorker, WorkerOptions};
use phone_auth_core::store::{OutboxStore, StoreError, StoreErrorKind};
use phone_auth_events::{ResetPasswordEmail, ResetPasswordPhone, Retry, Undelivered};
use phone_auth_store_testkit::MemoryStore;

/// What claims come to.
#[derive(Clone, Copy)]
enum Claims {
    Work,
    Fail,
    /// Whatever is due, someone else has it.
    Nothing,
}

/// A store in memory whose parts can fail or be slow while everything else goes on, and that may have a clock.
#[derive(Clone)]
struct Odd {
    inner: MemoryStore,
    clock: Option<ManualClock>,
    mode: Claims,
    /// How often the next message is asked for between a claim and what comes of it, and by whom.
    asks_again: Arc<Mutex<(u32, Option<Accounts>)>>,
    claims: Arc<AtomicUsize>,
    /// What leases were extended with.
    extended: Arc<Mutex<Vec<Receipts>>>,
    /// Whether extensions fail, and how long they take.
    extensions_fail: bool,
    extensions_take: Duration,
    /// How many ends of an attempt cannot be recorded.
    failing_ends: Arc<AtomicU32>,
}

#[async_trait]
impl OutboxStore for Odd {
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(self.clock.as_ref().map(Clock::now))
    }

    async fn enqueue_message(
        &self,
        message: &NewMessage,
    ) -> Result<Option<Superseded>, StoreError> {
        self.inner.enqueue_message(message).await
    }

    async fn enqueue_both(
        &self,
        messages: [&NewMessage; 2],
    ) -> Result<[Option<Superseded>; 2], StoreError> {
        self.inner.enqueue_both(messages).await
    }

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        self.inner.pending_messages(at_most).await
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        match self.mode {
            Claims::Work => {
                let claimed = self.inner.claim_messages(claim).await?;
                let again = {
                    let (left, accounts) = &mut *self.asks_again.lock().unwrap();
                    *left = left.saturating_sub(u32::from(!claimed.is_empty()));
                    accounts.clone().filter(|_| *left > 0)
                };
                if let Some(accounts) = again.filter(|_| !claimed.is_empty()) {
                    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
                }
                Ok(claimed)
            }
            Claims::Fail => Err(StoreError::new(StoreErrorKind::Unavailable)),
            Claims::Nothing => Ok(Vec::new()),
        }
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        wait: Wait,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        self.extended.lock().unwrap().push(receipts.clone());
        tokio::time::sleep(self.extensions_take).await;
        if self.extensions_fail {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        }
        self.inner.extend_lease(lease, wait, receipts).await
    }

    async fn finish_message(
        &self,
        lease: &Lease,
        outcome: &AttemptOutcome,
    ) -> Result<LeaseState, StoreError> {
        let left = self
            .failing_ends
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            });
        if left.is_ok() {
            return Err(StoreError::new(StoreErrorKind::Unavailable));
        }
        self.inner.finish_message(lease, outcome).await
    }

    async fn release_superseded(
        &self,
        lease: &Lease,
        failures: u32,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        self.inner
            .release_superseded(lease, failures, receipts)
            .await
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        self.inner.next_due().await
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreError> {
        self.inner.outbox_message(id).await
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner.outbox_after(after, limit).await
    }

    async fn requeue_message(&self, requeue: &Requeue) -> Result<Requeued, StoreError> {
        self.inner.requeue_message(requeue).await
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
            asks_again: Arc::default(),
            claims: Arc::default(),
            extended: Arc::default(),
            extensions_fail: false,
            extensions_take: Duration::ZERO,
            failing_ends: Arc::default(),
        }
    }

    /// Flows of the kit over this outbox, on a machine with this clock.
    fn accounts(&self, kit: &Kit, clock: impl Clock + 'static) -> Accounts {
        self.accounts_over(&kit.store, kit, clock)
    }

    /// The same, where users are looked up in another store.
    fn accounts_over(
        &self,
        users: &MemoryStore,
        kit: &Kit,
        clock: impl Clock + 'static,
    ) -> Accounts {
        Accounts::builder(Arc::new(users.clone()), keyring(SECRET))
            .outbox(Arc::new(self.clone()))
            .signals(kit.signals.clone())
            .clock(clock)
            .hasher(kit.hasher.clone())
            .build()
            .unwrap()
    }

    /// All messages.
    async fn messages(&self) -> Vec<OutboxMessage> {
        let rows = self.inner.outbox_after(None, 99).await.unwrap();
        rows.into_iter()
            .map(|row| row.into_message().unwrap())
            .collect()
    }

    /// The only message, which may be gone.
    async fn message(&self) -> Option<OutboxMessage> {
        let mut messages = self.messages().await;
        assert!(messages.len() < 2);
        messages.pop()
    }
}

fn worker(accounts: &Accounts) -> OutboxWorker {
    accounts.outbox().unwrap().worker(WorkerOptions::default())
}

#[tokio::test(start_paused = true)]
async fn store_that_fails_is_left_alone() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Fail);
    let accounts = odd.accounts(&kit, kit.clock.clone());
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
        let accounts = odd.accounts(&kit, kit.clock.clone());
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
        let pending = odd.messages().await;
        let attempts: Vec<_> = pending.iter().map(|message| message.attempts).collect();
        assert_eq!(attempts, [0], "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn message_that_someone_else_claims_is_not_hammered() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Nothing);
    let accounts = odd.accounts(&kit, kit.clock.clone());
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
    let fast = ManualClock::at(true_time.now() + TimeDelta::minutes(5));
    let slow = ManualClock::at(true_time.now() - TimeDelta::minutes(5));
    let mut sent = kit.signals.capture::<ResetPasswordEmail>();
    let fast = odd.accounts(&kit, fast);
    let other = fast.clone();
    let slow = odd.accounts(&kit, slow);
    let _looks = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        let other = worker(&other);
        // While this receiver is at work, the message is not due to the worker whose clock is ahead.
        async move { assert_eq!(other.deliver_due().await.unwrap(), 0) }
    });
    let asked = odd.accounts(&kit, true_time);
    asked.request_password_reset(ANNS_EMAIL).await.unwrap();
    assert_eq!(
        worker(&slow).deliver_due().await.unwrap(),
        1,
        "it is due to the worker whose clock is behind"
    );
    assert_eq!(sent.take().len(), 1);
    assert_eq!(odd.messages().await, []);
}

#[tokio::test]
async fn running_worker_goes_by_the_stores_clock() {
    let kit = Kit::with_ann().await;
    let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
    odd.clock = Some(true_time.clone());
    let accounts = odd.accounts(&kit, true_time.clone());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let calls = AtomicUsize::new(0);
    let _fails_once = kit.signals.connect(move |_: &ResetPasswordEmail| {
        match calls.fetch_add(1, Ordering::SeqCst) {
            0 => Err("no route to host"),
            _ => Ok(()),
        }
    });
    assert_eq!(worker(&accounts).deliver_due().await.unwrap(), 1);
    true_time.advance(Duration::from_secs(3));
    // It waits for the time of another attempt, which has come by the store's clock and not by the worker's own.
    let behind = ManualClock::at(true_time.now() - TimeDelta::minutes(5));
    let behind = odd.accounts(&kit, behind);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move {
        worker(&behind).run(async { drop(stopped.await) }).await;
    });
    let gone = async {
        while odd.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_mins(1), gone).await;
    assert!(gone.is_ok(), "it was delivered");
    drop(stop);
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn running_worker_whose_clock_is_ahead_takes_no_lease() {
    let kit = Kit::with_ann().await;
    let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
    odd.clock = Some(true_time.clone());
    let accounts = odd.accounts(&kit, true_time.clone());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let now = true_time.now();
    let held = Claim {
        now,
        until: now + TimeDelta::minutes(1),
        limit: 1,
        without: Queues::default(),
    };
    assert_eq!(odd.inner.claim_messages(&held).await.unwrap().len(), 1);
    let ahead = ManualClock::at(now + TimeDelta::minutes(5));
    let ahead = odd.accounts(&kit, ahead);
    let minute = tokio::time::sleep(Duration::from_mins(1));
    worker(&ahead).run(minute).await;
    assert!(odd.claims.load(Ordering::SeqCst) > 1, "it looked");
    assert_eq!(odd.message().await.unwrap().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn clock_that_is_set_ends_no_lease() {
    for set in [TimeDelta::hours(-1), TimeDelta::hours(1)] {
        let kit = Kit::with_ann().await;
        let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
        odd.clock = Some(true_time.clone());
        let asked = odd.accounts(&kit, true_time.clone());
        asked.request_password_reset(ANNS_EMAIL).await.unwrap();
        let here = ManualClock::at(true_time.now());
        let accounts = odd.accounts(&kit, here.clone());
        let (passing, store) = (true_time.clone(), odd.clone());
        let _works = kit.signals.connect_async(move |_: ResetPasswordEmail| {
            let (other, here) = (worker(&asked), here.clone());
            let (passing, store) = (passing.clone(), store.clone());
            async move {
                here.set(here.now() + set);
                tokio::time::sleep(Duration::from_secs(6)).await;
                // The lease that it began with is over, and was extended meanwhile.
                passing.advance(Duration::from_secs(16));
                assert_eq!(other.deliver_due().await.unwrap(), 0, "{set}");
                let ends = store.message().await.unwrap().due_at - passing.now();
                assert!(
                    ends < TimeDelta::seconds(5),
                    "{set}: it is no longer than it was"
                );
            }
        });
        assert_eq!(worker(&accounts).deliver_due().await.unwrap(), 1);
        assert_eq!(odd.message().await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn machine_that_slept_asks_what_time_it_is() {
    let kit = Kit::with_ann().await;
    let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
    odd.clock = Some(true_time.clone());
    let accounts = odd.accounts(&kit, true_time.clone());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let _busy = kit.signals.connect(|_: &ResetPasswordEmail| {
        let pause = Retry::After(Duration::from_mins(5));
        Err::<(), _>(Undelivered::new(pause, "busy"))
    });
    let attempts = async || odd.message().await.unwrap().attempts;
    let running = worker(&accounts);
    let wakes = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(attempts().await, 1);
        // Nothing that counts seconds has counted these.
        true_time.advance(Duration::from_mins(6));
        tokio::time::sleep(Duration::from_secs(5)).await;
    };
    let ((), ()) = tokio::join!(
        running.run(tokio::time::sleep(Duration::from_secs(11))),
        wakes
    );
    assert_eq!(attempts().await, 2);
}

#[tokio::test(start_paused = true)]
async fn stores_clock_tells_what_is_late() {
    // By how much the clock of the worker's machine is wrong, how long the message has waited, and whether it is late.
    for (hours, waited, is_late) in [(5, 0, false), (-5, 0, false), (-5, 11, true), (5, 9, false)] {
        let kit = Kit::with_ann().await;
        let (mut odd, true_time) = (Odd::of(&kit, Claims::Work), kit.clock.clone());
        odd.clock = Some(true_time.clone());
        let accounts = odd.accounts(&kit, true_time.clone());
        accounts.request_password_reset(ANNS_PHONE).await.unwrap();
        true_time.advance(Duration::from_mins(waited));
        let mut sent = kit.signals.capture::<ResetPasswordPhone>();
        let wrong = ManualClock::at(true_time.now() + TimeDelta::hours(hours));
        let wrong = odd.accounts(&kit, wrong);
        assert_eq!(worker(&wrong).deliver_due().await.unwrap(), 1);
        let case = format!("{hours} h, {waited} min");
        assert_eq!(sent.take().len(), usize::from(!is_late), "{case}");
        let letter = odd.message().await.and_then(|message| message.dead);
        assert_eq!(letter.is_some(), is_late, "{case}");
        // The letter is dated by that clock, too.
        assert!(letter.is_none_or(|letter| letter.at == true_time.now()));
    }
}

#[tokio::test]
async fn message_that_cannot_be_looked_at_ends() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    accounts.request_password_reset(ANNS_PHONE).await.unwrap();
    let gone = MemoryStore::new();
    gone.fail_with(StoreErrorKind::Broken);
    let blind = worker(&odd.accounts_over(&gone, &kit, kit.clock.clone()));
    let mut attempts = 0;
    for _ in 0..660 {
        attempts += blind.deliver_due().await.unwrap();
        kit.clock.advance(Duration::from_secs(1));
    }
    assert!(
        (7..=10).contains(&attempts),
        "{attempts} attempts in ten minutes"
    );
    let letter = odd.message().await.unwrap().dead.unwrap();
    assert!(
        letter
            .reason
            .ends_with("the store holds or answered what it should not"),
        "{}",
        letter.reason
    );
}

#[tokio::test]
async fn late_message_that_cannot_be_looked_at_ends_at_once() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    accounts.request_password_reset(ANNS_PHONE).await.unwrap();
    kit.clock.advance(Duration::from_mins(10));
    let gone = MemoryStore::new();
    gone.fail_with(StoreErrorKind::Unavailable);
    let blind = worker(&odd.accounts_over(&gone, &kit, kit.clock.clone()));
    assert_eq!(blind.deliver_due().await.unwrap(), 1);
    let reason = odd.message().await.unwrap().dead.unwrap().reason;
    assert_eq!(
        reason,
        "its link expired before it could be delivered; the store is not available"
    );
}

/// A clock that panics when it is next read, if it is told to.
#[derive(Clone)]
struct Trap {
    clock: ManualClock,
    is_set: Arc<AtomicUsize>,
}

impl Clock for Trap {
    fn now(&self) -> DateTime<Utc> {
        let set = self.is_set.swap(0, Ordering::SeqCst);
        assert_eq!(set, 0, "the clock is a trap");
        self.clock.now()
    }
}

#[tokio::test]
async fn panic_in_an_attempt_is_put_off() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let trap = Trap {
        clock: kit.clock.clone(),
        is_set: Arc::default(),
    };
    let accounts = odd.accounts(&kit, trap.clone());
    accounts.request_password_reset(ANNS_PHONE).await.unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    // The attempt reads the clock after each receiver.
    let _sets = kit.signals.connect(move |_: &ResetPasswordPhone| {
        if counted.fetch_add(1, Ordering::SeqCst) == 0 {
            trap.is_set.store(1, Ordering::SeqCst);
        }
    });
    let after = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&after);
    let _after = kit.signals.connect(move |_: &ResetPasswordPhone| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let worker = worker(&accounts);
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    let message = odd.message().await.unwrap();
    assert_eq!((message.failures, message.dead), (1, None));
    assert_eq!(after.load(Ordering::SeqCst), 0);
    assert_eq!(
        worker.deliver_due().await.unwrap(),
        0,
        "there is a back-off"
    );
    kit.clock.advance(Duration::from_secs(2));
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    assert_eq!(odd.message().await, None);
    assert_eq!(after.load(Ordering::SeqCst), 1);
    assert_eq!(
        calls.load(Ordering::SeqCst),
        1,
        "who had it is not called again"
    );
}

#[tokio::test]
async fn lease_is_extended_between_receivers() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    let seen = Arc::clone(&odd.extended);
    let (before, counted) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&odd.extended));
    let lengths = Arc::clone(&before);
    let _first = kit.signals.connect(move |_: &ResetPasswordEmail| {
        lengths.lock().unwrap().push(seen.lock().unwrap().len());
    });
    let lengths = Arc::clone(&before);
    let _second = kit.signals.connect(move |_: &ResetPasswordEmail| {
        lengths.lock().unwrap().push(counted.lock().unwrap().len());
    });
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker(&accounts).deliver_due().await.unwrap();
    // The record of the kit is a receiver too, and the first of three.
    assert_eq!(*before.lock().unwrap(), [1, 2]);
    let extended = odd.extended.lock().unwrap();
    let noted: Vec<_> = extended
        .iter()
        .map(|receipts| receipts.iter().count())
        .collect();
    assert_eq!(noted, [1, 2], "what became of it so far is kept");
}

#[tokio::test(start_paused = true)]
async fn lease_is_extended_while_a_receiver_works() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    let _slow = kit
        .signals
        .connect_async(|_: ResetPasswordEmail| tokio::time::sleep(Duration::from_secs(29)));
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker(&accounts).deliver_due().await.unwrap();
    let extended = odd.extended.lock().unwrap().len();
    assert_eq!(
        extended,
        5 + 1,
        "every five seconds, and after the record of the kit"
    );
    assert_eq!(odd.message().await, None);
}

#[tokio::test(start_paused = true)]
async fn slow_store_slows_no_receiver() {
    let kit = Kit::with_ann().await;
    let mut odd = Odd::of(&kit, Claims::Work);
    odd.extensions_take = Duration::from_secs(4);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    let took = Arc::new(Mutex::new(Duration::ZERO));
    let measured = Arc::clone(&took);
    let _works = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        let measured = Arc::clone(&measured);
        async move {
            let begun = tokio::time::Instant::now();
            for _ in 0..15 {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            *measured.lock().unwrap() = begun.elapsed();
        }
    });
    let mut options = WorkerOptions::default();
    options.lease = Duration::from_millis(300);
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let worker = accounts.outbox().unwrap().worker(options);
    worker.deliver_due().await.unwrap();
    let took = *took.lock().unwrap();
    assert!(
        took < Duration::from_millis(1600),
        "1.5 s of work took {took:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn lease_that_cannot_be_extended_is_held() {
    let kit = Kit::with_ann().await;
    let mut odd = Odd::of(&kit, Claims::Work);
    odd.extensions_fail = true;
    let accounts = odd.accounts(&kit, kit.clock.clone());
    let _slow = kit
        .signals
        .connect_async(|_: ResetPasswordEmail| tokio::time::sleep(Duration::from_secs(12)));
    let mut last = kit.signals.capture::<ResetPasswordEmail>();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker(&accounts).deliver_due().await.unwrap();
    assert_eq!(last.take().len(), 1, "all are called");
    assert_eq!(odd.message().await, None, "and it is recorded");
}

#[tokio::test(start_paused = true)]
async fn end_is_recorded_when_the_store_is_back() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    odd.failing_ends.store(5, Ordering::SeqCst);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    worker(&accounts).deliver_due().await.unwrap();
    assert_eq!(odd.failing_ends.load(Ordering::SeqCst), 0);
    assert_eq!(odd.message().await, None);
}

#[tokio::test]
async fn requests_without_end_keep_no_message_from_being_sent() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    kit.record.forget();
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    *odd.asks_again.lock().unwrap() = (4, Some(accounts.clone()));
    worker(&accounts).deliver_due().await.unwrap();
    let sent = kit.record.messages();
    assert_eq!(
        sent.len(),
        4,
        "each of three, and the one that nothing comes after"
    );
    for message in sent.iter().skip(2) {
        let (id, token) = message.parts();
        let link = accounts.check_reset_link(&id, &token).await;
        assert!(link.is_ok(), "it is the link of the newest request");
    }
    assert_eq!(odd.message().await, None);
}

#[tokio::test]
async fn newer_request_waits_for_the_one_at_work() {
    let kit = Kit::with_ann().await;
    let odd = Odd::of(&kit, Claims::Work);
    let accounts = odd.accounts(&kit, kit.clock.clone());
    let (asks, other) = (accounts.clone(), accounts.clone());
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _fails = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        let (asks, other) = (asks.clone(), other.clone());
        let is_first = counted.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            if is_first {
                // While this receiver is at work, someone asks again, and another worker looks.
                for _ in 0..3 {
                    asks.request_password_reset(ANNS_EMAIL).await.unwrap();
                }
                assert_eq!(worker(&other).deliver_due().await.unwrap(), 0);
            }
            Err::<(), _>("no route to host")
        }
    });
    let sent = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&sent);
    let _last = kit.signals.connect(move |event: &ResetPasswordEmail| {
        let key = event.envelope.idempotency_key.clone().unwrap();
        let url = event.url.as_str().to_owned();
        noted.lock().unwrap().push((key, url));
    });
    accounts.request_password_reset(ANNS_EMAIL).await.unwrap();
    let worker = worker(&accounts);
    assert_eq!(
        worker.deliver_due().await.unwrap(),
        2,
        "the older one, and the newest"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1, "who failed is left alone");
    let key = odd.message().await.unwrap().message.key;
    let sent = sent.lock().unwrap().clone();
    let keys: Vec<_> = sent.iter().map(|(key, _)| key).collect();
    assert!(
        keys.len() == 2 && *keys[0] != key && *keys[1] == key,
        "one of each"
    );
    for (_, url) in sent {
        let parts: Vec<&str> = url.split('/').collect();
        let link = accounts.check_reset_link(parts[3], parts[4]).await;
        assert!(
            link.is_ok(),
            "no link is sent that a newer request has ended"
        );
    }
    assert_eq!(worker.obsolete_messages(), 1);
    kit.clock.advance(Duration::from_secs(2));
    assert_eq!(worker.deliver_due().await.unwrap(), 1);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
