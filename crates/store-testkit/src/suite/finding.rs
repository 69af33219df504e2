//! Who is meant by what was typed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::AddressKind;
use phone_auth_core::person::{AccountName, FoundPerson};
use phone_auth_core::store::{Store, StoreErrorKind};

use super::Subject;
use super::sample::{address_of, bare, email, phone, stored, whole};
use crate::outsider::OutsideChange;

/// Looks a name up.
async fn find(store: &dyn Store, name: AccountName) -> Option<FoundPerson> {
    store.find_person(&name).await.unwrap()
}

/// A username and nothing else.
fn by_username(username: &str) -> AccountName {
    AccountName {
        username: Some(username.to_owned()),
        ..AccountName::default()
    }
}

pub(super) async fn phone_comes_before_email(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    stored(store, &whole("bob", 2)).await;
    let name = AccountName {
        phone: Some(phone(1)),
        email: Some(email("bob@example.org")),
        username: Some("bob".to_owned()),
    };
    let address = address_of(store, ann.id, AddressKind::Phone).await;
    let expected = FoundPerson {
        person: ann,
        address: Some(address),
    };
    assert_eq!(find(store, name).await, Some(expected));
}

pub(super) async fn email_comes_before_username(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    // Somebody whose username is Ann's address: the model's createsuperuser lets one be made.
    stored(store, &bare("ann@example.org")).await;
    let name = AccountName {
        phone: None,
        email: Some(email("ann@example.org")),
        username: Some("ann@example.org".to_owned()),
    };
    let address = address_of(store, ann.id, AddressKind::Email).await;
    let expected = FoundPerson {
        person: ann,
        address: Some(address),
    };
    assert_eq!(find(store, name).await, Some(expected));
}

pub(super) async fn first_reading_that_exists_wins(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let by_email = AccountName {
        phone: Some(phone(9)),
        email: Some(email("ann@example.org")),
        username: Some("other".to_owned()),
    };
    let found = find(store, by_email.clone()).await.unwrap();
    assert_eq!(
        (found.person.id, found.address.unwrap().kind),
        (ann.id, AddressKind::Email)
    );
    let by_username = AccountName {
        email: Some(email("other@example.org")),
        username: Some("ann".to_owned()),
        ..by_email
    };
    let found = find(store, by_username).await.unwrap();
    assert_eq!((found.person.id, found.address), (ann.id, None));
}

pub(super) async fn exact_username_comes_first(subject: &Subject) {
    // A database of the model may hold both.
    let store = subject.store();
    let upper = stored(store, &bare("x1")).await;
    let lower = stored(store, &bare("x2")).await;
    for (id, username) in [(upper.id, "Bob"), (lower.id, "bob")] {
        subject
            .outside(OutsideChange::RenamePerson(id, username.to_owned()))
            .await;
    }
    for (typed, expected) in [("Bob", upper.id), ("bob", lower.id)] {
        let found = find(store, by_username(typed)).await.unwrap();
        assert_eq!(found.person.id, expected, "{typed}");
    }
    let error = store.find_person(&by_username("BOB")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Ambiguous);
}

pub(super) async fn username_matches_in_any_case(subject: &Subject) {
    let store = subject.store();
    let sam = stored(store, &bare("Sam.Kim")).await;
    for typed in ["Sam.Kim", "sam.kim", "SAM.KIM"] {
        let found = find(store, by_username(typed)).await.unwrap();
        assert_eq!(found.person, sam);
    }
    // U+017F, U+212A and U+0130 fold to ASCII letters in Unicode (CVE-2019-19844).
    for typed in [
        "\u{17f}am.kim",
        "sam.\u{212a}im",
        "sam.k\u{130}m",
        "sam.k\u{131}m",
    ] {
        assert_eq!(find(store, by_username(typed)).await, None, "{typed}");
    }
}

pub(super) async fn email_matches_in_any_case(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let row = address_of(store, ann.id, AddressKind::Email).await;
    subject
        .outside(OutsideChange::EditAddress(
            AddressKind::Email,
            row.id,
            "Ann@Example.ORG".to_owned(),
        ))
        .await;
    let name = AccountName {
        email: Some(email("ann@example.org")),
        ..AccountName::default()
    };
    let found = find(store, name).await.unwrap();
    assert_eq!(found.person.id, ann.id);
    // What is told is the stored text: messages go there.
    assert_eq!(found.address.unwrap().value, "Ann@Example.ORG");
}

pub(super) async fn own_row_is_no_address(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &bare("boss")).await;
    subject
        .outside(OutsideChange::SetOwnEmail(
            boss.id,
            "boss@example.org".to_owned(),
        ))
        .await;
    let name = AccountName {
        email: Some(email("boss@example.org")),
        ..AccountName::default()
    };
    assert_eq!(find(store, name).await, None);
}

pub(super) async fn wildcards_match_themselves_only(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    for typed in [
        "a%", "_nn", "%", "a*", "ann\0", "ann ", " ann", "an", "annn", "",
    ] {
        assert_eq!(find(store, by_username(typed)).await, None, "{typed:?}");
    }
    let name = AccountName {
        email: Some(email("a_n@example.org")),
        ..AccountName::default()
    };
    assert_eq!(find(store, name).await, None);
}

pub(super) async fn inactive_people_are_found(subject: &Subject) {
    // The flow decides what an inactive person may do, and must take as long for them as for others.
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    assert!(store.set_active(ann.id, false).await.unwrap());
    let found = find(store, by_username("ann")).await.unwrap();
    assert_eq!((found.person.id, found.person.is_active), (ann.id, false));
}

pub(super) async fn nobody_is_found_by_nothing(subject: &Subject) {
    let store = subject.store();
    stored(store, &bare("ann")).await;
    assert_eq!(find(store, AccountName::default()).await, None);
    let free = AccountName {
        phone: Some(phone(9)),
        email: Some(email("free@example.org")),
        username: Some("free".to_owned()),
    };
    assert_eq!(find(store, free).await, None);
}
