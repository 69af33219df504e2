//! Receivers that are optional, and what a dispatcher is refused for: each once, and in one order.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{
    __private::{Signal, SignalEntry, SignalInfo, inventory},
    Event, Place, SetupErrorKind, Signals, receiver, signal,
};
use std::sync::Arc;

signal! {
    /// One of two.
    sync opened: Opened;
    /// The other.
    sync closed: Closed;
}

struct Opened;
struct Closed;
struct Mailer;

/// What both are.
trait Changed {}
impl Changed for Opened {}
impl Changed for Closed {}

#[receiver(opened, closed, optional = true)]
fn brought_along(_event: &dyn Changed, _number: &str) {}

#[receiver(opened, closed, id = "needy")]
fn needy(_event: &dyn Changed, _mailer: &Mailer) {}

#[receiver(opened, id = "shared")]
fn shared(_event: &Opened, _mailer: &Arc<Mailer>) {}

mod other {
    pub(crate) struct Opened;
    phone_auth_signals::signal! {
        /// Bears a name that another has.
        pub(crate) sync opened: Opened;
    }
}

/// The signal `opened` once more, as another version of this package would declare it.
struct Older;

impl Event for Older {
    type Mode = phone_auth_signals::__private::Sync;
    fn signal() -> &'static Signal<Self> {
        &OLDER
    }
}

static OLDER: Signal<Older> = Signal::new(
    SignalInfo::new("opened", "", "Opened", true, OLDER_PLACE, "0.0.1"),
    || &[],
);
const OLDER_PLACE: Place = Place::new(
    env!("CARGO_PKG_NAME"),
    "optional::opened",
    "opened",
    "older.rs",
    (1, 1),
);
inventory::submit! { SignalEntry::new(&OLDER) }

#[test]
fn each_problem_is_said_once() {
    let builder = Signals::builder()
        .disable_receiver("b")
        .disable_receiver("a");
    let error = builder.build().unwrap_err();
    let said: Vec<_> = error.problems().collect();
    let kinds: Vec<_> = said.iter().map(|(kind, _)| *kind).collect();
    let expected = [
        SetupErrorKind::MissingState,
        SetupErrorKind::MissingState,
        SetupErrorKind::TwoVersions,
        SetupErrorKind::UnknownId,
        SetupErrorKind::UnknownId,
    ];
    assert_eq!(kinds, expected, "{error}");
    let sentence = |index: usize| said.get(index).unwrap().1.as_str();
    assert!(sentence(0).contains("the receiver needy ("), "{error}");
    assert!(
        sentence(1).contains("take what is in it, `&optional::Mailer`"),
        "{error}"
    );
    assert!(
        sentence(2).contains("in the versions 0.0.1 and 0.1.0"),
        "{error}"
    );
    assert!(
        sentence(3).contains("`a`") && sentence(4).contains("`b`"),
        "{error}"
    );
}

#[test]
fn isolated_dispatchers_check_alike() {
    assert!(Signals::builder().isolated().build().is_ok());
}

#[test]
fn signals_of_one_name_are_told_apart() {
    let manifest = Signals::isolated().manifest();
    let text = manifest.to_string();
    let row = |start: &str| {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap()
            .to_owned()
    };
    assert!(
        row("optional::other::opened (sync)").contains("  0  "),
        "{text}"
    );
    assert!(row("closed (sync)").contains("  0  "), "{text}");
}
