//! Receivers connected and disconnected at run time.

use crate::{
    AwaitedEvent, Event, Place, ReceiverInfo, Signals, answer::IntoAnswer,
    bound_receiver::BoundReceiver, dispatcher::Inner, rank::Rank, receiver::begin,
};
use std::{
    error::Error,
    fmt,
    panic::Location,
    sync::{Arc, Weak},
    task::Context,
    time::Duration,
};

/// A closure or function that can be connected: `Fn(&E)`, returning `()` or `Result<(), Error>`.
pub trait Listen<E>: Fn(&E) -> <Self as Listen<E>>::Returned + Send + Sync + 'static {
    /// What it returns.
    type Returned: IntoAnswer;
}

impl<E, F, R> Listen<E> for F
where
    F: Fn(&E) -> R + Send + Sync + 'static,
    R: IntoAnswer,
{
    type Returned = R;
}

/// A closure or function that can be connected and awaits: it takes its own copy of the event.
pub trait ListenAsync<E>:
    Fn(E) -> <Self as ListenAsync<E>>::Future + Send + Sync + 'static
{
    /// What it returns.
    type Future: Future<Output: IntoAnswer> + Send + 'static;
}

impl<E, F, R> ListenAsync<E> for F
where
    F: Fn(E) -> R + Send + Sync + 'static,
    R: Future<Output: IntoAnswer> + Send + 'static,
{
    type Future = R;
}

/// Keeps a receiver connected; dropping it disconnects.
///
/// It does not keep the dispatcher: when the last clone of that is gone, there is nothing left to disconnect from.
#[must_use = "dropping a connection disconnects the receiver: keep it, or call `forever`"]
pub struct Connection {
    dispatcher: Weak<Inner>,
    rank: Rank,
    cut: fn(&Inner, Rank),
}

/// What a connected receiver asks for: an id, a priority, a time-out.
///
/// # Examples
/// ```
/// use phone_auth_signals::{ConnectOptions, Signals, signal};
/// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
/// # #[derive(Clone)]
/// # struct OrderPlaced { pieces: u32 }
///
/// let signals = Signals::isolated();
/// let options = || ConnectOptions::new().id("audit").priority(10);
/// let first = signals.connect_with::<OrderPlaced>(options(), |_| ());
/// let second = signals.connect_with::<OrderPlaced>(options(), |_| ());
/// assert!(first.is_ok() && second.is_err());
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "options do nothing until something is connected with them"]
pub struct ConnectOptions {
    id: Option<String>,
    priority: i32,
    timeout: Option<Duration>,
}

impl ConnectOptions {
    /// No id, priority 0, the time-out of the dispatcher.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id: one signal of a dispatcher has each id once, whether linked or connected.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The higher, the earlier. Among equals, connected receivers come after linked ones, in the order of connecting.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// The time-out; it matters only to receivers that are awaited.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

/// The dispatcher has a receiver of the signal with that id already; nothing was connected.
#[non_exhaustive]
pub struct DuplicateIdError {
    /// The signal.
    pub signal: &'static str,
    /// The id.
    pub id: String,
}

impl fmt::Display for DuplicateIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the signal `{}` has a receiver with the id `{}` already",
            self.signal, self.id
        )
    }
}

impl fmt::Debug for DuplicateIdError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for DuplicateIdError {}

impl Signals {
    /// Connects a receiver at run time, in every clone of this dispatcher, until the [`Connection`] is dropped.
    ///
    /// Connecting waits for no dispatch, and a dispatch that is under way does not see it. Receivers may connect and
    /// disconnect others, or themselves; what holds this dispatcher for it holds a
    /// [`WeakSignals`](crate::WeakSignals). For one that awaits see [`connect_async`](Self::connect_async).
    ///
    /// Its [id](ReceiverInfo::id) is the place of this call; what is connected here more than once is counted. Where an id
    /// must outlast a change of the code, as that of a receiver of messages from an outbox, give one by
    /// [`connect_with`](Self::connect_with).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let printing = signals.connect::<OrderPlaced>(|event| println!("{} more", event.pieces));
    /// assert!(signals.has_receiver::<OrderPlaced>());
    /// printing.disconnect();
    /// assert!(!signals.has_receiver::<OrderPlaced>());
    /// ```
    #[track_caller]
    pub fn connect<E: Event>(&self, receiver: impl Listen<E>) -> Connection {
        self.bind(now(receiver), info_at::<E>(Location::caller(), false))
    }

    /// As [`connect`](Self::connect), with an id, a priority or a time-out.
    ///
    /// # Errors
    /// When the dispatcher has a receiver of the signal with that id already.
    #[track_caller]
    pub fn connect_with<E: Event>(
        &self,
        options: ConnectOptions,
        receiver: impl Listen<E>,
    ) -> Result<Connection, DuplicateIdError> {
        let info = options.apply(info_at::<E>(Location::caller(), false));
        self.bind_once(now(receiver), info)
    }

    /// Connects a receiver that awaits. It takes the event itself, a clone made for it, so that it may keep it for as
    /// long as it waits.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let connection = signals.connect_async::<OrderPlaced>(|event| async move {
    ///     tokio::task::yield_now().await;
    ///     println!("{} more", event.pieces);
    /// });
    /// # drop(connection);
    /// ```
    #[track_caller]
    pub fn connect_async<E: AwaitedEvent + Clone>(
        &self,
        receiver: impl ListenAsync<E>,
    ) -> Connection {
        let info = info_at::<E>(Location::caller(), true);
        self.bind(self.awaited(receiver, &info), info)
    }

    /// As [`connect_async`](Self::connect_async), with an id, a priority or a time-out.
    ///
    /// # Errors
    /// When the dispatcher has a receiver of the signal with that id already.
    #[track_caller]
    pub fn connect_async_with<E: AwaitedEvent + Clone>(
        &self,
        options: ConnectOptions,
        receiver: impl ListenAsync<E>,
    ) -> Result<Connection, DuplicateIdError> {
        let info = options.apply(info_at::<E>(Location::caller(), true));
        self.bind_once(self.awaited(receiver, &info), info)
    }

    /// Connects a receiver whose id is not given by hand.
    pub(crate) fn bind<E: Event>(&self, bound: BoundReceiver<E>, info: ReceiverInfo) -> Connection {
        let rank = info.rank();
        // Only an id that was given by hand can be taken.
        let _ = self.inner.receivers_or_make::<E>().connect(bound, info);
        self.connection::<E>(rank)
    }

    fn bind_once<E: Event>(
        &self,
        bound: BoundReceiver<E>,
        info: ReceiverInfo,
    ) -> Result<Connection, DuplicateIdError> {
        let (id, rank) = (info.id().to_owned(), info.rank());
        match self.inner.receivers_or_make::<E>().connect(bound, info) {
            Ok(()) => Ok(self.connection::<E>(rank)),
            Err(_) => Err(DuplicateIdError {
                signal: E::signal().info().name,
                id,
            }),
        }
    }

    fn connection<E: Event>(&self, rank: Rank) -> Connection {
        Connection {
            dispatcher: Arc::downgrade(&self.inner),
            rank,
            cut: cut::<E>,
        }
    }

    fn awaited<E: AwaitedEvent + Clone>(
        &self,
        receiver: impl ListenAsync<E>,
        info: &ReceiverInfo,
    ) -> BoundReceiver<E> {
        let timeout = info.timeout().or(self.inner.config.timeout).map(Box::new);
        BoundReceiver::AsyncClosure(
            Arc::new(move |event: &E, context: Option<&mut Context<'_>>| {
                let run = receiver(event.clone());
                begin(Box::pin(async move { run.await.into_answer() }), context)
            }),
            timeout,
        )
    }
}

pub(crate) fn now<E: Event>(receiver: impl Listen<E>) -> BoundReceiver<E> {
    BoundReceiver::SyncClosure(Arc::new(move |event: &E| receiver(event).into_answer()))
}

pub(crate) fn info_at<E: Event>(
    caller: &'static Location<'static>,
    is_async: bool,
) -> ReceiverInfo {
    let name = E::signal().info().name;
    let place = Place::new(
        "",
        "",
        name,
        caller.file(),
        (caller.line(), caller.column()),
    );
    ReceiverInfo::connected(format!("connected at {caller}"), is_async, place)
}

fn cut<E: Event>(dispatcher: &Inner, rank: Rank) {
    drop(dispatcher.receivers_or_make::<E>().disconnect(rank));
}

impl ConnectOptions {
    fn apply(self, info: ReceiverInfo) -> ReceiverInfo {
        let info = info.with_priority(self.priority);
        let info = match self.id {
            Some(id) => info.named(id),
            None => info,
        };
        match self.timeout {
            Some(timeout) => info.with_timeout(timeout),
            None => info,
        }
    }
}

impl Connection {
    /// Disconnects the receiver. Dispatches that are under way still call it.
    pub fn disconnect(self) {
        drop(self);
    }

    /// Leaves the receiver connected for as long as the dispatcher lives.
    pub fn forever(mut self) {
        self.dispatcher = Weak::new();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(dispatcher) = self.dispatcher.upgrade() {
            (self.cut)(&dispatcher, self.rank);
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("number", &self.rank.1)
            .finish_non_exhaustive()
    }
}
