//! Names that only one account can have.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::AddressKind;
use phone_auth_core::person::{NewPerson, TakenNames, WantedNames};
use phone_auth_core::store::{StoreErrorKind, UniqueName};

use super::Subject;
use super::sample::{address_of, assert_taken, bare, email, phone, stored, whole};
use crate::outsider::OutsideChange;

pub(super) async fn username_is_taken_in_any_case(subject: &Subject) {
    let store = subject.store();
    stored(store, &bare("Bob.7_x")).await;
    for variant in ["Bob.7_x", "bob.7_x", "BOB.7_X"] {
        let answer = store.create_person(&bare(variant)).await;
        assert_taken(answer, UniqueName::Username);
    }
    stored(store, &bare("Bob.7-x")).await;
}

pub(super) async fn email_is_taken_in_any_case(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let new = NewPerson {
        email: Some(email("ann@example.org")),
        ..bare("other")
    };
    let answer = store.create_person(&new).await;
    assert_taken(answer, UniqueName::Email);

    // A row as the model leaves it: case kept, and another text in the person's own row.
    let row = address_of(store, ann.id, AddressKind::Email).await;
    subject
        .outside(OutsideChange::EditAddress(
            AddressKind::Email,
            row.id,
            "Ann.Lee@Example.org".to_owned(),
        ))
        .await;
    let new = NewPerson {
        email: Some(email("ann.lee@example.org")),
        ..bare("other")
    };
    let answer = store.create_person(&new).await;
    assert_taken(answer, UniqueName::Email);
}

pub(super) async fn email_in_own_row_is_taken(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &bare("boss")).await;
    subject
        .outside(OutsideChange::SetOwnEmail(
            boss.id,
            "Boss@Example.org".to_owned(),
        ))
        .await;
    let new = NewPerson {
        email: Some(email("boss@example.org")),
        ..bare("other")
    };
    let answer = store.create_person(&new).await;
    assert_taken(answer, UniqueName::Email);
}

pub(super) async fn email_as_username_is_taken(subject: &Subject) {
    // The model's createsuperuser takes an address as a username; its owner logs in by it.
    let store = subject.store();
    stored(store, &bare("Boss@Example.org")).await;
    let new = NewPerson {
        email: Some(email("boss@example.org")),
        ..bare("other")
    };
    assert_taken(store.create_person(&new).await, UniqueName::Email);
    let wanted = WantedNames {
        email: new.email.as_ref(),
        ..WantedNames::default()
    };
    assert!(store.taken_names(&wanted).await.unwrap().email);
}

pub(super) async fn phone_is_taken(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let answer = store.create_person(&whole("bob", 1)).await;
    assert_taken(answer, UniqueName::Phone);
    stored(store, &whole("bob", 2)).await;
}

pub(super) async fn first_taken_name_is_told(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let all = whole("ann", 1);
    assert_taken(store.create_person(&all).await, UniqueName::Username);
    let two = NewPerson {
        username: "other".to_owned(),
        ..all
    };
    assert_taken(store.create_person(&two).await, UniqueName::Email);
    let one = NewPerson { email: None, ..two };
    assert_taken(store.create_person(&one).await, UniqueName::Phone);
}

pub(super) async fn refused_person_leaves_nothing(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    // The phone number is the last thing to be stored, so all else was there before the refusal.
    let answer = store.create_person(&whole("bob", 1)).await;
    assert_taken(answer, UniqueName::Phone);

    assert_eq!(store.people_after(None, 10).await.unwrap(), [ann]);
    let address = email("bob@example.org");
    let wanted = WantedNames {
        username: Some("bob"),
        email: Some(&address),
        phone: None,
    };
    let taken = store.taken_names(&wanted).await.unwrap();
    assert_eq!(taken, TakenNames::default());
    stored(store, &whole("bob", 2)).await;
}

pub(super) async fn taken_names_are_told_together(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("Ann", 1)).await;
    subject
        .outside(OutsideChange::SetOwnEmail(
            ann.id,
            "Own@Example.org".to_owned(),
        ))
        .await;
    let (in_row, own, free) = (
        email("ann@example.org"),
        email("own@example.org"),
        email("free@example.org"),
    );
    let (used, unused) = (phone(1), phone(2));
    let none = TakenNames::default();
    let cases = [
        (None, None, None, none),
        (Some("free"), Some(&free), Some(&unused), none),
        (
            Some("aNN"),
            Some(&free),
            None,
            TakenNames {
                username: true,
                ..none
            },
        ),
        (
            None,
            Some(&in_row),
            Some(&unused),
            TakenNames {
                email: true,
                ..none
            },
        ),
        (
            None,
            Some(&own),
            None,
            TakenNames {
                email: true,
                ..none
            },
        ),
        (
            Some("free"),
            None,
            Some(&used),
            TakenNames {
                phone: true,
                ..none
            },
        ),
        (
            Some("ann"),
            Some(&own),
            Some(&used),
            TakenNames {
                username: true,
                email: true,
                phone: true,
            },
        ),
    ];
    for (username, email, phone, expected) in cases {
        let wanted = WantedNames {
            username,
            email,
            phone,
        };
        let taken = store.taken_names(&wanted).await.unwrap();
        assert_eq!(taken, expected, "{wanted:?}");
    }
}

pub(super) async fn letters_outside_ascii_do_not_fold(subject: &Subject) {
    // U+017F and U+212A fold to `s` and `k` in Unicode (CVE-2019-19844).
    let store = subject.store();
    stored(store, &bare("sam.kim")).await;
    stored(store, &bare("\u{17f}am.kim")).await;
    stored(store, &bare("sam.\u{212a}im")).await;
    // The first letter is another one, the rest differs by case only.
    stored(store, &bare("Älva")).await;
    stored(store, &bare("älva")).await;
    let answer = store.create_person(&bare("ÄLVA")).await;
    assert_taken(answer, UniqueName::Username);
}

pub(super) async fn equal_sign_ups_make_one_person(subject: &Subject) {
    let answers = subject
        .at_once(50, |store, _| async move {
            store.create_person(&whole("ann", 1)).await
        })
        .await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 49));
    for answer in refused {
        assert_taken(answer, UniqueName::Username);
    }
    let store = subject.store();
    let people = store.people_after(None, 100).await.unwrap();
    assert_eq!(people.len(), 1);
    for person in people {
        assert_eq!(store.addresses_of(person.id).await.unwrap().len(), 2);
    }
}

pub(super) async fn shared_name_has_one_winner(subject: &Subject) {
    // Each contender has two names of their own and one that all want.
    type Contender = fn(u32) -> NewPerson;
    let contenders: [(UniqueName, Contender); 3] = [
        (UniqueName::Username, |number| NewPerson {
            username: if number % 2 == 0 { "ann" } else { "ANN" }.to_owned(),
            ..whole(&format!("u{number}"), number)
        }),
        (UniqueName::Email, |number| NewPerson {
            email: Some(email("shared@example.org")),
            ..whole(&format!("e{number}"), 100 + number)
        }),
        (UniqueName::Phone, |number| NewPerson {
            phone: Some(phone(999)),
            ..whole(&format!("p{number}"), 200)
        }),
    ];
    for (name, contender) in contenders {
        let answers = subject
            .at_once(20, move |store, number| async move {
                store.create_person(&contender(number)).await
            })
            .await;
        let made = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(made, 1, "{name:?}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), StoreErrorKind::Taken(name));
        }
    }
    let people = subject.store().people_after(None, 100).await.unwrap();
    assert_eq!(people.len(), 3);
}

pub(super) async fn deleted_person_frees_the_names(subject: &Subject) {
    let store = subject.store();
    let first = stored(store, &whole("ann", 1)).await;
    subject.outside(OutsideChange::DeletePerson(first.id)).await;
    let second = stored(store, &whole("ann", 1)).await;
    assert_ne!(first.id, second.id);
}
