//! Names that only one account can have.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{Address, AddressKind};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{StoreErrorKind, UniqueName};
use phone_auth_core::user::{NewUser, TakenNames, WantedNames};

use super::Subject;
use super::sample::{
    AMPLE, address_of, assert_taken, email, email_address, phone, stored, whole, without_address,
};
use crate::external_writer::ExternalChange;

pub(super) async fn username_is_taken_in_any_case(subject: &Subject) {
    let store = subject.store();
    stored(store, &without_address("Bob.7_x")).await;
    for variant in ["Bob.7_x", "bob.7_x", "BOB.7_X"] {
        let answer = store.create_user(&without_address(variant)).await;
        assert_taken(answer, UniqueName::Username);
    }
    stored(store, &without_address("Bob.7-x")).await;
}

pub(super) async fn email_is_taken_in_any_case(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let new = NewUser {
        email: Some(email("ann@example.org")),
        ..without_address("other")
    };
    let answer = store.create_user(&new).await;
    assert_taken(answer, UniqueName::Email);

    // A row as django-phone-auth leaves it: case kept, and another text in the user's own row.
    let row = address_of(store, ann.id, AddressKind::Email).await;
    subject
        .outside(ExternalChange::EditAddress(
            AddressKind::Email,
            row.id,
            "Ann.Lee@Example.org".to_owned(),
        ))
        .await;
    let new = NewUser {
        email: Some(email("ann.lee@example.org")),
        ..without_address("other")
    };
    let answer = store.create_user(&new).await;
    assert_taken(answer, UniqueName::Email);
}

pub(super) async fn email_in_own_row_is_taken(subject: &Subject) {
    let store = subject.store();
    let boss = stored(store, &without_address("boss")).await;
    subject
        .outside(ExternalChange::SetOwnEmail(
            boss.id,
            "Boss@Example.org".to_owned(),
        ))
        .await;
    let new = NewUser {
        email: Some(email("boss@example.org")),
        ..without_address("other")
    };
    let answer = store.create_user(&new).await;
    assert_taken(answer, UniqueName::Email);
}

pub(super) async fn email_as_username_is_taken(subject: &Subject) {
    // django-phone-auth's createsuperuser takes an address as a username; its owner logs in by it.
    let store = subject.store();
    stored(store, &without_address("Boss@Example.org")).await;
    let new = NewUser {
        email: Some(email("boss@example.org")),
        ..without_address("other")
    };
    assert_taken(store.create_user(&new).await, UniqueName::Email);
    let wanted = WantedNames {
        email: new.email.as_ref(),
        ..WantedNames::default()
    };
    assert!(store.taken_names(&wanted).await.unwrap().email);
}

pub(super) async fn phone_is_taken(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let answer = store.create_user(&whole("bob", 1)).await;
    assert_taken(answer, UniqueName::Phone);
    stored(store, &whole("bob", 2)).await;
}

pub(super) async fn first_taken_name_is_told(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let all = whole("ann", 1);
    assert_taken(store.create_user(&all).await, UniqueName::Username);
    let two = NewUser {
        username: "other".to_owned(),
        ..all
    };
    assert_taken(store.create_user(&two).await, UniqueName::Email);
    let one = NewUser { email: None, ..two };
    assert_taken(store.create_user(&one).await, UniqueName::Phone);
}

pub(super) async fn refused_user_leaves_nothing(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    // The phone number is the last thing to be stored, so all else was there before the refusal.
    let answer = store.create_user(&whole("bob", 1)).await;
    assert_taken(answer, UniqueName::Phone);

    assert_eq!(store.users_after(None, 10).await.unwrap(), [ann]);
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
        .outside(ExternalChange::SetOwnEmail(
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
    stored(store, &without_address("sam.kim")).await;
    stored(store, &without_address("\u{17f}am.kim")).await;
    stored(store, &without_address("sam.\u{212a}im")).await;
    // The first letter is another one, the rest differs by case only.
    stored(store, &without_address("Älva")).await;
    stored(store, &without_address("älva")).await;
    let answer = store.create_user(&without_address("ÄLVA")).await;
    assert_taken(answer, UniqueName::Username);
}

pub(super) async fn equal_sign_ups_make_one_user(subject: &Subject) {
    let answers = subject
        .at_once(50, |store, _| async move {
            store.create_user(&whole("ann", 1)).await
        })
        .await;
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 49));
    for answer in refused {
        assert_taken(answer, UniqueName::Username);
    }
    let store = subject.store();
    let users = store.users_after(None, 100).await.unwrap();
    assert_eq!(users.len(), 1);
    for user in users {
        assert_eq!(store.addresses_of(user.id, 100).await.unwrap().len(), 2);
    }
}

pub(super) async fn shared_name_has_one_winner(subject: &Subject) {
    // Each contender has two names of their own and one that all want.
    type Contender = fn(u32) -> NewUser;
    let contenders: [(UniqueName, Contender); 3] = [
        (UniqueName::Username, |number| NewUser {
            username: if number % 2 == 0 { "ann" } else { "ANN" }.to_owned(),
            ..whole(&format!("u{number}"), number)
        }),
        (UniqueName::Email, |number| NewUser {
            email: Some(email("shared@example.org")),
            ..whole(&format!("e{number}"), 100 + number)
        }),
        (UniqueName::Phone, |number| NewUser {
            phone: Some(phone(999)),
            ..whole(&format!("p{number}"), 200)
        }),
    ];
    for (name, contender) in contenders {
        let answers = subject
            .at_once(20, move |store, number| async move {
                store.create_user(&contender(number)).await
            })
            .await;
        let made = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(made, 1, "{name:?}");
        for error in answers.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), StoreErrorKind::Taken(name));
        }
    }
    let users = subject.store().users_after(None, 100).await.unwrap();
    assert_eq!(users.len(), 3);
}

pub(super) async fn deleted_user_frees_the_names(subject: &Subject) {
    let store = subject.store();
    let first = stored(store, &whole("ann", 1)).await;
    subject.outside(ExternalChange::DeleteUser(first.id)).await;
    let second = stored(store, &whole("ann", 1)).await;
    assert_ne!(first.id, second.id);
}

pub(super) async fn name_of_two_kinds_has_one_winner(subject: &Subject) {
    let mut users = Vec::new();
    for number in 0..10 {
        let user = without_address(&format!("ann{number}"));
        users.push(stored(subject.store(), &user).await.id);
    }
    // One name for each round, wanted as a username by some, as an address of a new account and of one that is there by
    // others.
    for round in 1..=5 {
        let phones = (format!("91987650000{round}"), Address::Phone(phone(round)));
        let text = format!("ann{round}@example.org");
        let emails = (text.to_uppercase(), email_address(&text));
        for (username, address) in [phones, emails] {
            let users = users.clone();
            let made = subject
                .at_once(18, |store, number| {
                    let (username, address) = (username.clone(), address.clone());
                    let user = users.get(number as usize / 3).copied().unwrap();
                    async move {
                        let answer = match (number % 3, &address) {
                            (0, _) => store
                                .create_user(&without_address(&username))
                                .await
                                .map(|_| true),
                            (1, _) => store
                                .add_address(user, &address, AMPLE, &Notices::default())
                                .await
                                .map(|record| !record.id.is_claim()),
                            (_, Address::Email(email)) => {
                                let mut new = without_address(&format!("new-{round}-{number}"));
                                new.email = Some(email.clone());
                                store.create_user(&new).await.map(|_| true)
                            }
                            (_, Address::Phone(phone)) => {
                                let mut new = without_address(&format!("other-{round}-{number}"));
                                new.phone = Some(phone.clone());
                                store.create_user(&new).await.map(|_| true)
                            }
                        };
                        // Who adds it beside another claims it, and is not named by it.
                        match answer.map_err(|error| error.kind()) {
                            Ok(is_named) => is_named,
                            Err(StoreErrorKind::Taken(_)) => false,
                            Err(other) => unreachable!("{other:?}"),
                        }
                    }
                })
                .await;
            let made = made.into_iter().filter(|made| *made).count();
            assert_eq!(made, 1, "{username}");
        }
    }
}
