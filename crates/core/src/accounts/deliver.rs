//! One attempt to deliver a message that was claimed.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_signals::{Outcome, ReceiverInfo, Report, Retry, Undelivered};

use super::Accounts;
use super::links::Links;
use super::message::{MessageEvent, To};
use super::promise::Outbox;
use super::redaction::Redaction;
use super::store_clock::{StoreClock, later};
use super::worker_options::WorkerOptions;
use crate::link::LinkTarget;
use crate::outbox::{
    DeadLetter, Lease, MessagePurpose, OutboxMessage, Receipt, ReceiptOutcome, Settlement,
};
use crate::store::StoreError;

/// One attempt.
pub(super) struct Attempt<'a> {
    accounts: &'a Accounts,
    outbox: &'a Outbox,
    options: &'a WorkerOptions,
    clock: &'a StoreClock,
    message: OutboxMessage,
    /// The receiver that could not be called, if there is one: it was disconnected after the attempt began.
    missed: Option<String>,
}

/// Whether the attempt may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    Held,
    Lost,
}

impl<'a> Attempt<'a> {
    pub(super) fn new(
        accounts: &'a Accounts,
        outbox: &'a Outbox,
        options: &'a WorkerOptions,
        clock: &'a StoreClock,
        message: OutboxMessage,
    ) -> Self {
        Self {
            accounts,
            outbox,
            options,
            clock,
            message,
            missed: None,
        }
    }

    /// Delivers the message, and records how that ended.
    pub(super) async fn run(mut self) {
        let id = self.message.id.get();
        match self.deliver().await {
            Ok(Some(settlement)) => self.settle(&settlement).await,
            Ok(None) => tracing::info!(id, "the lease of a message was lost"),
            // Nothing is recorded: the message is due again when the lease ends.
            Err(error) => {
                tracing::warn!(id, %error, "a message could not be delivered yet");
            }
        }
    }

    /// How the attempt ended; nothing when the lease was lost.
    async fn deliver(&mut self) -> Result<Option<Settlement>, StoreError> {
        // Before anything else: what nobody waits for is no dead letter, however late it is.
        let Some(target) = self.recipient().await? else {
            return Ok(Some(Settlement::Settled));
        };
        if !self.is_still_wanted(&target) {
            tracing::debug!(
                id = self.message.id.get(),
                "a message was moot before it was sent"
            );
            return Ok(Some(Settlement::Settled));
        }
        if self.accounts.now() >= self.message.message.expires_at {
            let why = "its link expired before it could be delivered";
            return Ok(Some(self.dead(why.to_owned())));
        }
        let Some(event) = self.event(&target) else {
            return Ok(Some(self.dead("its link cannot be made".to_owned())));
        };
        let hold = self.tell(&event).await;
        Ok((hold == Hold::Held).then(|| self.verdict(event.signal())))
    }

    /// The person and the address, if they are still there and belong together.
    async fn recipient(&self) -> Result<Option<LinkTarget>, StoreError> {
        let message = &self.message.message;
        let Some(recipient) = message.recipient else {
            return Ok(None);
        };
        let store = self.accounts.store();
        let found = store
            .link_target(message.purpose, message.kind, recipient.address)
            .await?;
        let is_meant = |it: &LinkTarget| it.person.id == recipient.person && it.person.is_active;
        Ok(found.filter(is_meant))
    }

    /// Whether the link would do what was promised: nothing it depends on has changed, no other was asked for since, and
    /// there is still something for it to do.
    fn is_still_wanted(&self, target: &LinkTarget) -> bool {
        let (message, person, address) = (&self.message.message, &target.person, &target.address);
        let is_open = match message.purpose {
            MessagePurpose::ResetPassword => person.password.is_usable(),
            MessagePurpose::Verify => !address.is_verified,
        };
        // The version before did not keep for which request a message is.
        let requested_at = self.message.requested_at;
        let is_newest = requested_at.is_none() || requested_at == target.newest;
        is_open && is_newest && Links::binding(message.purpose, person, address) == message.binding
    }

    fn event(&self, target: &LinkTarget) -> Option<MessageEvent> {
        let message = &self.message.message;
        let is_first = self.message.attempts == 1;
        let url = self
            .accounts
            .mint(message.purpose, target, message.created_at, is_first)
            .ok()?;
        let envelope = Accounts::envelope(
            Some(&message.key),
            message.language.as_ref(),
            message.created_at,
            message.expires_at,
            self.accounts.now(),
        );
        let to = To {
            person: &target.person,
            address: &target.address,
        };
        Some(MessageEvent::new(message.purpose, to, url, envelope))
    }

    /// Calls the receivers that have not had it and whose time has come, one after the other, and notes what becomes of
    /// each.
    async fn tell(&mut self, event: &MessageEvent) -> Hold {
        let receivers = event.receivers(self.accounts.signals());
        let receipts = &mut self.message.receipts;
        receipts.forget_gone(|id| receivers.iter().any(|receiver| receiver.id() == id));
        let now = self.clock.now(self.accounts);
        let waiting: Vec<ReceiverInfo> = receivers
            .into_iter()
            .filter(|receiver| receipts.is_due(receiver.id(), now))
            .collect();
        let redaction = Redaction::of(event.url().as_str());
        let last = waiting.len().saturating_sub(1);
        for (index, receiver) in waiting.iter().enumerate() {
            let (outcome, hold) = self.call(event, receiver).await;
            match self.receipt(receiver, outcome, &redaction) {
                Some(receipt) => self.message.receipts.note(receipt),
                None => self.missed = Some(receiver.id().to_owned()),
            }
            if hold == Hold::Lost {
                return Hold::Lost;
            }
            // The last one is recorded with the end of the attempt.
            if index < last && self.extend().await == Hold::Lost {
                return Hold::Lost;
            }
        }
        Hold::Held
    }

    /// Calls one receiver, and extends the lease for as long as it takes. No report when it took too long.
    async fn call(&self, event: &MessageEvent, receiver: &ReceiverInfo) -> (Option<Report>, Hold) {
        let signals = self.accounts.signals();
        let limit = self.options.receiver_timeout;
        let call = event.send_to(signals, receiver);
        let mut call = std::pin::pin!(tokio::time::timeout(limit, call));
        let mut hold = Hold::Held;
        loop {
            tokio::select! {
                biased;
                ended = &mut call => return (ended.ok(), hold),
                () = tokio::time::sleep(self.options.lease() / 3) => {
                    // What is lost stays lost, whatever the store answers the next time.
                    if self.extend().await == Hold::Lost {
                        hold = Hold::Lost;
                    }
                }
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
            return Some(self.failed(id, "timed out", Duration::ZERO));
        };
        let own = report
            .receivers()
            .find(|one| one.receiver().is_same(receiver));
        Some(match own?.outcome() {
            Outcome::Done | Outcome::Skipped => Receipt::new(id, ReceiptOutcome::Done, ""),
            Outcome::Failed(error) => {
                let reason = redaction.reason(&**error);
                match Undelivered::retry_after(&**error) {
                    Retry::Never => Receipt::new(id, ReceiptOutcome::Refused, reason),
                    Retry::After(pause) => self.failed(id, &reason, pause),
                    _ => self.failed(id, &reason, Duration::ZERO),
                }
            }
            // What a panic said may be anything; that there was one says enough.
            other => self.failed(id, other.name(), Duration::ZERO),
        })
    }

    /// The receipt of a receiver that failed and asked to be left alone for so long.
    fn failed(&self, id: &str, reason: &str, pause: Duration) -> Receipt {
        let delay = self.delay().max(pause);
        Receipt::new(id, ReceiptOutcome::Failed, reason)
            .not_before(self.clock.later(self.accounts, delay))
    }

    /// What is to become of the message now that its receivers were called.
    fn verdict(&self, signal: &'static str) -> Settlement {
        let receipts = &self.message.receipts;
        let with = |outcome| move |receipt: &&Receipt| receipt.outcome == outcome;
        let failed = receipts.iter().rfind(with(ReceiptOutcome::Failed));
        let refused = receipts.iter().rfind(with(ReceiptOutcome::Refused));
        if let Some(id) = &self.missed {
            // Another may be connected in its place in a moment; if none is, nothing is left to do then.
            let failed = receipts.iter().filter_map(|receipt| receipt.not_before);
            let due_at = self.clock.later(self.accounts, self.delay());
            let due_at = failed.fold(due_at, DateTime::min);
            return self.again(due_at, &format!("{id}: it was disconnected"));
        }
        if receipts.iter().next().is_none() {
            if self.options.unreceived.contains(&signal) {
                return Settlement::Settled;
            }
            let due_at = self.clock.later(self.accounts, self.delay());
            return self.again(due_at, &format!("nobody receives {signal}"));
        }
        match (failed, refused) {
            // Whoever is due first is not kept waiting by another.
            (Some(failed), _) => {
                let times = receipts.iter().filter_map(|receipt| receipt.not_before);
                let due_at = times.min().unwrap_or_else(|| self.clock.now(self.accounts));
                self.again(due_at, &sentence(failed))
            }
            (None, Some(refused)) => self.dead(sentence(refused)),
            (None, None) => Settlement::Settled,
        }
    }

    /// How long to wait after this attempt.
    fn delay(&self) -> Duration {
        let random = self.random();
        self.options.back_off.delay(self.message.attempts, random)
    }

    /// Another attempt at a time by the clock of the store, if its link still works then.
    fn again(&self, due_at: DateTime<Utc>, reason: &str) -> Settlement {
        let then = later(self.accounts.now(), self.clock.until(self.accounts, due_at));
        if then >= self.message.message.expires_at {
            return self.dead(format!(
                "its link would expire before the next attempt; {reason}"
            ));
        }
        Settlement::Again {
            due_at,
            receipts: self.message.receipts.clone(),
        }
    }

    fn dead(&self, reason: String) -> Settlement {
        tracing::error!(
            id = self.message.id.get(),
            reason,
            "a message was given up; it is kept as a dead letter"
        );
        Settlement::Dead {
            letter: DeadLetter {
                at: self.accounts.now(),
                reason,
            },
            receipts: self.message.receipts.clone(),
        }
    }

    fn random(&self) -> u32 {
        let mut bytes = [0; 4];
        // Without randomness all wait for the shortest time, which only spreads them less.
        match self.accounts.inner.randomness.fill(&mut bytes) {
            Ok(()) => u32::from_be_bytes(bytes),
            Err(_) => 0,
        }
    }

    /// Makes the lease end later. A store that cannot be asked leaves it as it is.
    async fn extend(&self) -> Hold {
        let until = self.clock.later(self.accounts, self.options.lease());
        let (lease, receipts) = (self.lease(), &self.message.receipts);
        match self.outbox.store.extend_lease(lease, until, receipts).await {
            Ok(false) => Hold::Lost,
            Ok(true) | Err(_) => Hold::Held,
        }
    }

    fn lease(&self) -> Lease {
        self.message.lease()
    }

    /// Records how the attempt ended. A store that is locked for a while is asked again until the lease ends:
    /// what is not recorded is sent once more.
    async fn settle(&self, settlement: &Settlement) {
        let id = self.message.id.get();
        let begun = tokio::time::Instant::now();
        loop {
            match self
                .outbox
                .store
                .settle_message(self.lease(), settlement)
                .await
            {
                Ok(true) => return,
                Ok(false) => {
                    tracing::info!(id, "the lease of a message was lost");
                    return;
                }
                Err(error) if begun.elapsed() >= self.options.lease() => {
                    tracing::error!(id, %error, "what became of a message is not recorded");
                    return;
                }
                Err(_) => tokio::time::sleep(self.options.lease() / 20).await,
            }
        }
    }
}

/// A receipt that did not succeed, for the operator.
fn sentence(receipt: &Receipt) -> String {
    format!("{}: {}", receipt.receiver, receipt.reason)
}
