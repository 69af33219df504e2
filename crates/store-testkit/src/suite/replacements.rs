//! Addresses that are to take the place of others: of each kind the newest.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{EndOfUser, Replacement, Store};
use phone_auth_core::user::UserId;

use super::Subject;
use super::sample::{stored, whole};

async fn replace(
    store: &dyn Store,
    user: UserId,
    kind: AddressKind,
    (old, new): (i64, i64),
) -> bool {
    let (old, new) = (AddressId::new(old), AddressId::new(new));
    let replaced = store.replace_address(user, kind, Replacement { old, new });
    replaced.await.unwrap()
}

/// In the place of which address one is to come.
async fn replaced(store: &dyn Store, user: UserId, kind: AddressKind, new: i64) -> Option<i64> {
    let old = store.replaced_address(user, kind, AddressId::new(new));
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
