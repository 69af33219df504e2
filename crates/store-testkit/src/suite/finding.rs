//! Who is meant by what was typed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{AddressKind, EmailSpellings, PhoneSpellings};
use phone_auth_core::store::{Store, StoreErrorKind};
use phone_auth_core::user::{AccountName, FoundUser};

use super::Subject;
use super::sample::{address_of, email, phone, stored, whole, without_address};
use crate::external_writer::ExternalChange;

/// Looks a name up.
async fn find(store: &dyn Store, name: AccountName) -> Option<FoundUser> {
    store.find_user(&name).await.unwrap()
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
        phone: Some((&phone(1)).into()),
        email: Some((&email("bob@example.org")).into()),
        username: Some("bob".to_owned()),
    };
    let address = address_of(store, ann.id, AddressKind::Phone).await;
    let expected = FoundUser {
        user: ann,
        address: Some(address),
    };
    assert_eq!(find(store, name).await, Some(expected));
}

pub(super) async fn email_comes_before_username(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    // Someone whose username is Ann's address: django-phone-auth's createsuperuser lets one be made.
    let boss = stored(store, &without_address("boss")).await;
    let username = "ann@example.org".to_owned();
    subject
        .outside(ExternalChange::RenameUser(boss.id, username))
        .await;
    let name = AccountName {
        phone: None,
        email: Some((&email("ann@example.org")).into()),
        username: Some("ann@example.org".to_owned()),
    };
    let address = address_of(store, ann.id, AddressKind::Email).await;
    let expected = FoundUser {
        user: ann,
        address: Some(address),
    };
    assert_eq!(find(store, name).await, Some(expected));
}

pub(super) async fn first_reading_that_exists_wins(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let by_email = AccountName {
        phone: Some((&phone(9)).into()),
        email: Some((&email("ann@example.org")).into()),
        username: Some("other".to_owned()),
    };
    let found = find(store, by_email.clone()).await.unwrap();
    assert_eq!(
        (found.user.id, found.address.unwrap().kind),
        (ann.id, AddressKind::Email)
    );
    let by_username = AccountName {
        email: Some((&email("other@example.org")).into()),
        username: Some("ann".to_owned()),
        ..by_email
    };
    let found = find(store, by_username).await.unwrap();
    assert_eq!((found.user.id, found.address), (ann.id, None));
}

pub(super) async fn exact_username_comes_first(subject: &Subject) {
    // A database of django-phone-auth may hold both.
    let store = subject.store();
    let upper = stored(store, &without_address("x1")).await;
    let lower = stored(store, &without_address("x2")).await;
    for (id, username) in [(upper.id, "Bob"), (lower.id, "bob")] {
        subject
            .outside(ExternalChange::RenameUser(id, username.to_owned()))
            .await;
    }
    for (typed, expected) in [("Bob", upper.id), ("bob", lower.id)] {
        let found = find(store, by_username(typed)).await.unwrap();
        assert_eq!(found.user.id, expected, "{typed}");
    }
    let error = store.find_user(&by_username("BOB")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Ambiguous);
}

pub(super) async fn username_matches_in_any_case(subject: &Subject) {
    let store = subject.store();
    let sam = stored(store, &without_address("Sam.Kim")).await;
    for typed in ["Sam.Kim", "sam.kim", "SAM.KIM"] {
        let found = find(store, by_username(typed)).await.unwrap();
        assert_eq!(found.user, sam);
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
        .outside(ExternalChange::EditAddress(
            AddressKind::Email,
            row.id,
            "Ann@Example.ORG".to_owned(),
        ))
        .await;
    let name = AccountName {
        email: Some((&email("ann@example.org")).into()),
        ..AccountName::default()
    };
    let found = find(store, name).await.unwrap();
    assert_eq!(found.user.id, ann.id);
    // What is told is the stored text: messages go there.
    assert_eq!(found.address.unwrap().value, "Ann@Example.ORG");
}

pub(super) async fn own_row_is_no_address(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &without_address("boss")).await;
    subject
        .outside(ExternalChange::SetOwnEmail(
            boss.id,
            "boss@example.org".to_owned(),
        ))
        .await;
    let name = AccountName {
        email: Some((&email("boss@example.org")).into()),
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
        email: Some((&email("a_n@example.org")).into()),
        ..AccountName::default()
    };
    assert_eq!(find(store, name).await, None);
}

pub(super) async fn inactive_users_are_found(subject: &Subject) {
    // The flow decides what an inactive user may do, and must take as long for them as for others.
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    assert!(store.set_active(ann.id, false).await.unwrap());
    let found = find(store, by_username("ann")).await.unwrap();
    assert_eq!((found.user.id, found.user.is_active), (ann.id, false));
}

pub(super) async fn nobody_is_found_by_nothing(subject: &Subject) {
    let store = subject.store();
    stored(store, &without_address("ann")).await;
    assert_eq!(find(store, AccountName::default()).await, None);
    let free = AccountName {
        phone: Some((&phone(9)).into()),
        email: Some((&email("free@example.org")).into()),
        username: Some("free".to_owned()),
    };
    assert_eq!(find(store, free).await, None);
}

/// What was typed, read in every way but as a username.
fn typed(text: &str) -> AccountName {
    AccountName {
        phone: PhoneSpellings::read(text, None),
        email: EmailSpellings::read(text),
        username: None,
    }
}

/// Gives the one address of a user another text past the port.
async fn store_as(subject: &Subject, user: &FoundUser, stored: &str) {
    let address = user.address.as_ref().unwrap();
    let change = ExternalChange::EditAddress(address.kind, address.id, stored.to_owned());
    subject.outside(change).await;
}

pub(super) async fn addresses_are_found_as_stored(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("bob", 2)).await;
    stored(store, &whole("ann", 1)).await;
    let by_email = find(store, typed("ann@example.org")).await.unwrap();
    let by_phone = find(store, typed("+919876500001")).await.unwrap();
    for (found, stored, texts) in [
        (
            &by_email,
            "Ann@B\u{fc}cher.example",
            &[
                "ann@b\u{fc}cher.example",
                "ANN@B\u{dc}CHER.example",
                "ann@xn--bcher-kva.example",
            ][..],
        ),
        (
            &by_email,
            "dan@localhost",
            &["dan@localhost", " DAN@LocalHost"],
        ),
        (
            &by_email,
            "\"Dan Smith\"@example.org",
            &["\"dan smith\"@example.org"],
        ),
        (
            &by_email,
            "j\u{fc}rgen@example.org",
            &["j\u{fc}rgen@example.org"],
        ),
        (&by_email, "Eve@example.org \t", &["eve@example.org"]),
        (
            &by_phone,
            "+91 98765 00001",
            &["+919876500001", "+91 98765-00001", "0091 98765 00001"],
        ),
        (&by_phone, "+919876500001\r\n", &["+919876500001"]),
        (
            &by_phone,
            "00919876500001",
            &["+919876500001", "00919876500001"],
        ),
        (&by_phone, "9876500001", &["98765 00001"]),
        // Numbers that left their numbering plan.
        (&by_phone, "+22997123456", &["+229 97 12 34 56"]),
        (&by_phone, "+5215512345678", &["+52 1 55 1234 5678"]),
    ] {
        store_as(subject, found, stored).await;
        for text in texts {
            let other = find(store, typed(text)).await;
            assert!(other.is_some(), "{text} is not found as {stored}");
            let other = other.unwrap();
            assert_eq!(other.user.id, found.user.id);
            // Messages go to what is stored.
            assert_eq!(other.address.unwrap().value, *stored);
        }
    }
}

pub(super) async fn look_alikes_are_nobody(subject: &Subject) {
    // CVE-2019-19844, and texts that differ by more than their spelling.
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let by_email = find(store, typed("ann@example.org")).await.unwrap();
    let by_phone = find(store, typed("+919876500001")).await.unwrap();
    for (found, stored, text) in [
        (&by_email, "mike@example.org", "m\u{131}ke@example.org"),
        (&by_email, "m\u{131}ke@example.org", "mike@example.org"),
        (&by_email, "kim@example.org", "\u{212a}im@example.org"),
        (&by_email, "rose@example.org", "ro\u{17f}e@example.org"),
        (&by_email, "ann@example.org", "ann@\u{ff45}xample.org"),
        (&by_email, "ann@example.org", "ann@ex\u{430}mple.org"),
        (&by_email, "ann@b\u{fc}cher.example", "ann@bucher.example"),
        (&by_email, "dan@localhost", "dan@localhost.localdomain"),
        (&by_email, "dan@localhost", "dan@localhos_"),
        (&by_email, "dan@localhost", "dan@localhost\0"),
        (&by_email, "\"dan\"@example.org", "dan@example.org"),
        (&by_email, "e ve@example.org", "eve@example.org"),
        (&by_phone, "+919876500001", "919876500001"),
        (&by_phone, "+919876500001", "+9198765000012"),
        (&by_phone, "919876500001;ext=1", "+919876500001"),
        (&by_phone, "abc", "+1"),
    ] {
        store_as(subject, found, stored).await;
        assert_eq!(find(store, typed(text)).await, None, "{text} {stored}");
    }
}

pub(super) async fn spellings_of_two_are_ambiguous(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    stored(store, &whole("bob", 2)).await;
    for (anns, bobs, as_stored, texts) in [
        (
            "ann@example.org",
            "bob@example.org",
            ["ann@b\u{fc}cher.example", "ann@xn--bcher-kva.example"],
            ["ann@b\u{fc}cher.example", "ann@xn--bcher-kva.example"],
        ),
        (
            "+919876500001",
            "+919876500002",
            ["+919876500003", "0091 98765 00003"],
            ["+919876500003", "+91 98765 00003"],
        ),
    ] {
        let users = [
            find(store, typed(anns)).await.unwrap(),
            find(store, typed(bobs)).await.unwrap(),
        ];
        for (user, stored) in users.iter().zip(as_stored) {
            store_as(subject, user, stored).await;
        }
        for text in texts {
            let error = store.find_user(&typed(text)).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{text}");
        }
        // Two spellings of one user are that user's; of the two, the one that was typed.
        let [ann, bob] = &users;
        let (kind, id) = bob.address.as_ref().map(|it| (it.kind, it.id)).unwrap();
        let moves = ExternalChange::MoveAddress(kind, id, ann.user.id);
        subject.outside(moves).await;
        for text in texts {
            let found = find(store, typed(text)).await.unwrap();
            assert_eq!(found.user.id, ann.user.id, "{text}");
        }
    }
}
