//! What keeps a dispatcher from being built, each in a sentence that names the receiver and its place.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{SetupErrorKind, Signals, receiver, signal};

signal! {
    /// Its receivers have one id.
    sync twins: Twins;
    /// Its receiver has an id that a receiver of another signal has, too.
    sync namesake: Namesake;
    /// Its receiver takes state.
    sync needy: Needy;
    /// Its receiver can do without its state, by not being called.
    sync modest: Modest;
}

struct Twins;
struct Namesake;
struct Needy;
struct Missing;
struct Modest;

#[receiver(twins, id = "twin")]
fn one(_event: &Twins) {}

#[receiver(twins, id = "twin")]
fn other(_event: &Twins) {}

#[receiver(namesake, id = "twin")]
fn elsewhere(_event: &Namesake) {}

#[receiver(needy)]
fn needs(_event: &Needy, _state: &Missing, _other: &[u8]) {}

#[receiver(modest, optional = true)]
fn wants(_event: &Modest, _state: &Missing) {}

#[receiver(modest, optional = false)]
fn has(_event: &Modest) {}

/// Where a line of this file stands.
fn place(start: &str) -> String {
    let index = include_str!("setup.rs")
        .lines()
        .position(|line| line.starts_with(start))
        .unwrap();
    format!("crates/signals/tests/setup.rs:{}", index + 1)
}

fn sentences(kind: SetupErrorKind) -> Vec<String> {
    let error = Signals::linked().unwrap_err();
    let problems = error.problems().filter(|(found, _)| *found == kind);
    problems.map(|(_, sentence)| sentence).collect()
}

#[test]
fn duplicate_id_names_both_places() {
    let (one, other) = (place("fn one("), place("fn other("));
    let expected = format!(
        "the signal `twins` has two receivers with one id, twin ({one}) and twin ({other}): rename one"
    );
    assert_eq!(sentences(SetupErrorKind::DuplicateId), [expected]);
}

#[test]
fn missing_state_names_its_receiver() {
    let expected = format!(
        "the receiver setup::needs ({}) takes `&setup::Missing`, which nobody provided: add `.provide(…)`",
        place("fn needs(")
    );
    let [missing, other] = sentences(SetupErrorKind::MissingState).try_into().unwrap();
    assert_eq!(missing, expected);
    assert!(other.contains("takes `&[u8]`"), "{other}");
}

#[test]
fn optional_receiver_is_idle_without_state() {
    let all = [false, true].map(|is_provided| {
        let mut builder = Signals::builder()
            .disable_receiver("twin")
            .disable_receiver("setup::needs");
        if is_provided {
            builder = builder.provide(Missing);
        }
        let signals = builder.build().unwrap();
        let receivers = signals.receivers_of::<Modest>().len();
        let manifest = signals.manifest().to_string();
        (receivers, manifest.contains("setup::wants (idle)"))
    });
    assert_eq!(all, [(1, true), (2, false)]);
}

#[test]
fn state_provided_twice_is_refused() {
    let error = Signals::builder()
        .isolated()
        .provide(1_u8)
        .provide(2_u8)
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), SetupErrorKind::ProvidedTwice);
    assert_eq!(
        error.to_string(),
        "`u8` is provided twice: a receiver could not tell which it gets"
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let error = Signals::builder()
        .disable_receiver("nobody")
        .build()
        .unwrap_err();
    let kinds: Vec<_> = error.problems().map(|(kind, _)| kind).collect();
    let expected = [
        SetupErrorKind::MissingState,
        SetupErrorKind::MissingState,
        SetupErrorKind::DuplicateId,
        SetupErrorKind::UnknownId,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(error.to_string().lines().count(), 4);
}

#[test]
fn disabled_receivers_need_nothing() {
    let builder = Signals::builder()
        .disable_receiver("setup::needs")
        .disable_receiver("twin");
    assert!(builder.build().is_ok());
}
