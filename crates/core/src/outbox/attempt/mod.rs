//! One attempt to deliver a message that was claimed.

mod look;
mod record;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::{Outcome, ReceiverInfo, Report, Retry, Undelivered};

use self::look::Unsent;
use super::handle::Inner;
use super::lanes::Lanes;
use super::outgoing::Outgoing;
use super::redaction::Redaction;
use super::store_clock::StoreClock;
use super::texts::Text;
use super::worker::OutboxWorker;
use super::worker_options::WorkerOptions;
use super::{
    AttemptOutcome, DeadLetter, LeaseState, Obsolete, OutboxMessage, Receipt, ReceiptOutcome, Wait,
};
use crate::store::StoreError;

/// Why a message is given up that comes too late.
const LATE: &str = "its link expired before it could be delivered";

/// Why a message is given up that every receiver says is for another one.
const NOT_TAKEN: &str = "no receiver sends by its channel";

/// What the log says of a message that is given up because of a receiver alone.
const REFUSED: &str = "a receiver refused it; what it said is kept with the dead letter";

/// One attempt.
pub(super) struct Attempt<'a> {
    outbox: &'a Inner,
    options: &'a WorkerOptions,
    clock: &'a StoreClock,
    obsolete: &'a AtomicU64,
    lanes: &'a Lanes,
    message: OutboxMessage,
    /// When to try the receivers that were due and could not be called, if there are any, and what to say of them.
    uncalled: Option<(DateTime<Utc>, String)>,
    /// How many attempts have failed, with this one if it did.
    failures: u32,
    /// Whether a newer message has taken the place of this one.
    is_superseded: bool,
    /// The text message that it is and was counted as, if it is one.
    text: Option<Text>,
    /// Whether nothing was left to do.
    is_obsolete: bool,
    /// Whether there was a panic, after which nobody knows what has gone out.
    has_panicked: bool,
}

/// How an attempt ended.
enum Ended {
    /// With this, to be recorded.
    With(AttemptOutcome),
    /// A newer message has taken the place of this one.
    Superseded,
    /// The message is another worker's.
    Lost,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(worker: &'a OutboxWorker, message: OutboxMessage) -> Self {
        Self {
            outbox: &worker.outbox.inner,
            options: &worker.options,
            clock: &worker.clock,
            obsolete: &worker.obsolete,
            lanes: &worker.lanes,
            failures: message.failures,
            message,
            uncalled: None,
            is_superseded: false,
            text: None,
            is_obsolete: false,
            has_panicked: false,
        }
    }

    /// Delivers the message, and records how that ended. Whatever goes wrong is an end like any other.
    pub(super) async fn run(mut self) {
        let ended = match caught(self.deliver()).await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => Ended::With(self.stuck(&error.to_string())),
            // What a panic said may be anything; that there was one says enough.
            None => {
                self.has_panicked = true;
                Ended::With(self.stuck("there was a panic"))
            }
        };
        match ended {
            Ended::With(outcome) => self.finish(&outcome).await,
            Ended::Superseded => self.release().await,
            Ended::Lost => self.lost(),
        }
    }

    /// How the attempt ended.
    async fn deliver(&mut self) -> Result<Ended, StoreError> {
        let event = match self.look().await? {
            Ok(event) => event,
            Err(Unsent::Obsolete(why)) => return Ok(Ended::With(self.obsolete(why))),
            Err(Unsent::Never(why)) => {
                let failed = |receipt: &&Receipt| receipt.outcome == ReceiptOutcome::Failed;
                let failed = self.message.receipts.iter().rfind(failed);
                return Ok(Ended::With(self.dead(&why, failed)));
            }
            Err(Unsent::Unknown(why)) => return Ok(Ended::With(self.stuck(&why))),
        };
        let signal = event.name();
        Ok(match self.tell(event).await? {
            LeaseState::Held => Ended::With(self.verdict(signal)),
            LeaseState::Superseded => Ended::Superseded,
            LeaseState::Lost => Ended::Lost,
        })
    }

    /// Calls the receivers that have not had it and whose time has come, one after the other, and notes what becomes of
    /// each.
    ///
    /// A newer message ends it at none of them. It takes one receiver some time to have a message, and where a user is
    /// asked for more often than that, the receivers after it would never have one. They get the link of the newest
    /// request, for the older one opens nothing by then.
    async fn tell(&mut self, mut event: Outgoing) -> Result<LeaseState, StoreError> {
        let receivers = event.receivers(&self.outbox.signals);
        self.put_off_absent(&receivers);
        let receipts = &self.message.receipts;
        let now = self.clock.now();
        let waiting: Vec<&ReceiverInfo> = receivers
            .iter()
            .filter(|receiver| receipts.is_due(receiver.id(), now))
            .collect();
        let queue = self.message.message.queue();
        let last = waiting.len().saturating_sub(1);
        let mut is_left_alone = true;
        for (index, receiver) in waiting.into_iter().enumerate() {
            let call = match self.lanes.admit(queue, receiver.id()) {
                Ok(call) => call,
                Err(wait) => {
                    // No failure: it was not called.
                    self.put_off(receiver, wait, "it does not answer, and is left alone");
                    continue;
                }
            };
            is_left_alone = false;
            let (outcome, mut state) = self.call(&event, receiver).await;
            let redaction = Redaction::of(event.secret(), event.code());
            let receipt = self.receipt(receiver, outcome, &redaction);
            let has_failed = receipt
                .as_ref()
                .is_none_or(|receipt| receipt.outcome == ReceiptOutcome::Failed);
            call.ended(has_failed);
            if has_failed {
                self.failures = self.message.failures.saturating_add(1);
            }
            match receipt {
                Some(receipt) => self.message.receipts.note(receipt),
                // Another may be connected in its place in a moment; if none is, nothing is left to do then.
                None => self.put_off(receiver, self.delay(), "it was disconnected"),
            }
            // The last one is recorded with the end of the attempt.
            if state == LeaseState::Held && index < last {
                state = self.extend().await;
            }
            self.is_superseded |= state == LeaseState::Superseded;
            if state == LeaseState::Lost {
                return Ok(state);
            }
            if self.is_superseded && index < last {
                match self.look().await? {
                    Ok(newest) => event = newest,
                    // The newer message finds out by itself what has become of it.
                    Err(_) => break,
                }
            }
        }
        if is_left_alone {
            let ids: Vec<_> = receivers.iter().map(ReceiverInfo::id).collect();
            self.lanes.pause(queue, &ids);
        }
        Ok(if self.is_superseded {
            LeaseState::Superseded
        } else {
            LeaseState::Held
        })
    }

    /// Puts off the receivers that failed and are none of this process: another one may have them, with other settings
    /// or of another version. The message is kept for them as long as its link works, and then says whose it was.
    fn put_off_absent(&mut self, receivers: &[ReceiverInfo]) {
        let now = self.clock.now();
        let receipts = &self.message.receipts;
        let is_absent = |receipt: &&Receipt| {
            let is_here = receivers.iter().any(|it| it.id() == receipt.receiver);
            !is_here && receipts.is_due(&receipt.receiver, now)
        };
        let absent: Vec<Receipt> = receipts.iter().filter(is_absent).cloned().collect();
        for receipt in absent {
            self.failures = self.message.failures.saturating_add(1);
            let put_off = self.failed(&receipt.receiver, &receipt.reason, Duration::ZERO);
            self.message.receipts.note(put_off);
        }
    }

    /// Notes that a receiver was not called, and is to be after this time.
    fn put_off(&mut self, receiver: &ReceiverInfo, wait: Duration, why: &str) {
        let due_at = self.clock.later(wait);
        if self
            .uncalled
            .as_ref()
            .is_none_or(|(other, _)| due_at < *other)
        {
            self.uncalled = Some((due_at, format!("{}: {why}", receiver.id())));
        }
    }

    /// Calls one receiver, and extends the lease for as long as it takes. Both go on at once: a store that is slow slows
    /// no receiver. No report when it took too long.
    async fn call(
        &self,
        event: &Outgoing,
        receiver: &ReceiverInfo,
    ) -> (Option<Report>, LeaseState) {
        let signals = &self.outbox.signals;
        let limit = self.options.receiver_timeout;
        let call = event.send_to(signals, receiver);
        let mut call = std::pin::pin!(tokio::time::timeout(limit, call));
        let mut state = LeaseState::Held;
        let ended = {
            let mut keeping = std::pin::pin!(self.keep_lease(&mut state));
            tokio::select! {
                biased;
                ended = &mut call => ended,
                // The lease is lost, and what has begun is let finish.
                () = &mut keeping => call.await,
            }
        };
        (ended.ok(), state)
    }

    /// Extends the lease again and again, until it is lost. What is superseded stays so, whatever the store answers the
    /// next time, and nobody else may begin meanwhile.
    async fn keep_lease(&self, state: &mut LeaseState) {
        while *state != LeaseState::Lost {
            tokio::time::sleep(self.options.lease() / 3).await;
            let now = self.extend().await;
            if now != LeaseState::Held {
                *state = now;
            }
        }
    }

    /// What calling a receiver came to. None for one that was not called: what has no receipt is not delivered.
    fn receipt(
        &self,
        receiver: &ReceiverInfo,
        report: Option<Report>,
        redaction: &Redaction,
    ) -> Option<Receipt> {
        let id = receiver.id();
        let Some(report) = report else {
            return Some(self.failed(id, "timed out", Duration::ZERO).unsure());
        };
        let own = report
            .receivers()
            .find(|one| one.receiver().is_same(receiver));
        Some(match own?.outcome() {
            Outcome::Done | Outcome::Skipped => Receipt::new(id, ReceiptOutcome::Done, ""),
            Outcome::Failed(error) => {
                let reason = redaction.reason(&**error);
                let receipt = match Undelivered::retry_after(&**error) {
                    Retry::Never => Receipt::new(id, ReceiptOutcome::Refused, reason),
                    // Done for a server of a version that knows no other word.
                    Retry::NotMine => Receipt::new(id, ReceiptOutcome::Done, reason).passed_on(),
                    Retry::After(pause) => self.failed(id, &reason, pause),
                    _ => self.failed(id, &reason, Duration::ZERO),
                };
                if Undelivered::may_have_gone_out(&**error) {
                    receipt.unsure()
                } else {
                    receipt
                }
            }
            Outcome::NoRuntime => self.failed(id, "no runtime", Duration::ZERO),
            // What a panic said may be anything; that there was one says enough.
            other => self.failed(id, other.name(), Duration::ZERO).unsure(),
        })
    }

    /// The receipt of a receiver that failed and asked to be left alone for so long, which it is for at most half of the time
    /// that is left to the link, so that there is time for another attempt: a service that is down for a moment may name an hour.
    fn failed(&self, id: &str, reason: &str, pause: Duration) -> Receipt {
        let left = self.message.deadline() - self.clock.now();
        let pause = pause.min(left.to_std().unwrap_or_default() / 2);
        let delay = self.delay().max(pause);
        Receipt::new(id, ReceiptOutcome::Failed, reason).left_alone(self.clock.wait(delay))
    }

    /// What is to become of the message now that its receivers were called.
    fn verdict(&mut self, signal: &'static str) -> AttemptOutcome {
        let receipts = &self.message.receipts;
        let with = |outcome| move |receipt: &&Receipt| receipt.outcome == outcome;
        let failed = receipts.iter().rfind(with(ReceiptOutcome::Failed));
        let refused = receipts.iter().rfind(with(ReceiptOutcome::Refused));
        if let Some((due_at, why)) = &self.uncalled {
            // What an earlier attempt says of the receivers that were not called is over.
            let now = self.clock.now();
            let times = receipts.iter().filter_map(|receipt| receipt.not_before);
            let due_at = times
                .filter(|time| *time > now)
                .fold(*due_at, DateTime::min);
            return self.again(due_at, why, None);
        }
        if receipts.iter().next().is_none() {
            // Also where the settings say so: another process may have a receiver, and what a user was told is kept.
            self.failures = self.message.failures.saturating_add(1);
            let due_at = self.clock.later(self.delay());
            return self.again(due_at, &format!("nobody receives {signal}"), None);
        }
        match (failed, refused) {
            // Anyone who is due first is not kept waiting by another.
            (Some(failed), _) => {
                let times = receipts.iter().filter_map(|receipt| receipt.not_before);
                let due_at = times.min().unwrap_or_else(|| self.clock.now());
                self.again(due_at, "", Some(failed))
            }
            (None, Some(refused)) => self.dead("", Some(refused)),
            (None, None) if receipts.iter().all(|receipt| receipt.is_passed_on) => {
                self.dead(NOT_TAKEN, None)
            }
            (None, None) => AttemptOutcome::Finished,
        }
    }

    /// What is to become of a message that could not even be looked at: another attempt later, as long as its link works.
    fn stuck(&mut self, why: &str) -> AttemptOutcome {
        let id = self.message.id.get();
        self.failures = self.message.failures.saturating_add(1);
        if self.is_late() {
            return self.dead(&format!("{LATE}; {why}"), None);
        }
        tracing::warn!(id, why, "a message could not be delivered yet");
        let due_at = self.clock.later(self.delay());
        self.again(due_at, why, None)
    }

    /// How long to wait after this attempt.
    fn delay(&self) -> Duration {
        let random = self.random();
        let failures = self.message.failures.saturating_add(1);
        self.options.back_off.delay(failures, random)
    }

    /// Another attempt at a time by the clock of the store, if its link still works then. `why` and `receipt` are as for
    /// [`dead`](Self::dead).
    fn again(&self, due_at: DateTime<Utc>, why: &str, receipt: Option<&Receipt>) -> AttemptOutcome {
        if due_at >= self.message.deadline() {
            let separator = if why.is_empty() { "" } else { "; " };
            let end = if self.message.message.event.is_some() {
                "its time is over before the next attempt"
            } else {
                "its link would expire before the next attempt"
            };
            let why = format!("{end}{separator}{why}");
            return self.dead(&why, receipt);
        }
        let since = self.clock.now();
        AttemptOutcome::Retry {
            wait: Wait {
                since,
                until: due_at,
            },
            failures: self.failures,
            receipts: self.message.receipts.clone(),
        }
    }

    /// Gives the message up: for a reason in our own words, because of a receiver, or both. What a receiver says may hold
    /// an address, and is kept for the operator alone; the log has its id and the kind of its outcome.
    fn dead(&self, why: &str, receipt: Option<&Receipt>) -> AttemptOutcome {
        let id = self.message.id.get();
        let receiver = receipt.map(|receipt| receipt.receiver.as_str());
        let outcome = receipt.map(|receipt| receipt.outcome.name());
        let said = if why.is_empty() { REFUSED } else { why };
        tracing::error!(
            id,
            why = said,
            receiver,
            outcome,
            "a message was given up; it is kept as a dead letter"
        );
        let parts = [Some(why.to_owned()), receipt.map(sentence)];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        let reason = parts.join("; ").trim_start_matches("; ").to_owned();
        AttemptOutcome::DeadLettered {
            letter: DeadLetter {
                at: self.clock.now(),
                reason,
            },
            receipts: self.message.receipts.clone(),
        }
    }

    /// Nothing is left to do for the message.
    fn obsolete(&mut self, why: Obsolete) -> AttemptOutcome {
        self.note_obsolete(why);
        self.is_obsolete = true;
        AttemptOutcome::Finished
    }

    fn note_obsolete(&self, why: Obsolete) {
        self.obsolete.fetch_add(1, Ordering::Relaxed);
        let (id, why) = (self.message.id.get(), why.text());
        tracing::info!(id, why, "a message was obsolete");
    }

    fn random(&self) -> u32 {
        let mut bytes = [0; 4];
        // Without randomness all wait for the shortest time, which only spreads them less.
        match self.outbox.randomness.fill(&mut bytes) {
            Ok(()) => u32::from_be_bytes(bytes),
            Err(_) => 0,
        }
    }
}

/// Runs something to its end; nothing if it panicked.
async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        // After a panic the work is not polled again, and what it has changed is a receipt or a count.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(poll) => poll.map(Some),
            Err(payload) => {
                // It can panic as well, when it is dropped.
                if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(payload);
                }
                Poll::Ready(None)
            }
        }
    })
    .await
}

/// A receipt that did not succeed, for the operator.
fn sentence(receipt: &Receipt) -> String {
    format!("{}: {}", receipt.receiver, receipt.reason)
}
