//! A receiver that stands in one registry alone, as one that a linker dropped: no dispatcher is built with it.
//!
//! No linker that we know does so to a program, so that the second registration is left out by hand.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{
    __private::{Call, Receiver, RegisteredReceiver, inventory, place},
    ReceiverInfo, SetupErrorKind, Signals, receiver, signal,
};

signal! {
    /// Has a receiver that is whole and one that is not.
    sync torn: Torn;
    /// Has whole receivers only.
    sync whole: Whole;
}

struct Torn;
struct Whole;

#[receiver(torn)]
fn stays(_event: &Torn) {}

#[receiver(whole)]
fn is_whole(_event: &Whole) {}

static DROPPED: Receiver<Torn> = Receiver::new(
    ReceiverInfo::linked(place!("dropped", line!(), column!()), "dropped", false, &[]),
    Call::Sync(|_, _| Ok(())),
);

inventory::submit! { RegisteredReceiver::new(&DROPPED) }

#[test]
fn disagreeing_registries_are_refused() {
    let error = Signals::linked().unwrap_err();
    assert_eq!(error.kind(), SetupErrorKind::RegistriesDisagree);
    let expected = "of the receivers of the signal `torn`, 2 in all, the linker's section has 1 and inventory's list 2: \
                    the linker dropped some, as it does in a Rust `dylib`; link statically";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn isolated_manifest_tells_who() {
    let manifest = Signals::isolated().manifest();
    let not_whole = manifest.registries.iter().filter(|each| !each.is_whole());
    let counts: Vec<_> = not_whole
        .map(|each| (each.signal, each.in_section, each.in_inventory, each.union))
        .collect();
    assert_eq!(counts, [("torn", 1, 2, 2)]);
    let torn = manifest
        .receivers
        .iter()
        .filter(|each| each.signal == "torn");
    let ids: Vec<_> = torn.map(|receiver| receiver.id.as_str()).collect();
    assert_eq!(ids, ["disagreement::stays", "dropped"]);
}
