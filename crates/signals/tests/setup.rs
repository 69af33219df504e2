//! What keeps a hub from being built, each in a sentence that names the receiver and its place.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{SetupErrorKind, Signals, receiver, signal};

signal! {
    /// Its receivers have one id.
    sync twins: Twins;
    /// Its receiver has an id that a receiver of another signal has, too.
    sync namesake: Namesake;
    /// Its receiver takes state.
    sync needy: Needy;
}

struct Twins;
struct Namesake;
struct Needy;
struct Missing;

#[receiver(twins, id = "twin")]
fn one(_event: &Twins) {}

#[receiver(twins, id = "twin")]
fn other(_event: &Twins) {}

#[receiver(namesake, id = "twin")]
fn elsewhere(_event: &Namesake) {}

#[receiver(needy)]
fn needs(_event: &Needy, _state: &Missing, _number: &u64) {}

const FILE: &str = "crates/signals/tests/setup.rs";

fn sentences(kind: SetupErrorKind) -> Vec<String> {
    let error = Signals::linked().unwrap_err();
    let problems = error.problems().filter(|(found, _)| *found == kind);
    problems.map(|(_, sentence)| sentence).collect()
}

#[test]
fn duplicate_id_names_both_places() {
    let expected = format!(
        "the signal `twins` has two receivers with one id, twin ({FILE}:20) and twin ({FILE}:23): rename one"
    );
    assert_eq!(sentences(SetupErrorKind::DuplicateId), [expected]);
}

#[test]
fn missing_state_names_its_receiver() {
    let expected = format!(
        "the receiver setup::needs ({FILE}:29) takes `&setup::Missing`, which nobody provided: add `.provide(…)`"
    );
    assert_eq!(sentences(SetupErrorKind::MissingState), [expected]);
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
    let error = Signals::builder().switch_off("nobody").build().unwrap_err();
    let kinds: Vec<_> = error.problems().map(|(kind, _)| kind).collect();
    let expected = [
        SetupErrorKind::MissingState,
        SetupErrorKind::DuplicateId,
        SetupErrorKind::UnknownId,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(error.to_string().lines().count(), 3);
}

#[test]
fn switched_off_receivers_need_nothing() {
    let builder = Signals::builder()
        .switch_off("setup::needs")
        .switch_off("twin");
    assert!(builder.build().is_ok());
}
