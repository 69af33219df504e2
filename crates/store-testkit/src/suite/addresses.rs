//! Addresses: adding, listing, looking up.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{Address, AddressCaps, AddressId, AddressKind, AddressRecord};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{Store, StoreErrorKind, UniqueName};
use phone_auth_core::user::{TakenNames, UserId, WantedNames};

use super::Subject;
use super::sample::{
    AMPLE, address_of, assert_taken, email, email_address, phone, stored, whole, without_address,
};
use crate::external_writer::ExternalChange;

pub(super) async fn added_address_is_unverified(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    for address in [email_address("ann@example.org"), Address::Phone(phone(1))] {
        let record = store
            .add_address(ann.id, &address, AMPLE, &Notices::default())
            .await
            .unwrap();
        let expected = AddressRecord {
            id: record.id,
            kind: address.kind(),
            value: address.as_str().to_owned(),
            user: ann.id,
            is_verified: false,
        };
        assert_eq!(record, expected);
        let (read, owner) = store
            .address(address.kind(), record.id)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((read, owner.id), (record, ann.id));
    }
}

pub(super) async fn own_address_is_taken_too(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let answer = store
        .add_address(
            ann.id,
            &email_address("ann@example.org"),
            AMPLE,
            &Notices::default(),
        )
        .await;
    assert_taken(answer, UniqueName::Email);
    let answer = store
        .add_address(
            ann.id,
            &Address::Phone(phone(1)),
            AMPLE,
            &Notices::default(),
        )
        .await;
    assert_taken(answer, UniqueName::Phone);
    assert_eq!(store.addresses_of(ann.id, 100).await.unwrap().len(), 2);
}

pub(super) async fn own_row_can_be_added(subject: &Subject) {
    // Anyone who was made by django-phone-auth's createsuperuser has the address in their own row only.
    let store = subject.store();
    let boss = stored(store, &without_address("boss")).await;
    subject
        .outside(ExternalChange::SetOwnEmail(
            boss.id,
            "Boss@Example.org".to_owned(),
        ))
        .await;
    let record = store
        .add_address(
            boss.id,
            &email_address("boss@example.org"),
            AMPLE,
            &Notices::default(),
        )
        .await
        .unwrap();
    assert_eq!(record.value, "boss@example.org");
}

pub(super) async fn own_row_of_another_is_taken(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &without_address("boss")).await;
    let ann = stored(store, &without_address("ann")).await;
    for id in [boss.id, ann.id] {
        subject
            .outside(ExternalChange::SetOwnEmail(
                id,
                "Boss@Example.org".to_owned(),
            ))
            .await;
    }
    // It stands in Ann's own row as well, which is no excuse.
    let answer = store
        .add_address(
            ann.id,
            &email_address("boss@example.org"),
            AMPLE,
            &Notices::default(),
        )
        .await;
    assert_taken(answer, UniqueName::Email);
    assert_eq!(store.addresses_of(ann.id, 100).await.unwrap(), []);
}

pub(super) async fn username_of_another_is_taken(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &without_address("Boss@Example.org")).await;
    let ann = stored(store, &without_address("ann")).await;
    let address = email_address("boss@example.org");
    let answer = store
        .add_address(ann.id, &address, AMPLE, &Notices::default())
        .await;
    assert_taken(answer, UniqueName::Email);
    // Whose name it is may add it.
    store
        .add_address(boss.id, &address, AMPLE, &Notices::default())
        .await
        .unwrap();
}

pub(super) async fn address_of_another_case_is_taken(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    let row = address_of(store, ann.id, AddressKind::Email).await;
    subject
        .outside(ExternalChange::EditAddress(
            AddressKind::Email,
            row.id,
            "New@Example.org".to_owned(),
        ))
        .await;
    let verified = ExternalChange::SetVerified(AddressKind::Email, row.id, true);
    subject.outside(verified).await;
    for user in [ann.id, bob.id] {
        let answer = store
            .add_address(
                user,
                &email_address("new@example.org"),
                AMPLE,
                &Notices::default(),
            )
            .await;
        assert_taken(answer, UniqueName::Email);
    }
}

pub(super) async fn equal_additions_have_one_winner(subject: &Subject) {
    let store = subject.store();
    let mut users = Vec::new();
    for number in 0..20 {
        users.push(
            stored(store, &without_address(&format!("ann{number}")))
                .await
                .id,
        );
    }
    for address in [
        email_address("shared@example.org"),
        Address::Phone(phone(1)),
    ] {
        let (users, kind) = (users.clone(), address.kind());
        let answers = subject
            .at_once(20, |store, number| {
                let user = users.get(number as usize).copied().unwrap();
                let address = address.clone();
                async move {
                    store
                        .add_address(user, &address, AMPLE, &Notices::default())
                        .await
                }
            })
            .await;
        // The others claim it beside the one.
        let mut winners: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
        winners.retain(|record| !record.id.is_claim());
        assert_eq!(winners.len(), 1);
        let stored = store.address(kind, winners.first().unwrap().id).await;
        let (record, _) = stored.unwrap().unwrap();
        assert_eq!(winners, [record]);
    }
}

pub(super) async fn emails_come_before_phones(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &whole("bob", 50)).await;
    for number in [3, 1, 2] {
        for address in [
            Address::Phone(phone(number)),
            email_address(&format!("ann{number}@example.org")),
        ] {
            store
                .add_address(ann.id, &address, AMPLE, &Notices::default())
                .await
                .unwrap();
        }
    }
    let addresses = store.addresses_of(ann.id, 100).await.unwrap();
    let values: Vec<_> = addresses.iter().map(|it| it.value.as_str()).collect();
    let expected = [
        "ann3@example.org",
        "ann1@example.org",
        "ann2@example.org",
        "+919876500003",
        "+919876500001",
        "+919876500002",
    ];
    assert_eq!(values, expected);
    assert_eq!(store.addresses_of(bob.id, 100).await.unwrap().len(), 2);
}

pub(super) async fn address_comes_with_its_user(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    stored(store, &whole("bob", 2)).await;
    for record in store.addresses_of(ann.id, 100).await.unwrap() {
        let read = store.address(record.kind, record.id).await.unwrap();
        assert_eq!(read, Some((record, ann.clone())));
    }
}

pub(super) async fn kinds_are_counted_apart(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let record = store
        .add_address(
            ann.id,
            &Address::Phone(phone(1)),
            AMPLE,
            &Notices::default(),
        )
        .await
        .unwrap();
    let as_email = store.address(AddressKind::Email, record.id).await.unwrap();
    assert_eq!(as_email, None);
    for kind in [AddressKind::Email, AddressKind::Phone] {
        for id in [0, -1, i64::MAX] {
            let missing = store.address(kind, AddressId::new(id)).await.unwrap();
            assert_eq!(missing, None);
        }
    }
}

pub(super) async fn missing_user_gets_no_address(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let nobody = UserId::new(ann.id.get() + 1);
    for address in [email_address("ann@example.org"), Address::Phone(phone(1))] {
        let error = store
            .add_address(nobody, &address, AMPLE, &Notices::default())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NoSuchUser);
    }
    let (address, number) = (email("ann@example.org"), phone(1));
    let wanted = WantedNames {
        username: None,
        email: Some(&address),
        phone: Some(&number),
    };
    let taken = store.taken_names(&wanted).await.unwrap();
    assert_eq!(taken, TakenNames::default());
}

/// Adds so many addresses, by turns of one kind and the other, from a number on; what was said to each.
async fn add_many(
    store: &dyn Store,
    user: UserId,
    numbers: std::ops::Range<u32>,
    caps: AddressCaps,
) -> Vec<Result<AddressRecord, StoreErrorKind>> {
    let mut answers = Vec::new();
    for number in numbers {
        let address = nth(number);
        let answer = store
            .add_address(user, &address, caps, &Notices::default())
            .await;
        answers.push(answer.map_err(|error| error.kind()));
    }
    answers
}

/// An address, another for each number.
fn nth(number: u32) -> Address {
    if number.is_multiple_of(2) {
        email_address(&format!("ann{number}@example.org"))
    } else {
        Address::Phone(phone(1_000 + number))
    }
}

pub(super) async fn caps_are_kept(subject: &Subject) {
    let store = subject.store();
    // Those that come with the account count.
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    let caps = AddressCaps {
        all: 6,
        unverified: 4,
        replaces: None,
    };
    let answers = add_many(store, ann.id, 0..3, caps).await;
    assert!(answers.iter().take(2).all(Result::is_ok), "{answers:?}");
    assert_eq!(
        answers.last(),
        Some(&Err(StoreErrorKind::TooManyUnverified))
    );
    for record in store.addresses_of(ann.id, 100).await.unwrap() {
        let verified = ExternalChange::SetVerified(record.kind, record.id, true);
        subject.outside(verified).await;
    }
    let answers = add_many(store, ann.id, 3..6, caps).await;
    assert!(answers.iter().take(2).all(Result::is_ok), "{answers:?}");
    assert_eq!(answers.last(), Some(&Err(StoreErrorKind::TooManyAddresses)));
    assert_eq!(store.addresses_of(ann.id, 100).await.unwrap().len(), 6);
    // Anyone who has as many as they may learns nothing about others.
    let bobs = email_address("bob@example.org");
    let error = store
        .add_address(ann.id, &bobs, caps, &Notices::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::TooManyAddresses);
    // Anyone who has more than that, because another program gave them, is told the same; others may add.
    let fewer = AddressCaps {
        all: 3,
        unverified: 1,
        replaces: None,
    };
    let answers = add_many(store, ann.id, 6..8, fewer).await;
    assert_eq!(
        answers,
        [
            Err(StoreErrorKind::TooManyAddresses),
            Err(StoreErrorKind::TooManyAddresses)
        ]
    );
    let answers = add_many(store, bob.id, 6..7, caps).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
}

pub(super) async fn caps_are_kept_at_once(subject: &Subject) {
    let store = subject.store();
    for (number, all, unverified) in [(1, 5, 100), (2, 100, 5)] {
        let user = stored(store, &whole(&format!("p{number}"), number))
            .await
            .id;
        let caps = AddressCaps {
            all,
            unverified,
            replaces: None,
        };
        let answers = subject
            .at_once(30, |store, at| async move {
                let address = nth(number * 100 + at);
                let answer = store
                    .add_address(user, &address, caps, &Notices::default())
                    .await;
                answer.map_err(|error| error.kind())
            })
            .await;
        let added = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(added, 3, "{answers:?}");
        assert_eq!(store.addresses_of(user, 100).await.unwrap().len(), 5);
    }
}

pub(super) async fn many_addresses_come_in_part(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let added = add_many(store, ann.id, 0..20, AMPLE).await;
    assert!(added.iter().all(Result::is_ok));
    for (limit, expected) in [(0, 0), (1, 2), (9, 18), (10, 20), (u32::MAX, 20)] {
        let some = store.addresses_of(ann.id, limit).await.unwrap();
        assert_eq!(some.len(), expected);
        assert!(some.is_sorted_by_key(|it| (it.kind, it.id)));
        let purpose = Purpose::ResetPassword;
        let requests = store
            .link_requests_of(purpose, ann.id, limit)
            .await
            .unwrap();
        assert_eq!(requests.len(), expected);
    }
}
