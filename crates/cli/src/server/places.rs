//! The places for connections: how many there are, who has them, and who gives way when all are taken.
//!
//! A connection that waits for its client gives way to a new one: first those that are idle between two requests, then
//! those of the client that has the most, the longest waiting first. What is being handled is never cut off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::client::Client;
use super::progress::{Clocks, Progress, Stage, Waiting};

/// How long a client that is in the middle of a request may keep a place that others need.
const PATIENCE: Duration = Duration::from_millis(250);

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

    fn ask(self: &Arc<Self>, client: Client, warns: bool) -> Asked {
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
        if inner.taken.len() >= self.most {
            if warns {
                let most = self.most;
                tracing::warn!(
                    most,
                    "all connections are taken; those that wait for their client give way to new ones"
                );
            }
            if !inner.make_room(|_| true) {
                return Asked::Full;
            }
        }
        inner.last_id += 1;
        let id = inner.last_id;
        let progress = Arc::new(Progress::new(self.clocks, inner.stopping));
        inner.taken.insert(id, (client, Arc::clone(&progress)));
        *inner.held.entry(client).or_default() += 1;
        Asked::Taken(Place {
            places: Arc::clone(self),
            id,
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
            if self.taken() == 0 {
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
            rank(progress.waiting()?, held, now).map(|rank| (rank, *id))
        });
        let Some((_, id)) = waiting.max() else {
            return false;
        };
        let gives_way = self.taken.get(&id).is_some_and(|(_, it)| it.give_way());
        if gives_way {
            self.forget(id);
            self.closing += 1;
        }
        gives_way
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
fn rank(waiting: Waiting, held: usize, now: Instant) -> Option<(bool, usize, Duration)> {
    let waited = now.saturating_duration_since(waiting.since);
    (waiting.is_idle || waited >= PATIENCE).then_some((waiting.is_idle, held, waited))
}

impl Place {
    /// What its connection waits for.
    pub(super) fn stage(&self) -> Stage {
        self.progress.stage()
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
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::task::{Context, Waker};

    use super::*;

    const CLOCKS: Clocks = Clocks {
        head: Duration::from_secs(10),
        answer: Duration::from_secs(10),
        idle: Duration::from_secs(10),
    };

    fn client(last: u8) -> Client {
        Client::of([203, 0, 113, last].into(), None)
    }

    /// Brings a connection to a stage, as its bytes would.
    fn bring(place: &Place, stage: Stage) {
        let progress = &place.progress;
        let turn = |progress: &Progress| {
            progress.has_read();
            assert!(
                progress
                    .poll_turn(&mut Context::from_waker(Waker::noop()))
                    .is_ready()
            );
        };
        match stage {
            Stage::Fresh => {}
            Stage::Head => progress.has_read(),
            Stage::Handling => turn(progress),
            Stage::Body => {
                turn(progress);
                progress.awaits_body();
            }
            Stage::Writing => {
                turn(progress);
                progress.begins_answer();
                progress.has_written(true);
            }
            Stage::Idle => {
                turn(progress);
                progress.begins_answer();
                progress.ends_answer();
                progress.has_flushed();
            }
        }
        assert_eq!(place.stage(), stage);
    }

    async fn taken(places: &Arc<Places>, who: Client, stage: Stage) -> Place {
        let place = places.take(who).await.unwrap();
        bring(&place, stage);
        tokio::time::advance(Duration::from_millis(1)).await;
        place
    }

    /// Which of these connections gives way to a new one, all of them having waited for a while.
    async fn gives_way(taken_by: &[(u8, Stage)]) -> Option<usize> {
        let places = Places::new(taken_by.len(), taken_by.len(), CLOCKS);
        let mut all = Vec::new();
        for (who, stage) in taken_by {
            all.push(taken(&places, client(*who), *stage).await);
        }
        tokio::time::advance(PATIENCE).await;
        let Asked::Taken(_new) = places.ask(client(99), true) else {
            return None;
        };
        let gone = all.iter().filter(|place| place.progress.has_given_way());
        assert_eq!(gone.count(), 1, "{taken_by:?}");
        all.iter().position(|place| place.progress.has_given_way())
    }

    #[tokio::test(start_paused = true)]
    async fn idle_ones_give_way_first() {
        use Stage::{Body, Fresh, Handling, Head, Idle, Writing};
        for (taken_by, goes) in [
            (
                &[(1, Fresh), (1, Head), (2, Idle), (1, Body), (1, Writing)][..],
                Some(2),
            ),
            (&[(1, Idle), (2, Idle), (2, Idle)], Some(1)),
            (&[(1, Fresh), (2, Body), (2, Writing)], Some(1)),
            (&[(1, Head), (2, Writing), (2, Handling)], Some(1)),
            (&[(1, Handling), (1, Handling), (2, Head)], Some(2)),
            (&[(1, Handling), (2, Handling)], None),
        ] {
            assert_eq!(gives_way(taken_by).await, goes, "{taken_by:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_just_begun_keeps_their_place() {
        let places = Places::new(1, 1, CLOCKS);
        let first = taken(&places, client(1), Stage::Head).await;
        assert!(matches!(places.ask(client(2), true), Asked::Full));
        let second = places.take(client(2)).await.unwrap();
        assert!(first.progress.has_given_way() && !second.progress.has_given_way());
    }

    #[tokio::test(start_paused = true)]
    async fn share_is_of_one_client() {
        let places = Places::new(4, 2, CLOCKS);
        let stranger = client(1);
        let idle = taken(&places, stranger, Stage::Idle).await;
        let busy = taken(&places, stranger, Stage::Handling).await;
        let other = taken(&places, client(2), Stage::Idle).await;
        let third = taken(&places, stranger, Stage::Handling).await;
        assert!(idle.progress.has_given_way(), "its own gives way");
        assert!(!other.progress.has_given_way(), "and nobody else's");
        assert!(places.take(stranger).await.is_none(), "nothing of it waits");
        drop(busy);
        assert!(places.take(stranger).await.is_some());
        drop(third);
        // A proxy may have all.
        let proxy = Client::of([10, 0, 0, 1].into(), None);
        let places = Places::new(4, 2, CLOCKS);
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(taken(&places, proxy, Stage::Handling).await);
        }
        assert_eq!(places.taken(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn freed_place_is_taken_at_once() {
        let places = Places::new(1, 1, CLOCKS);
        let first = taken(&places, client(1), Stage::Handling).await;
        let waits = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(client(2)).await.is_some() }
        });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waits.await.unwrap());
        places.emptied().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_gave_way_begins_nothing() {
        let places = Places::new(1, 1, CLOCKS);
        let idle = taken(&places, client(1), Stage::Idle).await;
        let _new = places.take(client(2)).await.unwrap();
        idle.progress.has_read();
        let mut context = Context::from_waker(Waker::noop());
        assert!(idle.progress.poll_turn(&mut context).is_pending());
    }
}
