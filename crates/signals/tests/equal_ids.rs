//! Linked receivers of one signal with equal ids, given or automatic: no dispatcher is built with them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{SetupErrorKind, Signals, receiver, signal};

signal! {
    /// Its receivers are functions of one name in two blocks.
    sync blocks: Blocks;
    /// One function receives it twice, under two names.
    sync aliased: Aliased;
    /// A receiver has the automatic id of another as its own.
    sync borrowed: Borrowed;
    /// Its receivers have ids that look alike.
    sync alike: Alike;
}

struct Blocks;
struct Aliased;
struct Borrowed;
struct Alike;

const _: () = {
    #[receiver(blocks)]
    fn tell(_event: &Blocks) {}
};

const _: () = {
    #[receiver(blocks)]
    fn tell(_event: &Blocks) {}
};

use aliased as by_another_name;

#[receiver(aliased, by_another_name)]
fn twice(_event: &Aliased) {}

#[receiver(borrowed)]
fn lender(_event: &Borrowed) {}

#[receiver(borrowed, id = "equal_ids::lender")]
fn borrower(_event: &Borrowed) {}

#[receiver(alike)]
fn one(_event: &Alike) {}

#[receiver(alike, id = "one")]
fn other(_event: &Alike) {}

#[test]
fn equal_ids_are_refused() {
    let error = Signals::linked().unwrap_err();
    let found: Vec<_> = error.problems().collect();
    for (signal, id) in [
        ("aliased", "equal_ids::twice"),
        ("blocks", "equal_ids::tell"),
        ("borrowed", "equal_ids::lender"),
    ] {
        let of_signal = |(_, sentence): &&(_, String)| sentence.contains(&format!("`{signal}`"));
        let (kind, sentence) = found.iter().find(of_signal).unwrap();
        assert_eq!(*kind, SetupErrorKind::DuplicateId);
        assert_eq!(
            sentence.matches(&format!("{id} (")).count(),
            2,
            "{sentence}"
        );
        let way_out = ": rename one, or give it an id of its own by `id = \"…\"`";
        assert!(sentence.ends_with(way_out), "{sentence}");
    }
    assert_eq!(found.len(), 3, "{error}");
}
