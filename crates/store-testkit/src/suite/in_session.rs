//! Whether the one who has proven an address was signed in, or set the password with it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{
    Address, AddressKind, AddressRecord, Losses, ProofByHand, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::Store;

use super::Subject;
use super::proofs::reset;
use super::sample::{AMPLE, HASH, address_of, at, email_address, phone, stored, whole};
use crate::external_writer::ExternalChange;

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

/// How an address comes to be verified.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// By a link, in a session or not, issued at that second.
    Link(bool, i64),
    /// By an operator.
    Hand,
    /// By the link of a reset.
    Reset,
    /// By another program.
    Outside,
    /// It is not any more, by another program.
    Undone,
}

async fn go(subject: &Subject, way: Way, address: &AddressRecord) {
    let (store, kind, id) = (subject.store(), address.kind, address.id);
    match way {
        Way::Link(in_session, seconds) => {
            let _ = link(store, address, in_session, seconds).await;
        }
        Way::Hand => {
            let proof = ProofByHand {
                kind,
                id,
                user: address.user,
                is_verified: true,
                at: at(5),
                notices: Notices::default(),
                losses: Losses::default(),
            };
            assert!(store.set_verified(&proof).await.unwrap());
        }
        Way::Reset => assert!(reset(subject, address, 5).await),
        Way::Outside | Way::Undone => {
            let is_verified = matches!(way, Way::Outside);
            let change = ExternalChange::SetVerified(kind, id, is_verified);
            subject.outside(change).await;
        }
    }
}

/// Opens a verification link.
async fn link(
    store: &dyn Store,
    address: &AddressRecord,
    in_session: bool,
    seconds: i64,
) -> VerificationOutcome {
    let claim = VerificationClaim {
        kind: address.kind,
        id: address.id,
        user: address.user,
        value: address.value.clone(),
        newest: None,
        issued_at: at(seconds),
        at: at(seconds),
        in_session,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    };
    store.verify_address(&claim).await.unwrap()
}

/// What is kept of it, which anyone who logs in by a code reads.
async fn is_kept(store: &dyn Store, address: &AddressRecord) -> bool {
    for purpose in [Purpose::LogIn, Purpose::ResetPassword] {
        let target = store.link_target(purpose, address.kind, address.id).await;
        if !target.unwrap().unwrap().in_session {
            return false;
        }
    }
    true
}

pub(super) async fn proof_in_a_session_is_kept(subject: &Subject) {
    let store = subject.store();
    let cases: [(&[Way], bool); 13] = [
        // What another program does to the same address of the same user nobody sees.
        (&[Way::Link(true, 1), Way::Undone, Way::Outside], true),
        (&[Way::Link(false, 1)], false),
        (&[Way::Link(true, 1)], true),
        // The link works once more, and shows the address as much.
        (&[Way::Link(false, 1), Way::Link(true, 1)], true),
        (&[Way::Link(true, 1), Way::Link(false, 1)], true),
        (&[Way::Outside], false),
        (&[Way::Outside, Way::Link(true, 1)], true),
        (&[Way::Hand], true),
        (&[Way::Reset], true),
        (&[Way::Outside, Way::Reset], true),
        (&[Way::Link(false, 1), Way::Reset], true),
        // Of a proof that was undone nothing is left for the next.
        (
            &[Way::Link(true, 1), Way::Undone, Way::Link(false, 2)],
            false,
        ),
        (&[Way::Hand, Way::Undone, Way::Link(false, 6)], false),
    ];
    let mut number = 0;
    for kind in KINDS {
        for (ways, expected) in cases {
            number += 1;
            let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
            let address = address_of(store, ann.id, kind).await;
            assert!(!is_kept(store, &address).await, "nothing is proven");
            for way in ways {
                go(subject, *way, &address).await;
            }
            assert!(address_of(store, ann.id, kind).await.is_verified);
            assert_eq!(
                is_kept(store, &address).await,
                expected,
                "{kind:?} {ways:?}"
            );
        }
    }
}

/// Also where no link has proven it, so that no time is known: it stays the oldest proof.
pub(super) async fn proof_in_a_session_is_no_younger(subject: &Subject) {
    let store = subject.store();
    let [email, phone] = KINDS;
    for (number, [kind, other]) in (1..).zip([[email, phone], [phone, email]]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let first = address_of(store, ann.id, kind).await;
        let second = address_of(store, ann.id, other).await;
        go(subject, Way::Outside, &first).await;
        go(subject, Way::Link(true, 2), &second).await;
        let again = link(store, &first, true, 9).await;
        assert_eq!(again, VerificationOutcome::AlreadyVerified);
        assert!(reset(subject, &second, 10).await);
        let stays = address_of(store, ann.id, kind).await.is_verified;
        assert!(stays, "{kind:?}: it was there before");
        assert_eq!(store.oldest_proof(ann.id).await.unwrap(), Some(kind));
    }
}

/// Two proofs of no known time are of one age, whatever a reset or a session adds to one.
pub(super) async fn proofs_of_no_time_are_of_one_age(subject: &Subject) {
    let store = subject.store();
    let [email, phone] = KINDS;
    let mut number = 0;
    for [kind, other] in [[email, phone], [phone, email]] {
        for by_reset in [true, false] {
            number += 1;
            let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
            let first = address_of(store, ann.id, kind).await;
            let second = address_of(store, ann.id, other).await;
            go(subject, Way::Outside, &first).await;
            go(subject, Way::Outside, &second).await;
            if by_reset {
                assert!(reset(subject, &first, 5).await);
                let as_before = ExternalChange::SetPassword(ann.id, HASH.to_owned());
                subject.outside(as_before).await;
            } else {
                let again = link(store, &first, true, 5).await;
                assert_eq!(again, VerificationOutcome::AlreadyVerified);
            }
            let oldest = store.oldest_proof(ann.id).await.unwrap();
            assert_eq!(oldest, Some(email), "{kind:?} {by_reset}");
            assert!(reset(subject, &second, 9).await, "{kind:?} {by_reset}");
            let stays = address_of(store, ann.id, kind).await.is_verified;
            assert!(stays, "{kind:?} {by_reset}");
        }
    }
}

/// Who has set the password until now has shown their other addresses, and not the one that a reset goes by.
pub(super) async fn reset_by_an_unshown_address_makes_the_others_so(subject: &Subject) {
    let store = subject.store();
    let [email, phone] = KINDS;
    let mut number = 0;
    for [own, others] in [[email, phone], [phone, email]] {
        for (ways, expected) in [
            (&[Way::Link(false, 2)][..], false),
            (&[Way::Outside], false),
            (&[], false),
            (&[Way::Link(true, 2)], true),
            (&[Way::Hand], true),
        ] {
            number += 1;
            let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
            let strangers = address_of(store, ann.id, others).await;
            let address = address_of(store, ann.id, own).await;
            go(subject, Way::Link(true, 1), &strangers).await;
            for way in ways {
                go(subject, *way, &address).await;
            }
            let is_asked_by_reset = reset(subject, &address, 9).await;
            // An address that was never proven resets nothing beside one that was.
            assert_eq!(is_asked_by_reset, !ways.is_empty(), "{own:?} {ways:?}");
            let expected = expected || ways.is_empty();
            let kept = is_kept(store, &strangers).await;
            assert_eq!(kept, expected, "{own:?} {ways:?}");
        }
    }
}

pub(super) async fn proof_of_a_claim_is_kept_so(subject: &Subject) {
    let store = subject.store();
    let mut number = 0;
    for (kind, in_session) in KINDS.into_iter().flat_map(|it| [(it, false), (it, true)]) {
        number += 1;
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let value = match kind {
            AddressKind::Email => email_address(&format!("own{number}@example.org")),
            AddressKind::Phone => Address::Phone(phone(number + 50)),
        };
        let none = Notices::default();
        let claim = store.claim_address(ann.id, &value, AMPLE, &none).await;
        let claim = claim.unwrap();
        let proven = link(store, &claim, in_session, 1).await;
        assert_eq!(proven, VerificationOutcome::Verified);
        let all = store.addresses_of(ann.id, 100).await.unwrap();
        let address = all.iter().find(|it| it.value == value.as_str()).unwrap();
        assert!(!address.id.is_claim());
        assert_eq!(is_kept(store, address).await, in_session, "{kind:?}");
        // The link is opened again, in a session and once more outside.
        for again in [true, false] {
            let proven = link(store, &claim, again, 2).await;
            assert_eq!(proven, VerificationOutcome::AlreadyVerified);
            assert!(is_kept(store, address).await, "{kind:?} {in_session}");
        }
    }
}
