//! The places for connections: how many there are, who has them, and who gives way when all are taken.
//!
//! A connection that waits for its client gives way to a new one: first those that are idle between two requests, then
//! those of the client that has the most, the longest waiting first. What is being handled is never cut off, nor what has
//! come and was not read yet: then it is the client that waits for us. Where all are at work a new one waits, and each
//! leaves after its answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::progress::{Clocks, Progress, Stage, Waiting};

/// How long a client that is in the middle of a request may keep a place that others need.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long what may be a proxy may keep one before it begins. It sends at once all that it has to send, unless it lags: it
/// is not its clients that keep us waiting, and to them a connection that gives way is an error 502.
const PROXY_PATIENCE: Duration = Duration::from_secs(2);

/// How often to look again whether a connection waits by now, when all are being handled.
const AGAIN: Duration = Duration::from_millis(50);

/// How many connections that gave way may not be closed yet.
const MOST_CLOSING: usize = 32;

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    share: usize,
    clocks: Clocks,
    inner: Mutex<Inner>,
    /// Whether another waits while all are at work.
    is_pressed: Arc<AtomicBool>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    last_id: u64,
    taken: HashMap<u64, (Client, Arc<Progress>)>,
    held: HashMap<Client, usize>,
    /// How many gave way and are not closed yet.
    closing: usize,
    stopping: Option<Instant>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    id: u64,
    client: Client,
    pub(super) progress: Arc<Progress>,
}

/// What came of asking for a place.
enum Asked {
    Taken(Place),
    OverShare,
    Full,
}

impl Places {
    /// So many places, of which one client may have `share` unless it may be a proxy.
    pub(super) fn new(most: usize, share: usize, clocks: Clocks) -> Arc<Self> {
        Arc::new(Self {
            most,
            share,
            clocks,
            inner: Mutex::default(),
            is_pressed: Arc::default(),
            freed: Notify::new(),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a place. None for a client that has its share and waits with none of it.
    pub(super) async fn take(self: &Arc<Self>, client: Client) -> Option<Place> {
        let mut warns = true;
        loop {
            let freed = self.freed.notified();
            match self.ask(client, std::mem::take(&mut warns)) {
                Asked::Taken(place) => return Some(place),
                Asked::OverShare => return None,
                Asked::Full => {}
            }
            tokio::select! {
                () = freed => {}
                () = sleep(AGAIN) => {}
            }
        }
    }

    fn ask(self: &Arc<Self>, client: Client, mut warns: bool) -> Asked {
        let mut inner = self.inner();
        if inner.closing >= MOST_CLOSING {
            return Asked::Full;
        }
        let is_over = |inner: &Inner| {
            !client.is_near()
                && inner
                    .held
                    .get(&client)
                    .is_some_and(|held| *held >= self.share)
        };
        if is_over(&inner) {
            let most = self.share;
            tracing::warn!(most, "a client has as many connections as one may");
            if !inner.make_room(|held_by| held_by == client) {
                return Asked::OverShare;
            }
        }
        // There may be a few too many, see `stays`.
        while inner.taken.len() >= self.most {
            if std::mem::take(&mut warns) {
                let most = self.most;
                tracing::warn!(
                    most,
                    "all connections are taken; those that wait for their client give way to new ones"
                );
            }
            if !inner.make_room(|_| true) {
                self.is_pressed.store(true, Ordering::Relaxed);
                return Asked::Full;
            }
        }
        self.is_pressed.store(false, Ordering::Relaxed);
        inner.last_id += 1;
        let id = inner.last_id;
        let is_pressed = Arc::clone(&self.is_pressed);
        let progress = Arc::new(Progress::new(self.clocks, inner.stopping, is_pressed));
        inner.keep(id, client, &progress);
        Asked::Taken(Place {
            places: Arc::clone(self),
            id,
            client,
            progress,
        })
    }

    /// Has one connection give way where the system, and not we, has no more room.
    pub(super) fn make_room(&self) {
        self.inner().make_room(|_| true);
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.inner().taken.len()
    }

    /// Whether all are free. Anyone who was told to give way may still stay.
    fn is_empty(&self) -> bool {
        let inner = self.inner();
        inner.taken.is_empty() && inner.closing == 0
    }

    /// Has every connection end after the request that it is at.
    pub(super) fn stop(&self) {
        let now = Instant::now();
        let mut inner = self.inner();
        inner.stopping = Some(now);
        for (_, progress) in inner.taken.values() {
            progress.stop(now);
        }
    }

    /// Waits until all are free.
    pub(super) async fn emptied(&self) {
        loop {
            let freed = self.freed.notified();
            if self.is_empty() {
                return;
            }
            freed.await;
        }
    }
}

impl Inner {
    /// Has a connection of one of these clients give way; whether there was one that could.
    fn make_room(&mut self, of: impl Fn(Client) -> bool) -> bool {
        let now = Instant::now();
        let waiting = self.taken.iter().filter(|(_, (client, _))| of(*client));
        let waiting = waiting.filter_map(|(id, (client, progress))| {
            let held = self.held.get(client).copied().unwrap_or_default();
            rank(progress.waiting()?, *client, held, now).map(|rank| (rank, *id))
        });
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_unstable_by(|one, other| other.cmp(one));
        // Anyone who is found to be ready does not count as waiting until its task has run, and is not asked again.
        let gives_way = |id: &u64| self.taken.get(id).is_some_and(|(_, it)| it.give_way());
        let Some(id) = waiting.into_iter().map(|(_, id)| id).find(gives_way) else {
            return false;
        };
        self.forget(id);
        self.closing += 1;
        true
    }

    fn keep(&mut self, id: u64, client: Client, progress: &Arc<Progress>) {
        self.taken.insert(id, (client, Arc::clone(progress)));
        *self.held.entry(client).or_default() += 1;
    }

    /// Whether a connection had a place.
    fn forget(&mut self, id: u64) -> bool {
        let Some((client, _)) = self.taken.remove(&id) else {
            return false;
        };
        if let Some(held) = self.held.get_mut(&client) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(&client);
            }
        }
        true
    }
}

/// Who gives way before whom, the greatest first; none if it keeps its place for now.
fn rank(
    waiting: Waiting,
    client: Client,
    held: usize,
    now: Instant,
) -> Option<(bool, usize, Duration)> {
    let waited = now.saturating_duration_since(waiting.since);
    let patience = match waiting.stage {
        Stage::Idle => Duration::ZERO,
        Stage::Fresh if client.is_near() => PROXY_PATIENCE,
        _ => PATIENCE,
    };
    let is_idle = waiting.stage == Stage::Idle;
    (waited >= patience).then_some((is_idle, held, waited))
}

impl Place {
    /// What its connection waits for.
    pub(super) fn stage(&self) -> Stage {
        self.progress.stage()
    }

    /// Whether it goes on although it was told to give way, because its client has done meanwhile what was waited for. Then
    /// there is one too many; of those that are told and have not ended there are only a few at once.
    pub(super) fn stays(&self) -> bool {
        let mut inner = self.places.inner();
        let stays = self.progress.stays();
        if stays {
            inner.closing = inner.closing.saturating_sub(1);
            inner.keep(self.id, self.client, &self.progress);
            if let Some(stopping) = inner.stopping {
                self.progress.stop(stopping);
            }
        }
        stays
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.places.inner();
        if !inner.forget(self.id) {
            inner.closing = inner.closing.saturating_sub(1);
        }
        drop(inner);
        self.places.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
