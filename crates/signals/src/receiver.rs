//! A linked receiver: the static that `#[receiver]` leaves behind, and what is known of it.

use crate::{
    Place,
    answer::Answer,
    rank::Rank,
    state::{Need, State},
};
use futures_util::future::BoxFuture;
use std::{
    any::Any,
    borrow::Cow,
    cmp::Reverse,
    fmt,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
    time::Duration,
};

/// A linked receiver of the events `E`. `#[receiver]` makes it.
#[doc(hidden)]
pub struct Receiver<E: 'static> {
    info: ReceiverInfo,
    call: Call<E>,
}

/// How a linked receiver is called. A receiver that does not await is never boxed.
#[doc(hidden)]
#[expect(
    clippy::exhaustive_enums,
    reason = "made by our own macro in other crates"
)]
pub enum Call<E: 'static> {
    Sync(SyncCall<E>),
    Async(AsyncCall<E>),
}

impl<E: 'static> fmt::Debug for Call<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sync(_) => "Sync",
            Self::Async(_) => "Async",
        })
    }
}

/// Calls a function that does not await.
pub(crate) type SyncCall<E> = fn(&E, &State) -> Answer;
/// Calls a function that awaits, and polls it once if there is a context.
pub(crate) type AsyncCall<E> = for<'a> fn(&'a E, &'a State, Option<&mut Context<'_>>) -> Begun<'a>;

/// Where a receiver that awaits is after it was called.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "made and taken apart at once")]
#[non_exhaustive]
pub enum Begun<'a> {
    /// It is ready, or its filter refused the event.
    Ended(Answer),
    /// It waits, or was not polled yet.
    Waiting(BoxFuture<'a, Answer>),
}

/// Polls `future` once, if there is a context. Here, where its type is known: what is ready at once costs no call through
/// a table, of which there would be two: 17 ns above a receiver that does not await, and may cost 20.
#[doc(hidden)]
#[inline]
pub fn begin<'a>(
    mut future: Pin<Box<impl Future<Output = Answer> + Send + 'a>>,
    context: Option<&mut Context<'_>>,
) -> Begun<'a> {
    if let Some(context) = context
        && let Poll::Ready(answer) = future.as_mut().poll(context)
    {
        return Begun::Ended(answer);
    }
    Begun::Waiting(future)
}

impl<E: 'static> Receiver<E> {
    pub const fn new(info: ReceiverInfo, call: Call<E>) -> Self {
        Self { info, call }
    }

    pub(crate) const fn info(&self) -> &ReceiverInfo {
        &self.info
    }

    pub(crate) const fn call(&self) -> &Call<E> {
        &self.call
    }
}

impl<E: 'static> fmt::Debug for Receiver<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.info.id).finish()
    }
}

/// A linked receiver without its event type.
pub(crate) trait AnyReceiver: Send + Sync {
    fn as_any(&'static self) -> &'static dyn Any;
}

impl<E: 'static> AnyReceiver for Receiver<E> {
    fn as_any(&'static self) -> &'static dyn Any {
        self
    }
}

/// What is known of a receiver, linked or connected.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a receiver"
)]
pub struct ReceiverInfo {
    id: Cow<'static, str>,
    has_own_id: bool,
    /// The number of the connection; none of a linked receiver.
    connection: Option<u64>,
    is_async: bool,
    priority: i32,
    timeout: Option<Duration>,
    needs: &'static [Need],
    is_optional: bool,
    is_durable: bool,
    place: Place,
}

impl ReceiverInfo {
    #[doc(hidden)]
    pub const fn linked(
        place: Place,
        id: &'static str,
        is_async: bool,
        needs: &'static [Need],
    ) -> Self {
        Self {
            id: Cow::Borrowed(id),
            has_own_id: false,
            connection: None,
            is_async,
            priority: 0,
            timeout: None,
            needs,
            is_optional: false,
            is_durable: false,
            place,
        }
    }

    /// Says that the id was given by hand.
    #[doc(hidden)]
    #[must_use]
    pub const fn with_own_id(mut self) -> Self {
        self.has_own_id = true;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Says that it is left out where its state is not provided.
    #[doc(hidden)]
    #[must_use]
    pub const fn as_optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Says that no sending calls it, but the one who keeps the events for it.
    #[doc(hidden)]
    #[must_use]
    pub const fn as_durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    pub(crate) fn named(self, id: String) -> Self {
        Self {
            id: Cow::Owned(id),
            has_own_id: true,
            ..self
        }
    }

    /// A receiver that is about to be connected, with a number that no other connection has.
    pub(crate) fn connected(id: String, is_async: bool, place: Place) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: Cow::Owned(id),
            has_own_id: false,
            connection: Some(NEXT.fetch_add(1, Ordering::Relaxed)),
            is_async,
            priority: 0,
            timeout: None,
            needs: &[],
            is_optional: false,
            is_durable: false,
            place,
        }
    }

    /// As the receiver with this number of those that have one automatic id.
    pub(crate) fn numbered(&self, number: u64) -> Self {
        let mut info = self.clone();
        if number > 1 {
            info.id = Cow::Owned(format!("{} ({number})", self.id));
        }
        info
    }

    /// Where it stands among those that were connected.
    pub(crate) fn rank(&self) -> Rank {
        (Reverse(self.priority), self.connection.unwrap_or_default())
    }

    /// The id: of all receivers of a signal in one dispatcher, this one alone has it.
    ///
    /// It is the one that was given, otherwise the path of the function, `crate::module::function`, or, for one that was
    /// connected, the place of the call, `connected at src/main.rs:7:19`. What is connected at one place more than once,
    /// as in a loop, is counted: `connected at src/main.rs:7:19 (2)`. So an id is the same in each run of a program that
    /// connects in the same order.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether both are the same receiver of one signal: one linked function, or one connection. What was connected later
    /// with the id of a receiver that is gone is another one.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{ConnectOptions, Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let connect = || signals.connect_with::<OrderPlaced>(ConnectOptions::new().id("audit"), |_| ());
    /// let first = connect()?;
    /// let before = signals.receivers_of::<OrderPlaced>();
    /// drop(first);
    /// let _second = connect()?;
    /// let after = signals.receivers_of::<OrderPlaced>();
    /// assert!(before[0].is_same(&before[0]) && !before[0].is_same(&after[0]));
    /// # Ok::<(), phone_auth_signals::DuplicateIdError>(())
    /// ```
    pub fn is_same(&self, other: &Self) -> bool {
        // A dispatcher has each id of a signal once, so that linked functions are told apart by it.
        self.connection == other.connection && self.id == other.id && self.place == other.place
    }

    /// Whether the id was given by hand.
    pub fn has_own_id(&self) -> bool {
        self.has_own_id
    }

    /// Whether it was connected at run time, not found by the linker.
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Whether it is awaited.
    pub fn is_async(&self) -> bool {
        self.is_async
    }

    /// The higher, the earlier.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// Its own time-out.
    pub fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    /// The state it takes, in the order of its arguments.
    pub fn needs(&self) -> &'static [Need] {
        self.needs
    }

    /// Whether a dispatcher that lacks its state leaves it out. One that is not refuses such a dispatcher.
    pub fn is_optional(&self) -> bool {
        self.is_optional
    }

    /// Whether no sending calls it, but [`send_durable_to`](crate::Signals::send_durable_to).
    pub fn is_durable(&self) -> bool {
        self.is_durable
    }

    /// Where it stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What receivers are sorted by: nothing in it depends on the linker.
    pub(crate) fn order(&self) -> impl Ord + '_ {
        (Reverse(self.priority), self.place, self.id())
    }
}

impl fmt::Debug for ReceiverInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverInfo")
            .field("id", &self.id)
            .field("file", &self.place.file)
            .field("line", &self.place.line)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for ReceiverInfo {
    /// The id and the place, as a sentence about the receiver needs them: `app::mail (src/mail.rs:7)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.id, self.place.file, self.place.line)
    }
}
