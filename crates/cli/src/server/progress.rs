//! What a connection waits for, since when, and for how long it may.
//!
//! Everything that happens on a connection is noted here: by its [stream](super::stream) what is read and written, by
//! its [exchange](super::exchange) where a request begins and ends. Who ends it is [`connection`](super::connection).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::readiness::{Wanted, is_ready};

/// After so long no further request is taken on a connection: anyone who keeps one open for ever is let go now and
/// then.
pub(super) const LIFE: Duration = Duration::from_hours(1);

/// How long a connection that waits for its next request stays open when the server stops: long enough to see a request
/// that the system has already received.
const IDLE_AT_STOP: Duration = Duration::from_millis(100);

/// How long a connection stays open that waits for its client in the middle of a request or an answer when the server
/// stops: one client that does nothing must not take all the time that others have to finish.
const CLIENT_AT_STOP: Duration = Duration::from_secs(5);

/// How long one that was just accepted stays open when the server stops.
const FRESH_AT_STOP: Duration = Duration::from_secs(1);

/// How long a client may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    /// For the head of a request.
    pub(crate) head: Duration,
    /// For reading an answer.
    pub(crate) answer: Duration,
    /// Between an answer and the next request.
    pub(crate) idle: Duration,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was accepted, and nothing has come.
    Fresh,
    /// A part of the head of a request has come.
    Head,
    /// A handler waits for more of the body.
    Body,
    /// A handler is at work. Its clock is that of the router, which can answer.
    Handling,
    /// An answer is being written.
    Writing,
    /// The last request was answered.
    Idle,
}

/// A connection that waits for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) stage: Stage,
    pub(super) since: Instant,
}

/// How far a connection is.
#[derive(Debug)]
pub(super) struct Progress {
    clocks: Clocks,
    began: Instant,
    /// Whether another waits for a place while all are at work.
    is_pressed: Arc<AtomicBool>,
    state: Mutex<State>,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and goes with most stages"
)]
struct State {
    stage: Stage,
    since: Instant,
    /// What its bytes come on, until it is being closed.
    socket: Option<Arc<TcpStream>>,
    /// Whether its task runs just now.
    is_running: bool,
    /// Whether its client has done what was waited for, and its task has not run since.
    is_ready: bool,
    /// Whether it is over, and only lets its client read to the end.
    is_ending: bool,
    /// Whether the client takes no more of an answer just now.
    is_blocked: bool,
    /// Whether more of the answer may come.
    is_answering: bool,
    /// Whether it was told to make room for another.
    has_given_way: bool,
    stopping: Option<Instant>,
    /// The status of an answer to a head that cannot be read, which is written in other words.
    refused: Option<StatusCode>,
    /// How many requests were taken.
    requests: u64,
    /// The number of the request that is not to be served, from 0.
    refused_request: Option<u64>,
    /// Whether the request at hand has a body that has not come whole.
    has_body_left: bool,
    /// Whether a request whose head was read waits for its turn.
    is_turn_awaited: bool,
    /// Whether the next request has let other connections go first.
    has_yielded: bool,
    waker: Option<Waker>,
}

impl Progress {
    /// A connection that was just accepted, perhaps by a server that is about to stop.
    pub(super) fn new(
        clocks: Clocks,
        stopping: Option<Instant>,
        is_pressed: Arc<AtomicBool>,
    ) -> Self {
        let now = Instant::now();
        Self {
            clocks,
            began: now,
            is_pressed,
            state: Mutex::new(State {
                stage: Stage::Fresh,
                since: now,
                socket: None,
                is_running: false,
                is_ready: false,
                is_ending: false,
                is_blocked: false,
                is_answering: false,
                has_given_way: false,
                stopping,
                refused: None,
                requests: 0,
                refused_request: None,
                has_body_left: false,
                is_turn_awaited: false,
                has_yielded: false,
                waker: None,
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what its bytes come on.
    pub(super) fn is_on(&self, socket: &Arc<TcpStream>) {
        self.state().socket = Some(Arc::clone(socket));
    }

    /// Bytes came from the client.
    pub(super) fn has_read(&self) {
        let mut state = self.state();
        match state.stage {
            // The clock of the first head began when the connection was accepted.
            Stage::Fresh => state.stage = Stage::Head,
            Stage::Idle => state.enter(Stage::Head),
            _ => {}
        }
    }

    /// Whether the client has taken bytes just now, or takes none.
    pub(super) fn has_written(&self, is_blocked: bool) {
        self.state().is_blocked = is_blocked;
    }

    /// All that there is to write was written.
    pub(super) fn has_flushed(&self) {
        let mut state = self.state();
        if state.stage == Stage::Writing && !state.is_answering {
            state.enter(Stage::Idle);
            if state.is_turn_awaited {
                state.wake();
            }
        }
    }

    /// The turn of a request whose head was read. It waits until the answer before it was written, so that a client
    /// which sends on and on without reading has one request under way, and answers do not pile up. A request that came
    /// together with one before it lets other connections go first.
    pub(super) fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state();
        if state.has_given_way || state.stage == Stage::Writing {
            state.is_turn_awaited = true;
            state.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        if state.stage == Stage::Idle && !state.has_yielded {
            state.has_yielded = true;
            state.is_turn_awaited = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        state.has_yielded = false;
        state.is_turn_awaited = false;
        state.enter(Stage::Handling);
        Poll::Ready(())
    }

    /// A handler waits for more of the body.
    pub(super) fn awaits_body(&self) {
        let mut state = self.state();
        if state.stage == Stage::Handling {
            // Its clock goes on: a client that sends a byte now and then has waited for all that time.
            state.stage = Stage::Body;
        }
    }

    /// More of the body came. Not to be handed on if this is `false`: the connection was told to end.
    pub(super) fn has_body(&self) -> bool {
        let mut state = self.state();
        if state.stage == Stage::Body {
            state.stage = Stage::Handling;
        }
        !state.has_given_way
    }

    /// Whether a body is still to come of the request at hand.
    pub(super) fn leaves_body(&self, is_left: bool) {
        self.state().has_body_left = is_left;
    }

    /// Whether the body of the last request has not come whole: what comes next belongs to it.
    pub(super) fn leaves_a_body(&self) -> bool {
        self.state().has_body_left
    }

    /// The answer is there.
    pub(super) fn begins_answer(&self) {
        let mut state = self.state();
        state.is_answering = true;
        state.enter(Stage::Writing);
    }

    /// The answer has no more to come.
    pub(super) fn ends_answer(&self) {
        self.state().is_answering = false;
    }

    /// Whether no further request is taken after this one. Where all are at work and another waits, each leaves after
    /// its answer: anyone who sends on and on would else never leave.
    pub(super) fn is_last(&self) -> bool {
        self.is_pressed.load(Ordering::Relaxed)
            || self.state().stopping.is_some()
            || self.began.elapsed() >= LIFE
    }

    /// The request with this number is not to be served.
    pub(super) fn refuses_request(&self, number: u64) {
        self.state().refused_request = Some(number);
    }

    /// Counts a request whose head was read; whether it is not to be served.
    pub(super) fn counts_request(&self) -> bool {
        let mut state = self.state();
        let number = state.requests;
        state.requests += 1;
        state.refused_request == Some(number)
    }

    /// The request at hand, which was read, gets the answer that one gets whose head cannot be read.
    pub(super) fn refuse(&self, status: StatusCode) {
        self.state().refused = Some(status);
    }

    /// Notes the answer to a head that cannot be read; whether it is one.
    pub(super) fn refuses(&self, status: StatusCode) -> bool {
        let mut state = self.state();
        if matches!(state.stage, Stage::Fresh | Stage::Head | Stage::Idle) {
            state.refused = Some(status);
        }
        state.refused == Some(status)
    }

    /// The status of the answer to a head that could not be read.
    pub(super) fn refused(&self) -> Option<StatusCode> {
        self.state().refused
    }

    /// What it waits for.
    pub(super) fn stage(&self) -> Stage {
        self.state().stage
    }

    /// Until when it may wait for its client.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        let (limit, at_stop) = match state.stage {
            Stage::Fresh => (Some(self.clocks.head), FRESH_AT_STOP),
            Stage::Head => (Some(self.clocks.head), CLIENT_AT_STOP),
            Stage::Writing => (Some(self.clocks.answer), CLIENT_AT_STOP),
            Stage::Idle => (Some(self.clocks.idle), IDLE_AT_STOP),
            // Its usual clock is that of the router.
            Stage::Body => (None, CLIENT_AT_STOP),
            Stage::Handling => return None,
        };
        let deadline = limit.map(|limit| state.since + limit);
        let stopping = state.stopping;
        let at_stop = stopping.map(|stopping| stopping.max(state.since) + at_stop);
        deadline.into_iter().chain(at_stop).min()
    }

    /// Whether it waits for its client, as far as is known, and since when.
    pub(super) fn waiting(&self) -> Option<Waiting> {
        self.state().waiting()
    }

    /// Whether the client has done by now what is waited for: its bytes are there, or it has read ours.
    pub(super) fn is_ready(&self) -> bool {
        self.state().looks()
    }

    /// Ends it, to make room for another, if it waits for its client. Whatever the client sends from then on is not
    /// begun, unless it [stays](Self::stays).
    pub(super) fn give_way(&self) -> bool {
        let mut state = self.state();
        let waits = state.waiting().is_some() && !state.looks();
        if waits {
            state.has_given_way = true;
            state.wake();
        }
        waits
    }

    /// Whether it was told to end, to make room for another.
    pub(super) fn has_given_way(&self) -> bool {
        self.state().has_given_way
    }

    /// Goes on although it was told to end, if its client has done meanwhile what was waited for.
    pub(super) fn stays(&self) -> bool {
        let mut state = self.state();
        let stays = state.looks();
        state.has_given_way &= !stays;
        stays
    }

    /// Takes no further request.
    pub(super) fn stop(&self, now: Instant) {
        let mut state = self.state();
        state.stopping = Some(now);
        state.wake();
    }

    /// Its task runs, and is woken from now on by whatever ends the connection from outside.
    pub(super) fn runs(&self, waker: &Waker) {
        let mut state = self.state();
        state.is_running = true;
        state.is_ready = false;
        match &mut state.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    /// Its task has done what there was to do.
    pub(super) fn rests(&self) {
        self.state().is_running = false;
    }

    /// It is over. Whatever comes now is nothing that would be answered; its socket belongs to its task alone.
    pub(super) fn ends(&self) {
        let mut state = self.state();
        state.socket = None;
        state.is_ending = true;
        state.is_running = false;
        state.since = Instant::now();
    }
}

impl State {
    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
        self.is_blocked = false;
    }

    fn waiting(&self) -> Option<Waiting> {
        let waits = match self.stage {
            _ if self.is_ending => true,
            Stage::Fresh | Stage::Body => true,
            Stage::Head | Stage::Idle => !self.is_turn_awaited,
            Stage::Writing => self.is_blocked,
            Stage::Handling => false,
        };
        let is_ours = self.is_running || self.is_ready || self.has_given_way;
        (waits && !is_ours).then_some(Waiting {
            // One that is over is not between two requests: its client may still read.
            stage: if self.is_ending {
                Stage::Writing
            } else {
                self.stage
            },
            since: self.since,
        })
    }

    /// Asks the system whether the client has done what is waited for. That its task has not run is not the client's
    /// fault: where many are at work, that takes a while, and closing a connection with unread bytes resets it.
    fn looks(&mut self) -> bool {
        // Anyone who reads no answers waits for nothing by sending more.
        let wanted = match self.stage {
            Stage::Writing => Wanted::Room,
            _ => Wanted::Bytes,
        };
        self.is_ready = self
            .socket
            .as_ref()
            .is_some_and(|socket| is_ready(socket, wanted));
        self.is_ready
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn client_that_waits_delays_no_stop() {
        type Enter = fn(&Progress);
        let stages: [(Stage, Enter); 4] = [
            (Stage::Head, |progress| progress.has_read()),
            (Stage::Body, |progress| progress.awaits_body()),
            (Stage::Writing, |progress| progress.begins_answer()),
            (Stage::Handling, |_| {}),
        ];
        let hour = Duration::from_hours(1);
        let clocks = Clocks {
            head: hour,
            answer: hour,
            idle: hour,
        };
        for (stage, enter) in stages {
            let progress = Progress::new(clocks, None, Arc::default());
            if stage != Stage::Head {
                let mut context = Context::from_waker(Waker::noop());
                assert!(progress.poll_turn(&mut context).is_ready());
            }
            enter(&progress);
            assert_eq!(progress.stage(), stage);
            let now = Instant::now();
            progress.stop(now);
            // What is being handled has the whole grace.
            let expected = (stage != Stage::Handling).then_some(now + CLIENT_AT_STOP);
            assert_eq!(progress.deadline(), expected, "{stage:?}");
        }
    }

    #[tokio::test]
    async fn request_waits_for_the_answer_before() {
        let hour = Duration::from_hours(1);
        let clocks = Clocks {
            head: hour,
            answer: hour,
            idle: hour,
        };
        let progress = Progress::new(clocks, None, Arc::default());
        let (wake, woken) = std::sync::mpsc::channel();
        let waker = Waker::from(Arc::new(Tells(wake)));
        let mut context = Context::from_waker(&waker);
        assert!(progress.poll_turn(&mut context).is_ready());
        progress.begins_answer();
        progress.has_written(true);
        assert!(progress.poll_turn(&mut context).is_pending());
        assert_eq!(progress.stage(), Stage::Writing);
        progress.has_flushed();
        assert_eq!(progress.stage(), Stage::Writing, "more may come");
        assert!(woken.try_recv().is_err());
        progress.ends_answer();
        progress.has_flushed();
        assert!(woken.try_recv().is_ok());
        // It came with the one before, so others go first, once.
        assert!(progress.poll_turn(&mut context).is_pending());
        assert!(woken.try_recv().is_ok());
        assert!(progress.poll_turn(&mut context).is_ready());
        assert_eq!(progress.stage(), Stage::Handling);
    }

    #[tokio::test(start_paused = true)]
    async fn old_connection_takes_no_further_request() {
        let clocks = Clocks {
            head: LIFE,
            answer: LIFE,
            idle: LIFE,
        };
        let progress = Progress::new(clocks, None, Arc::default());
        let second = Duration::from_secs(1);
        tokio::time::advance(LIFE.saturating_sub(second)).await;
        assert!(!progress.is_last());
        tokio::time::advance(second).await;
        assert!(progress.is_last());
    }

    struct Tells(std::sync::mpsc::Sender<()>);

    impl std::task::Wake for Tells {
        fn wake(self: Arc<Self>) {
            self.0.send(()).ok();
        }
    }
}
