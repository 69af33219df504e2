//! The places of a worker: how many messages of each queue are under way, and which receivers are left alone because
//! they do not answer.
//!
//! A receiver that hangs, as a gateway that takes connections and says nothing, holds each message for as long as its
//! time-out. So a message that takes long counts among those of its queue alone; and a receiver that hung again and again
//! is not called for a while, then by one message first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{MessageSignal, Queue, Queues};

/// A message that takes longer holds up only its queue, and a failure that took so long is one of a receiver that does
/// not answer.
const STALLED: Duration = Duration::from_secs(1);

/// After so many of them in a row a receiver is left alone.
const MOST_STALLS: u32 = 5;

/// For so long.
const PAUSE: Duration = Duration::from_secs(15);

/// How long the others are put off while one message tries whether the receiver answers again.
const MEANWHILE: Duration = Duration::from_secs(5);

/// The lanes of a worker, one for each queue.
#[derive(Debug, Default)]
pub(super) struct Lanes(Mutex<Every>);

/// One lane for each queue.
#[derive(Debug, Default)]
struct Every {
    messages: [Lane; MessageSignal::ALL.len()],
    events: Lane,
}

impl Every {
    fn iter(&self) -> impl Iterator<Item = (Queue, &Lane)> {
        let messages = MessageSignal::ALL.map(Queue::Message).into_iter();
        let messages = messages.zip(&self.messages);
        messages.chain([(Queue::Event, &self.events)])
    }
}

#[derive(Debug, Default)]
struct Lane {
    /// When each message that is under way began.
    running: Vec<Instant>,
    /// Until when nothing is claimed, because no receiver would be called. It is kept until one answers.
    paused_until: Option<Instant>,
    receivers: HashMap<String, Breaker>,
}

/// What is known of a receiver that did not answer.
#[derive(Debug, Default)]
struct Breaker {
    /// How often in a row.
    stalls: u32,
    /// Until when it is left alone. It is kept until the receiver answers.
    open_until: Option<Instant>,
    is_probed: bool,
}

/// A message that is under way, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place {
    lanes: Arc<Lanes>,
    queue: Queue,
    begun: Instant,
}

/// A call of a receiver that is under way. One that is dropped without its end tells nothing.
#[derive(Debug)]
pub(super) struct Call<'a> {
    lanes: &'a Lanes,
    queue: Queue,
    receiver: &'a str,
    begun: Instant,
    is_probe: bool,
}

/// What can be claimed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// How many messages.
    pub(super) free: u32,
    /// But of none of these queues.
    pub(super) without: Queues,
    /// When there may be more by itself.
    pub(super) resumes_at: Option<Instant>,
}

impl Lanes {
    /// What can be claimed if there are so many places, for what takes long and for each queue.
    pub(super) fn room(&self, places: u32) -> Room {
        let (lanes, now) = (self.locked(), Instant::now());
        let places = usize::try_from(places.max(1)).unwrap_or(usize::MAX);
        let running = lanes.iter().flat_map(|(_, lane)| &lane.running);
        let ends = running.map(|begun| *begun + STALLED);
        let quick: Vec<_> = ends.filter(|end| *end > now).collect();
        let all = places.saturating_sub(quick.len());
        let mut room = Room {
            free: 0,
            without: Queues::default(),
            resumes_at: quick.into_iter().min().filter(|_| all == 0),
        };
        for (queue, lane) in lanes.iter() {
            let free = match lane.paused_until {
                None => places.saturating_sub(lane.running.len()).min(all),
                // One message tries; the others that are claimed with it are put off.
                Some(end) if end <= now && lane.running.is_empty() => all,
                Some(_) => 0,
            };
            let free = u32::try_from(free).unwrap_or(u32::MAX);
            let resumes_at = lane.paused_until.filter(|end| *end > now);
            room.resumes_at = room.resumes_at.into_iter().chain(resumes_at).min();
            if free == 0 {
                room.without = room.without.with(queue);
            } else if room.free == 0 {
                room.free = free;
            } else {
                // Any number of the next ones may be of this queue.
                room.free = room.free.min(free);
            }
        }
        room
    }

    /// Takes a place for a message.
    pub(super) fn begin(self: &Arc<Self>, queue: Queue) -> Place {
        let begun = Instant::now();
        self.with(queue, |lane| lane.running.push(begun));
        Place {
            lanes: Arc::clone(self),
            queue,
            begun,
        }
    }

    /// Whether a receiver may be called.
    ///
    /// # Errors
    /// With the time for which it is to be left alone.
    pub(super) fn admit<'a>(
        &'a self,
        queue: Queue,
        receiver: &'a str,
    ) -> Result<Call<'a>, Duration> {
        let begun = Instant::now();
        let is_probe = self.with(queue, |lane| {
            let Some(breaker) = lane.receivers.get_mut(receiver) else {
                return Ok(false);
            };
            if let Some(wait) = breaker.wait(begun) {
                return Err(wait);
            }
            breaker.is_probed = breaker.open_until.is_some();
            Ok(breaker.is_probed)
        })?;
        Ok(Call {
            lanes: self,
            queue,
            receiver,
            begun,
            is_probe,
        })
    }

    /// Has nothing claimed from a queue for as long as none of its receivers, these, may be called.
    pub(super) fn pause(&self, queue: Queue, receivers: &[&str]) {
        let now = Instant::now();
        self.with(queue, |lane| {
            let waits = receivers
                .iter()
                .map(|receiver| lane.receivers.get(*receiver)?.wait(now));
            if let Some(waits) = waits.collect::<Option<Vec<_>>>()
                && let Some(wait) = waits.into_iter().min()
            {
                lane.paused_until = Some(now + wait);
            }
        });
    }

    fn locked(&self) -> MutexGuard<'_, Every> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, queue: Queue, act: impl FnOnce(&mut Lane) -> T) -> T {
        let Every { messages, events } = &mut *self.locked();
        let [
            reset_email,
            reset_phone,
            verify_email,
            verify_phone,
            login_email,
            login_phone,
            notice_email,
            notice_phone,
        ] = messages;
        act(match queue {
            Queue::Message(MessageSignal::ResetPasswordEmail) => reset_email,
            Queue::Message(MessageSignal::ResetPasswordPhone) => reset_phone,
            Queue::Message(MessageSignal::VerifyEmail) => verify_email,
            Queue::Message(MessageSignal::VerifyPhone) => verify_phone,
            Queue::Message(MessageSignal::LoginEmail) => login_email,
            Queue::Message(MessageSignal::LoginPhone) => login_phone,
            Queue::Message(MessageSignal::SecurityNoticeEmail) => notice_email,
            Queue::Message(MessageSignal::SecurityNoticePhone) => notice_phone,
            Queue::Event => events,
        })
    }
}

impl Breaker {
    /// For how long it is to be left alone from now on.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let wait = self.open_until?.saturating_duration_since(now);
        if self.is_probed {
            Some(wait.max(MEANWHILE))
        } else {
            Some(wait).filter(|wait| !wait.is_zero())
        }
    }
}

impl Call<'_> {
    /// The receiver has answered, or failed. A failure that took long is no answer.
    pub(super) fn ended(self, has_failed: bool) {
        let now = Instant::now();
        let has_stalled = has_failed && now.saturating_duration_since(self.begun) >= STALLED;
        let receiver = self.receiver;
        let opened = self.lanes.with(self.queue, |lane| {
            if !has_stalled {
                lane.paused_until = None;
                let known = lane.receivers.remove(receiver);
                let was_open = known.is_some_and(|breaker| breaker.open_until.is_some());
                return was_open.then_some(false);
            }
            let breaker = lane.receivers.entry(receiver.to_owned()).or_default();
            breaker.stalls = breaker.stalls.saturating_add(1);
            if breaker.stalls < MOST_STALLS {
                return None;
            }
            let was_open = breaker.open_until.replace(now + PAUSE).is_some();
            (!was_open).then_some(true)
        });
        match opened {
            Some(true) => {
                let seconds = PAUSE.as_secs();
                tracing::warn!(
                    receiver,
                    seconds,
                    "a receiver does not answer, and is left alone for a while"
                );
            }
            Some(false) => tracing::info!(receiver, "a receiver answers again"),
            None => {}
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.lanes.with(self.queue, |lane| {
            if let Some(breaker) = lane.receivers.get_mut(self.receiver)
                && self.is_probe
            {
                breaker.is_probed = false;
            }
        });
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.lanes.with(self.queue, |lane| {
            if let Some(place) = lane.running.iter().position(|begun| *begun == self.begun) {
                lane.running.swap_remove(place);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const QUEUE: Queue = Queue::Message(MessageSignal::ALL[0]);

    /// Calls a receiver, which takes so long; whether it was called.
    async fn call(lanes: &Lanes, receiver: &str, takes: Duration, fails: bool) -> bool {
        let Ok(call) = lanes.admit(QUEUE, receiver) else {
            return false;
        };
        tokio::time::advance(takes).await;
        call.ended(fails);
        true
    }

    async fn open(lanes: &Lanes) {
        for _ in 0..MOST_STALLS {
            assert!(call(lanes, "a", STALLED, true).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_again_and_again_is_left_alone() {
        let lanes = Lanes::default();
        let quick = STALLED.checked_sub(Duration::from_millis(1)).unwrap();
        for _ in 0..3 {
            for _ in 1..MOST_STALLS {
                assert!(call(&lanes, "a", STALLED, true).await);
            }
            assert!(call(&lanes, "a", STALLED * 9, false).await, "slow and well");
            for _ in 0..=MOST_STALLS {
                assert!(call(&lanes, "a", quick, true).await);
            }
        }
        open(&lanes).await;
        assert!(!call(&lanes, "a", quick, false).await);
        assert!(call(&lanes, "b", quick, false).await);
        assert!(
            lanes.admit(MessageSignal::ALL[1].into(), "a").is_ok(),
            "another queue"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_tries_after_the_pause() {
        let lanes = Lanes::default();
        open(&lanes).await;
        for fails in [true, true, false] {
            assert_eq!(lanes.admit(QUEUE, "a").unwrap_err(), PAUSE);
            tokio::time::advance(PAUSE).await;
            // One that is cut off tells nothing, and the next one tries.
            drop(lanes.admit(QUEUE, "a").unwrap());
            let probe = lanes.admit(QUEUE, "a").unwrap();
            assert_eq!(lanes.admit(QUEUE, "a").unwrap_err(), MEANWHILE);
            tokio::time::advance(STALLED).await;
            probe.ended(fails);
        }
        assert!(call(&lanes, "a", STALLED, true).await, "it starts anew");
        assert!(call(&lanes, "a", STALLED, true).await);
    }

    #[tokio::test(start_paused = true)]
    async fn queue_is_paused_while_nobody_may_be_called() {
        let lanes = Arc::new(Lanes::default());
        let paused = Queues::default().with(QUEUE);
        open(&lanes).await;
        lanes.pause(QUEUE, &["a", "b"]);
        lanes.pause(QUEUE, &[]);
        assert_eq!(lanes.room(16).without, Queues::default());
        assert_eq!(lanes.room(16).resumes_at, None);
        lanes.pause(QUEUE, &["a"]);
        assert_eq!(lanes.room(16).without, paused);
        assert_eq!(lanes.room(16).resumes_at, Some(Instant::now() + PAUSE));
        tokio::time::advance(PAUSE).await;
        assert_eq!(lanes.room(16).without, Queues::default());
        let place = lanes.begin(QUEUE);
        assert_eq!(lanes.room(16).without, paused, "one tries");
        assert!(call(&lanes, "a", STALLED, false).await);
        assert_eq!(lanes.room(16).without, Queues::default());
        drop(place);
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_long_holds_up_its_queue_alone() {
        let lanes = Arc::new(Lanes::default());
        let [first, second, ..] = MessageSignal::ALL.map(Queue::from);
        let mut places = vec![lanes.begin(first)];
        assert_eq!((lanes.room(2).free, lanes.room(2).resumes_at), (1, None));
        places.push(lanes.begin(second));
        let full = lanes.room(2);
        assert_eq!(
            (full.free, full.resumes_at),
            (0, Some(Instant::now() + STALLED))
        );
        tokio::time::advance(STALLED).await;
        assert_eq!((lanes.room(2).free, lanes.room(2).resumes_at), (1, None));
        let mut without = Queues::default();
        let mut queues = MessageSignal::ALL.map(Queue::from).to_vec();
        queues.push(Queue::Event);
        for queue in queues.iter().copied() {
            while lanes.room(2).without == without {
                places.push(lanes.begin(queue));
                tokio::time::advance(STALLED).await;
            }
            without = without.with(queue);
            assert_eq!(lanes.room(2).without, without);
        }
        let most = 2 * queues.len();
        assert_eq!((lanes.room(2).free, places.len()), (0, most));
        drop(places);
        assert_eq!(lanes.room(2).free, 2);
        assert_eq!(lanes.room(0).free, 1, "never none");
    }
}
