//! The places for connections: how many there are, who has them, and who gives way when all are taken.
//!
//! A connection that waits for its client gives way to a new one: first those that are idle between two requests, then
//! those of the client that has the most, the longest waiting first. What is being handled is never cut off, nor what has
//! come and was not read yet: then it is the client that waits for us. Where all are at work a new one waits, and each
//! leaves after its answer. A client that has just begun keeps its place for a moment, but not against one that has far
//! fewer: a crowd that comes again and again would keep everybody waiting for that moment each time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::accept_queue::FEW;
use super::client::Client;
use super::progress::{Clocks, Progress, Stage};

/// How long a client that is in the middle of a request may keep a place that others need.
const PATIENCE: Duration = Duration::from_millis(250);

/// How long what may be a proxy may keep one before it begins. It sends at once all that it has to send, unless it lags: it
/// is not its clients that keep us waiting, and to them a connection that gives way is an error 502.
const PROXY_PATIENCE: Duration = Duration::from_secs(2);

/// How often to look again whether a connection waits by now, when all are being handled.
const AGAIN: Duration = Duration::from_millis(50);

/// How many connections that gave way may not be closed yet. They are told together, since all are looked at for that, and
/// others only when half of them are closed.
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

/// How many wait for a place: those of one client, and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) by_client: usize,
    pub(super) by_all: usize,
}

impl Wanted {
    const ONE: Self = Self {
        by_client: 1,
        by_all: 1,
    };
}

/// What came of asking for a place.
pub(super) enum Asked {
    Taken(Place),
    OverShare,
    Full,
}

/// How many places each client has.
pub(super) struct Holding<'a>(MutexGuard<'a, Inner>);

impl Holding<'_> {
    /// How many this one has.
    pub(super) fn of(&self, client: Client) -> usize {
        self.0.held_by(client)
    }
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
            let changed = self.changed();
            match self.ask(client, Wanted::ONE, std::mem::take(&mut warns)) {
                Asked::Taken(place) => return Some(place),
                Asked::OverShare => return None,
                Asked::Full => {}
            }
            changed.await;
        }
    }

    /// Until it is worth asking again: a place was freed since this was called, or a connection may wait for its client by
    /// now.
    pub(super) fn changed(&self) -> impl Future<Output = ()> {
        let freed = self.freed.notified();
        async move {
            tokio::select! {
                () = freed => {}
                () = sleep(AGAIN) => {}
            }
        }
    }

    /// How many each client has, until it is dropped.
    pub(super) fn holding(&self) -> Holding<'_> {
        Holding(self.inner())
    }

    /// A place for a client, if there is one now or another connection gives way. Where all are taken so many give way as
    /// are `wanted`. Whether that is worth a line in the log is for the caller to say.
    pub(super) fn ask(self: &Arc<Self>, client: Client, wanted: Wanted, mut warns: bool) -> Asked {
        let mut inner = self.inner();
        let is_over = !client.is_near() && inner.held_by(client) >= self.share;
        if (is_over || inner.taken.len() >= self.most) && inner.closing >= MOST_CLOSING / 2 {
            return Asked::Full;
        }
        if is_over {
            let most = self.share;
            tracing::warn!(most, "a client has as many connections as one may");
            if !inner.make_room(wanted.by_client, Some(client), |held_by| held_by == client) {
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
            if !inner.make_room(wanted.by_all, Some(client), |_| true) {
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
        self.inner().make_room(1, None, |_| true);
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
    fn held_by(&self, client: Client) -> usize {
        self.held.get(&client).copied().unwrap_or_default()
    }

    /// Has connections of these clients give way, to one of another if it is for someone; whether there was one that could.
    fn make_room(
        &mut self,
        many: usize,
        newcomer: Option<Client>,
        of: impl Fn(Client) -> bool,
    ) -> bool {
        let now = Instant::now();
        let waiting = self.taken.iter().filter(|(_, (client, _))| of(*client));
        let waiting = waiting.filter_map(|(id, (client, progress))| {
            let waiting = progress.waiting()?;
            let held = self.held_by(*client);
            let waited = now.saturating_duration_since(waiting.since);
            let has_waited = waited >= patience(waiting.stage, *client);
            let goes =
                has_waited || newcomer.is_some_and(|newcomer| self.is_crowd_to(*client, newcomer));
            let is_idle = waiting.stage == Stage::Idle;
            // The greatest goes first.
            goes.then_some(((is_idle, held, waited), has_waited, *id))
        });
        let mut waiting: Vec<_> = waiting.collect();
        waiting.sort_unstable_by(|one, other| other.cmp(one));
        let many = many.min(MOST_CLOSING.saturating_sub(self.closing)).max(1);
        let mut told = 0;
        for (_, has_waited, id) in waiting {
            if told >= many {
                break;
            }
            // What has just begun makes room for this newcomer alone.
            if told > 0 && !has_waited {
                continue;
            }
            // Anyone who is found to be ready does not count as waiting until its task has run, and is not asked again.
            if self.taken.get(&id).is_some_and(|(_, it)| it.give_way()) {
                self.forget(id);
                self.closing += 1;
                told += 1;
            }
        }
        told > 0
    }

    /// Whether a client has as many as a browser opens at most, and more than twice as many as a newcomer. What may be a
    /// proxy is nobody's crowd, and as a newcomer someone behind it.
    fn is_crowd_to(&self, client: Client, newcomer: Client) -> bool {
        let held = self.held_by(client);
        let is_less = newcomer.is_near() || self.held_by(newcomer) < held / 2;
        !client.is_near() && held >= FEW && is_less
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

/// How long a client may keep a place that others need.
fn patience(stage: Stage, client: Client) -> Duration {
    match stage {
        Stage::Idle => Duration::ZERO,
        Stage::Fresh if client.is_near() => PROXY_PATIENCE,
        _ => PATIENCE,
    }
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
