//! Typed signals whose receivers are checked by the compiler and registered by the linker.
//!
//! Someone declares a signal, someone else receives it, and neither knows the other. It knows no accounts: the signals
//! of those are in the crate `phone-auth-events`, which re-exports this one.
//!
//! # Your own signal in ten lines
//! ```standalone_crate
//! use phone_auth_signals::{Signals, receiver, signal};
//!
//! signal! {
//!     /// An order was placed.
//!     pub sync order_placed: OrderPlaced;
//! }
//!
//! pub struct OrderPlaced { pub pieces: u32 }
//!
//! #[receiver(order_placed)]
//! fn tell(order: &OrderPlaced) { println!("{} more", order.pieces) }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! Signals::linked()?.send_sync(&OrderPlaced { pieces: 3 })?;
//! # Ok(())
//! # }
//! ```
//! The receiver may stand in any crate of the program. Without `sync`, receivers may be `async` and the sender awaits
//! them. Several functions receive one signal; one function receives several signals, if it takes what their events
//! share, as `&dyn` and a trait that they implement.
//!
//! # State
//! A receiver's first argument is the event. Every further one, `&T`, is what the application provided:
//! ```standalone_crate
//! use phone_auth_signals::{Signals, receiver, signal};
//! use std::sync::Arc;
//!
//! signal! {
//!     /// An order left the house.
//!     order_sent: OrderSent;
//! }
//!
//! struct OrderSent { email: String }
//!
//! /// Who signs our letters.
//! struct Signature(&'static str);
//!
//! trait Mailer: Send + Sync {
//!     fn mail(&self, to: &str, text: String);
//! }
//!
//! #[receiver(order_sent)]
//! async fn announce(order: &OrderSent, mailer: &dyn Mailer, signature: &Signature) {
//!     mailer.mail(&order.email, format!("It is on its way. {}", signature.0));
//! }
//!
//! struct Printing;
//!
//! impl Mailer for Printing {
//!     fn mail(&self, to: &str, text: String) {
//!         println!("{to}: {text}");
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let error = Signals::linked().unwrap_err();
//! assert!(error.to_string().contains("announce"));
//!
//! let mailer: Arc<dyn Mailer> = Arc::new(Printing);
//! let signals = Signals::builder().provide_arc(mailer).provide(Signature("The shop")).build()?;
//! signals.send(&OrderSent { email: "ann@example.org".to_owned() }).await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//! What is missing is refused by [`SignalsBuilder::build`], in a sentence with the receiver's file and line.
//!
//! # Testing
//! A dispatcher that is isolated has no linked receivers; a [`Capture`] takes what is sent, typed, or awaits it:
//! ```
//! use phone_auth_signals::{Signals, signal};
//!
//! signal! {
//!     /// An order was placed.
//!     order_placed: OrderPlaced;
//! }
//!
//! #[derive(Clone)]
//! struct OrderPlaced { pieces: u32 }
//!
//! async fn code_under_test(signals: &Signals) {
//!     signals.send_robust(&OrderPlaced { pieces: 3 }).await.into_result().ok();
//! }
//!
//! # fn main() {
//!
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let signals = Signals::isolated();
//! let mut placed = signals.capture::<OrderPlaced>();
//! code_under_test(&signals).await;
//! assert_eq!(placed.next().await.unwrap().pieces, 3);
//! # });
//! # }
//! ```
//!
//! # Order
//! Higher `priority` first, then by the path of the module, the file and the line. Nothing of it depends on the linker.
//! Receivers connected at run time come after linked ones of their priority, in the order of connecting. Who is called
//! is settled when a dispatch begins: what is connected or disconnected meanwhile counts for the next one.
//!
//! # Failure
//! | | [`send`](Signals::send) | [`send_robust`](Signals::send_robust), [`send_concurrent`](Signals::send_concurrent) |
//! |---|---|---|
//! | a receiver returns an error | stops; it is the sender's | is reported; the others are called |
//! | a receiver panics | its panic is the sender's | is reported, where panics unwind |
//! | a receiver takes too long | it is dropped where it waits; stops | is reported; the others are called |
//! | it has a time-out and there is no Tokio | it is not called; stops | it is not called; is reported |
//! | the sender's future is dropped | the receiver is dropped where it waits, the rest not called | the same |
//!
//! A receiver is never stopped but where it waits, and one that does not await cannot be timed out. A time-out takes
//! the timer of the runtime: where Tokio was started without `enable_time`, it panics when a receiver with a time-out
//! begins to wait, and that is the receiver's panic. What must go on without its sender goes through
//! [`send_detached`](Signals::send_detached), and [`drain`](Signals::drain) waits for it when a program ends. Where a
//! broken listener must not fail a log-in, send robustly.
//!
//! Each dispatch is a `tracing` span at debug level with the signal, and each receiver in it one with its id and its
//! outcome; a failure that the sender need not look at is a warning. What an event carries is never in them, nor the
//! text of an error, which may repeat it: a receiver that wants to tell more logs it itself.
//!
//! # What vanishes, and how one sees it
//! Receivers lie in a section that the linker fills. Under each linker and profile that was tried it keeps them all,
//! of every crate that is linked. But:
//! - **A dependency that no code names is not linked**, and registers nothing. Name it: [`link_receivers!`] or
//!   `use the_crate as _;`, in the program and in each file under `tests/` that needs it. A crate that something linked
//!   names counts. The lint `unused_crate_dependencies` tells of those that are named nowhere.
//! - A `staticlib` that C links loses receivers, unless with fat LTO or `--whole-archive`.
//! - `wasm32-wasip1` loses them without LTO; with it, inventory's list alone serves.
//! - A Rust `dylib` empties the section; inventory's list has the receivers then.
//!
//! The opposite happens, too: the unit tests of one crate are one program, and so are its doctests since edition 2024,
//! so that they have each other's receivers. Use an isolated dispatcher there, or mark the doctest `standalone_crate`.
//!
//! Lest any be lost unseen, each receiver is registered twice, in linkme's section and in inventory's list. Dispatch
//! goes to the union, and [`SignalsBuilder::build`] refuses where the two disagree. What is there can be read:
//! [`Signals::manifest`] prints as a table and serialises, and a snapshot of it in a test notices a receiver that comes
//! or goes.
//!
//! # Security
//! Any crate that is linked can receive any signal, also those that carry links with which passwords are set. That is
//! why the manifest names every receiver with its crate, file and line, and why an application can
//! [switch one off](SignalsBuilder::disable_receiver).

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod answer;
mod any_signal;
mod bound_receiver;
mod builder;
mod capture;
mod catalogue;
mod causes;
mod config;
mod connected;
mod connection;
mod detached;
mod dispatch;
mod dispatcher;
mod event;
mod macros;
mod manifest;
mod outcome;
mod place;
mod rank;
mod receiver;
mod receivers;
mod registry;
mod report;
mod robust;
mod send;
mod send_error;
mod setup_error;
mod signal;
mod signal_receivers;
mod state;
mod trace;
mod wait;

pub use answer::BoxError;
pub use builder::SignalsBuilder;
pub use capture::Capture;
pub use causes::write_causes;
pub use connection::{ConnectOptions, Connection, DuplicateIdError, Listen, ListenAsync};
pub use detached::NoRuntimeError;
pub use dispatcher::{Signals, WeakSignals};
pub use event::{AwaitedEvent, Event, SyncEvent};
pub use manifest::{Manifest, ReceiverEntry};
pub use outcome::Outcome;
/// Registers a function as a receiver of one or several signals. There is nothing to call: the linker finds it.
///
/// The function stays what it was and can be called by hand. It is a free function, without generics, and takes
/// 1. the event: `&OrderPlaced`, or what the events of all its signals share, `&dyn Order`;
/// 2. any number of further references: [state](SignalsBuilder::provide) that the application provides.
///
/// It may be `async`, unless the signal is declared `sync`, and returns `()` or `Result<(), E>` with any error.
///
/// # Options
/// After the signals, in any order:
/// - `priority = 10`: the higher, the earlier; without it 0. A constant will do.
/// - `id = "welcome-mail"`: a name by which it can be disabled. Without it, the id is the function's path,
///   `app::mail::welcome`. No two receivers of one signal may have one id, given or not: functions of one name in two
///   blocks need ids of their own.
/// - `when = |event| event.email.ends_with("@example.org")`: a filter, a closure or a function that takes what the
///   receiver takes. Evaluated before the call; what it refuses is reported as skipped.
/// - `timeout = "5s"`: for `async` functions; `ms`, `s` or `m`. It needs Tokio's timer.
/// - `durable`, of a signal that is declared so: no sending calls it, but the one who keeps the events for it, as often as it
///   takes. It may be called twice with one event; with phone-auth's signals the event has a `key` to tell by.
/// - `optional = true`: where its state is not provided, it is left out and listed as idle, instead of keeping the
///   dispatcher from being built.
///
/// The signal is imported, or named by its path: `#[receiver(phone_auth_events::verify_email)]`. "Cannot find module or
/// crate" at its name means that it is neither. Functions may be written by macros, and arguments bear `#[cfg]`.
///
/// # Examples
/// ```
/// use phone_auth_signals::{receiver, signal};
///
/// signal! {
///     /// An order was placed.
///     order_placed: OrderPlaced;
///     /// An order was given up.
///     order_cancelled: OrderCancelled;
/// }
///
/// trait Order { fn number(&self) -> u32; }
/// struct OrderPlaced { number: u32 }
/// struct OrderCancelled { number: u32 }
/// # impl Order for OrderPlaced { fn number(&self) -> u32 { self.number } }
/// # impl Order for OrderCancelled { fn number(&self) -> u32 { self.number } }
/// # struct Mailer;
///
/// #[receiver(order_placed, priority = 10, id = "thank-by-mail", timeout = "5s")]
/// async fn thank(order: &OrderPlaced, mailer: &Mailer) -> Result<(), std::io::Error> {
///     # let _ = (order, mailer);
///     Ok(())
/// }
///
/// #[receiver(order_placed, order_cancelled)]
/// fn count(order: &dyn Order) {
///     println!("{}", order.number());
/// }
/// # fn main() {}
/// ```
///
/// One of a mistake, which is one error: "`OrderCancelled` is not the event of the signal `order_placed`".
/// ```compile_fail
/// use phone_auth_signals::{receiver, signal};
///
/// signal! {
///     /// An order was placed.
///     order_placed: OrderPlaced;
///     /// An order was given up.
///     order_cancelled: OrderCancelled;
/// }
///
/// struct OrderPlaced;
/// struct OrderCancelled;
///
/// #[receiver(order_placed)]
/// fn confused(event: &OrderCancelled) {}
/// # fn main() {}
/// ```
pub use phone_auth_signals_macros::receiver;
pub use place::Place;
pub(crate) use receiver::Receiver;
pub use receiver::ReceiverInfo;
pub use registry::RegistryCheck;
pub use report::{ReceiverReport, Report};
pub use send_error::{SendError, SendErrorKind};
pub use setup_error::{SetupError, SetupErrorKind};
pub use signal::{Signal, SignalInfo};
pub use state::Need;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
