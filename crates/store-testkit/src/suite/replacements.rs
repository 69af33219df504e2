//! Addresses that are to take the place of others: of each kind the newest.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::accounts::{Accounts, CurrentUser, Verification};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, Losses,
    ProofByHand, RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::signals::{Signals, VerifyEmail, VerifyPhone};
use phone_auth_core::store::{EndOfUser, Replacement, Store};
use phone_auth_core::tokens::{Keyring, SecretKey};
use phone_auth_core::user::UserId;

use super::Subject;
use super::claims::{add, removal_of, values};
use super::proofs::reset;
use super::sample::{
    AMPLE, address_of, at, email_address, phone, replacement, stored, user_now, whole,
    without_address,
};
use crate::plain::Plain;

async fn replace(
    store: &dyn Store,
    user: UserId,
    kind: AddressKind,
    (old, new): (i64, i64),
) -> bool {
    let (old, new) = (AddressId::new(old), AddressId::new(new));
    let asked_at = at(5);
    let to_come = Replacement { old, new, asked_at };
    let replaced = store.replace_address(user, kind, to_come);
    replaced.await.unwrap()
}

/// In the place of which address one is to come.
async fn replaced(store: &dyn Store, user: UserId, kind: AddressKind, new: i64) -> Option<i64> {
    let old = store.replaced_address(user, kind, AddressId::new(new), at(5));
    old.await.unwrap().map(AddressId::get)
}

pub(super) async fn newest_replacement_counts(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    let bob = stored(store, &whole("bob", 2)).await.id;
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    let claim = AddressId::FIRST_CLAIM + 1;
    assert_eq!(replaced(store, ann, email, 2).await, None);
    assert!(replace(store, ann, email, (1, 2)).await);
    assert!(replace(store, ann, phone, (1, 3)).await);
    assert!(replace(store, bob, email, (5, claim)).await);
    assert_eq!(replaced(store, ann, email, 2).await, Some(1));
    assert!(replace(store, ann, email, (4, 6)).await);
    for (user, kind, new, old) in [
        (ann, email, 2, None),
        (ann, email, 6, Some(4)),
        (ann, phone, 3, Some(1)),
        (ann, phone, 6, None),
        (bob, email, claim, Some(5)),
        (bob, email, 6, None),
    ] {
        assert_eq!(
            replaced(store, user, kind, new).await,
            old,
            "{user:?} {kind} {new}"
        );
    }
    for (new, is_kept) in [(2, false), (6, true), (6, false)] {
        let ended = store.end_replacement(ann, email, AddressId::new(new));
        assert_eq!(ended.await.unwrap(), is_kept, "{new}");
    }
    assert_eq!(replaced(store, ann, email, 6).await, None);
    assert_eq!(replaced(store, ann, phone, 3).await, Some(1));

    let rows = store.rows_of(ann).await.unwrap();
    let rows = rows
        .iter()
        .filter(|row| row.table == "phone_auth_replacement");
    assert_eq!(rows.count(), 1);
    store
        .close_user(&EndOfUser::now(ann, "closed-1"))
        .await
        .unwrap();
    assert_eq!(replaced(store, ann, phone, 3).await, None);
    assert_eq!(replaced(store, bob, email, claim).await, Some(5));
    assert!(!replace(store, ann, email, (1, 2)).await, "they are gone");
}

/// What was asked for too long ago, and what was asked for before a reset.
pub(super) async fn replacement_does_not_wait_for_ever(subject: &Subject) {
    let store = subject.store();
    for (number, kind) in (1..).zip([AddressKind::Email, AddressKind::Phone]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let bob = stored(store, &whole(&format!("bob{number}"), number + 10)).await;
        let own = address_of(store, ann.id, kind).await;
        for user in [ann.id, bob.id] {
            assert!(replace(store, user, kind, (own.id.get(), 77)).await);
        }
        let new = AddressId::new(77);
        for (since, is_kept) in [(4, true), (5, true), (6, false)] {
            let old = store.replaced_address(ann.id, kind, new, at(since)).await;
            assert_eq!(old.unwrap(), is_kept.then_some(own.id), "{kind} {since}");
            let kept = store
                .kept_replacement(ann.id, kind, at(since))
                .await
                .unwrap();
            let asked_at = at(5);
            let expected = Replacement {
                old: own.id,
                new,
                asked_at,
            };
            assert_eq!(kept, is_kept.then_some(expected), "{kind} {since}");
        }
        assert!(reset(subject, &own, 9).await);
        assert_eq!(replaced(store, ann.id, kind, 77).await, None, "{kind}");
        assert_eq!(replaced(store, bob.id, kind, 77).await, Some(own.id.get()));
        // By the address that is to come.
        let bobs = address_of(store, bob.id, kind).await;
        assert!(replace(store, bob.id, kind, (77, bobs.id.get())).await);
        assert!(reset(subject, &bobs, 9).await);
        let kept = replaced(store, bob.id, kind, bobs.id.get()).await;
        assert_eq!(kept, Some(77), "{kind}");
        // By another password, of the one who was signed in or of an operator.
        let user = user_now(store, bob.id).await;
        let change = PasswordReplacement {
            old: user.password,
            ..replacement(bob.id, "newer")
        };
        assert!(replace(store, ann.id, kind, (own.id.get(), 77)).await);
        assert!(store.replace_password(&change).await.unwrap());
        assert_eq!(replaced(store, bob.id, kind, bobs.id.get()).await, None);
        assert_eq!(replaced(store, ann.id, kind, 77).await, Some(own.id.get()));
    }
}

/// What an address is added with is kept with it, or not at all.
pub(super) async fn add_keeps_its_replacement_or_nothing(subject: &Subject) {
    let (store, none) = (subject.store(), Notices::default());
    for (number, kind) in (1..).zip([AddressKind::Email, AddressKind::Phone]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number))
            .await
            .id;
        let bob = stored(store, &whole(&format!("bob{number}"), number + 10))
            .await
            .id;
        let own = address_of(store, ann, kind).await;
        let text = |n: u32| match kind {
            AddressKind::Email => email_address(&format!("new{n}@example.org")),
            AddressKind::Phone => Address::Phone(phone(n + 20)),
        };
        let bobs = text(number * 10);
        let bobs = add(store, bob, &bobs).await;
        let caps = AddressCaps {
            replaces: Some((own.id, at(5))),
            ..AMPLE
        };
        for (case, address, caps, is_claim) in [
            ("claimed", text(number * 10), caps, true),
            ("free", text(number * 10 + 1), caps, false),
            ("any", text(number * 10 + 2), caps, true),
        ] {
            let added = if case == "any" {
                store.claim_address(ann, &address, caps, &none).await
            } else {
                store.add_address(ann, &address, caps, &none).await
            };
            let added = added.unwrap();
            assert_eq!(added.id.is_claim(), is_claim, "{kind} {case}");
            let old = replaced(store, ann, kind, added.id.get()).await;
            assert_eq!(old, Some(own.id.get()), "{kind} {case}");
            assert_eq!(replaced(store, bob, kind, added.id.get()).await, None);
            assert!(store.end_replacement(ann, kind, added.id).await.unwrap());
        }
        // Without one, nothing is kept.
        let beside = add(store, ann, &text(number * 10 + 3)).await;
        assert_eq!(replaced(store, ann, kind, beside.id.get()).await, None);
        // What is refused keeps nothing, and what was kept before stays.
        assert!(replace(store, ann, kind, (own.id.get(), beside.id.get())).await);
        let full = AddressCaps { all: 1, ..caps };
        for (address, caps) in [(text(number * 10 + 4), full), (text(number * 10 + 3), caps)] {
            for claims in [false, true] {
                let refused = if claims {
                    store.claim_address(ann, &address, caps, &none).await
                } else {
                    store.add_address(ann, &address, caps, &none).await
                };
                assert!(refused.is_err(), "{kind} {address:?}");
            }
        }
        let kept = replaced(store, ann, kind, beside.id.get()).await;
        assert_eq!(kept, Some(own.id.get()), "{kind}");
        assert_eq!(replaced(store, bob, kind, bobs.id.get()).await, None);
    }
}

/// What was proven and is not finished is found; what is old is forgotten.
pub(super) async fn proven_replacements_are_found(subject: &Subject) {
    let store = subject.store();
    for (number, kind) in (1..).zip([AddressKind::Email, AddressKind::Phone]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number))
            .await
            .id;
        let bob = stored(store, &whole(&format!("bob{number}"), number + 10))
            .await
            .id;
        let eve = stored(store, &whole(&format!("eve{number}"), number + 20))
            .await
            .id;
        let text = |n: u32| match kind {
            AddressKind::Email => email_address(&format!("new{n}@example.org")),
            AddressKind::Phone => Address::Phone(phone(n + 40)),
        };
        let new = add(store, ann, &text(number * 10)).await;
        let claim = add(store, bob, &text(number * 10)).await;
        assert!(claim.id.is_claim() && !new.id.is_claim());
        let found = async |since, limit| {
            let found = store.proven_replacements(at(since), None, limit);
            let found = found.await.unwrap();
            let of_kind = found.into_iter().filter(|(_, of, _)| *of == kind);
            of_kind
                .map(|(user, _, it)| (user, it.old.get(), it.new, it.asked_at))
                .collect::<Vec<_>>()
        };
        for (user, new) in [(ann, &new), (bob, &claim)] {
            assert!(replace(store, user, kind, (77, new.id.get())).await);
        }
        // An address of someone else, which they have proven.
        let anns = address_of(store, ann, kind).await;
        assert!(replace(store, eve, kind, (78, anns.id.get())).await);
        prove(store, &anns).await;
        assert_eq!(found(0, 10).await, [], "{kind}");

        prove(store, &claim).await;
        assert_eq!(found(5, 10).await, [(bob, 77, claim.id, at(5))], "{kind}");
        assert_eq!(found(6, 10).await, [], "{kind}");
        assert!(
            replace(
                store,
                eve,
                kind,
                (79, address_of(store, eve, kind).await.id.get())
            )
            .await
        );
        prove(store, &address_of(store, eve, kind).await).await;
        assert_eq!(found(0, 10).await.len(), 2, "{kind}");
        let page = async |after, limit| {
            let found = store.proven_replacements(at(0), after, limit);
            found.await.unwrap()
        };
        let (all, mut pages, mut after) = (page(None, 10).await, Vec::new(), None);
        for _ in &all {
            let one = page(after, 1).await;
            after = one.last().map(|(user, kind, _)| (*user, *kind));
            pages.extend(one);
        }
        assert_eq!(pages, all, "{kind}");
        assert_eq!(page(after, 1).await, [], "{kind}");
    }
    assert_eq!(store.end_old_replacements(at(5), at(9)).await.unwrap(), 0);
    assert_eq!(store.end_old_replacements(at(6), at(9)).await.unwrap(), 6);
    assert_eq!(store.end_old_replacements(at(6), at(9)).await.unwrap(), 0);
    assert_eq!(
        store.proven_replacements(at(0), None, 10).await.unwrap(),
        []
    );
}

/// Proves an address or a claim, as a link does.
async fn prove(store: &dyn Store, address: &AddressRecord) {
    let proof = ProofByHand {
        kind: address.kind,
        id: address.id,
        user: address.user,
        is_verified: true,
        at: at(1),
        notices: Notices::default(),
        losses: Losses::default(),
    };
    assert!(store.set_verified(&proof).await.unwrap(), "{address:?}");
}

/// The flows of a site, and the links that it sends.
struct Site {
    accounts: Accounts,
    signals: Signals,
}

impl Site {
    fn over(subject: &Subject) -> Self {
        let key = SecretKey::generate().unwrap();
        let signals = Signals::isolated();
        let accounts = Accounts::builder(subject.shared_store(), Keyring::new(key))
            .signals(signals.clone())
            .hasher(Plain)
            .build()
            .unwrap();
        Self { accounts, signals }
    }

    async fn current_user(&self, user: UserId) -> CurrentUser {
        let session = self.accounts.begin_session(user, None).await.unwrap();
        let current = self.accounts.current_user(&session.key).await.unwrap();
        current.unwrap()
    }

    /// The id and the token of a link to an address.
    async fn link(&self, user: &CurrentUser, address: &AddressRecord) -> (String, String) {
        let mut emails = self.signals.capture::<VerifyEmail>();
        let mut phones = self.signals.capture::<VerifyPhone>();
        let asked = self
            .accounts
            .request_verification(user, address.kind, address.id);
        let _ = asked.await.unwrap();
        let emails = emails.take().into_iter().map(|it| {
            let link = it.link();
            (link.id.to_owned(), link.token.to_owned())
        });
        let phones = phones.take().into_iter().map(|it| {
            let link = it.link();
            (link.id.to_owned(), link.token.to_owned())
        });
        emails.chain(phones).next().unwrap()
    }
}

/// The flow as a user walks it, and as far as it had come before the process died: what is left is done at the next look.
pub(super) async fn address_is_replaced_whole(subject: &Subject) {
    let (store, site) = (subject.store(), Site::over(subject));
    let kinds = [AddressKind::Email, AddressKind::Phone];
    let cases = kinds.into_iter().flat_map(|kind| {
        let ways = [(false, false), (true, false), (false, true), (true, true)];
        ways.map(|way| (kind, way))
    });
    for (number, (kind, (is_held, dies))) in (1..).zip(cases) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let old = address_of(store, ann.id, kind).await;
        let marked = site.accounts.set_verified(&ann, &old, true).await;
        assert!(marked.unwrap().is_changed());
        let new = match kind {
            AddressKind::Email => email_address(&format!("new{number}@example.org")),
            AddressKind::Phone => Address::Phone(phone(number + 20)),
        };
        if is_held {
            let eve = stored(store, &without_address(&format!("eve{number}"))).await;
            assert!(!add(store, eve.id, &new).await.id.is_claim());
        }
        let current = site.current_user(ann.id).await;
        let added = site
            .accounts
            .replace_address(&current, kind, old.id, new.as_str());
        let added = added.await.unwrap();
        assert_eq!(added.id.is_claim(), is_held, "{kind} {is_held} {dies}");
        let (id, token) = site.link(&current, &added).await;
        if dies {
            let target = store.link_target(Purpose::Verify, kind, added.id).await;
            let proof = VerificationClaim {
                kind,
                id: added.id,
                user: ann.id,
                value: added.value.clone(),
                newest: target.unwrap().unwrap().newest,
                issued_at: at(0),
                at: at(1),
                in_session: true,
                notices: Notices::default(),
                losses: Losses::default(),
                account: None,
            };
            let proven = store.verify_address(&proof).await.unwrap();
            assert_eq!(proven, VerificationOutcome::Verified);
            // It gives way to none but the one that is to take its place.
            let to_another = AddressRemoval {
                replaced_by: Some(old.id),
                ..removal_of(&old, &ann)
            };
            let removed = store.remove_address(&to_another).await.unwrap();
            assert_eq!(removed, RemovalOutcome::Gone);
            assert!(values(store, ann.id).await.contains(&old.value));
            // Until it goes it is the primary one, for it may still be kept.
            if kind == AddressKind::Email {
                assert_eq!(user_now(store, ann.id).await.email, old.value, "{is_held}");
            }
            // By the worker, or by a look of their own.
            let by_worker = number > 4;
            if by_worker {
                assert_eq!(site.accounts.finish_replacements().await.unwrap(), 1);
            }
            let is_left = values(store, ann.id).await.contains(&old.value);
            assert_eq!(is_left, !by_worker, "{kind} {is_held}");
        }
        let looked = site.accounts.verify_address(&id, &token).await.unwrap();
        let was_proven = matches!(looked, Verification::AlreadyVerified(..));
        assert_eq!(was_proven, dies, "{kind} {is_held}");

        let left = values(store, ann.id).await;
        let case = format!("{kind} {is_held} {dies}: {left:?}");
        assert!(
            left.contains(&added.value) && !left.contains(&old.value),
            "{case}"
        );
        assert_eq!(left.len(), 2, "{case}");
        let user = user_now(store, ann.id).await;
        let email = address_of(store, ann.id, AddressKind::Email).await;
        assert_eq!(user.email, email.value, "{case}");
        let kept = store.replaced_address(ann.id, kind, added.id, at(0)).await;
        assert_eq!(kept.unwrap(), None, "{case}");
    }
}

/// The address that comes is the primary one once the old one goes, and not before: not where its user keeps the old one, be it
/// after the proof. One that stands in its user's own row gives way to no other that is verified.
pub(super) async fn old_address_is_primary_until_it_goes(subject: &Subject) {
    let store = subject.store();
    let cases = [false, true].into_iter().flat_map(|is_held| {
        let ways = [(true, true), (true, false), (false, true), (false, false)];
        ways.map(|(is_primary, is_kept)| (is_held, is_primary, is_kept))
    });
    for (number, (is_held, is_primary, is_kept)) in (1..).zip(cases) {
        let case = format!("{is_held} {is_primary} {is_kept}");
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let kind = AddressKind::Email;
        let first = address_of(store, ann.id, kind).await;
        let beside = email_address(&format!("beside{number}@example.org"));
        let beside = add(store, ann.id, &beside).await;
        let new = email_address(&format!("new{number}@example.org"));
        if is_held {
            let eve = stored(store, &without_address(&format!("eve{number}"))).await;
            add(store, eve.id, &new).await;
        }
        let new = add(store, ann.id, &new).await;
        assert_eq!(new.id.is_claim(), is_held, "{case}");
        for address in [&first, &beside, &new] {
            prove(store, address).await;
        }
        let old = if is_primary { &first } else { &beside };
        assert!(replace(store, ann.id, kind, (old.id.get(), new.id.get())).await);
        let email = async || user_now(store, ann.id).await.email;
        assert_eq!(email().await, first.value, "{case}");
        if is_kept {
            assert!(store.end_replacement(ann.id, kind, new.id).await.unwrap());
        }
        let removal = AddressRemoval {
            replaced_by: Some(new.id),
            ..removal_of(old, &ann)
        };
        let outcome = store.remove_address(&removal).await.unwrap();
        let expected = match (is_kept, is_primary) {
            (true, _) => (RemovalOutcome::Gone, &first.value),
            (false, true) => (RemovalOutcome::Removed, &new.value),
            (false, false) => (RemovalOutcome::Removed, &first.value),
        };
        assert_eq!((outcome, &email().await), expected, "{case}");
    }
}
