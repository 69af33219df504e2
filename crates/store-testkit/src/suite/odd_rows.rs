//! What other programs leave in django-phone-auth's tables: NULLs, odd booleans, times that nobody can read. Every
//! store reads them alike, and no row keeps the others from being read.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Datelike};
use phone_auth_core::address::{AddressKind, Losses, VerificationClaim, VerificationOutcome};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::PasswordDigest;
use phone_auth_core::store::UniqueName;
use phone_auth_core::user::{AccountName, User};

use super::Subject;
use super::sample::{
    AMPLE, HASH, address_of, assert_taken, at, digest, email, email_address, hash, is_alive,
    log_in, logged_in, phone, replacement, stored, user_now, whole, without_address,
};
use crate::external_writer::{ExternalChange, OddCell, OddValue};

/// Someone in whose row a value was put, and someone after them.
async fn with_odd(subject: &Subject, number: u32, column: &'static str, value: OddValue) -> User {
    let store = subject.store();
    let ann = stored(store, &whole(&format!("ann{number}"), 2 * number)).await;
    let bob = stored(store, &whole(&format!("bob{number}"), 2 * number + 1)).await;
    let cell = OddCell::User(ann.id, column);
    subject.outside(ExternalChange::SetOdd(cell, value)).await;
    // Everybody is listed, and the row is read by each way that leads to it.
    let users = store.users_after(None, 1_000).await.unwrap();
    let read = users.into_iter().find(|it| it.id == ann.id).unwrap();
    assert!(store.users_after(Some(ann.id), 1).await.unwrap() == [bob]);
    assert_eq!(user_now(store, ann.id).await, read, "{column} {value:?}");
    let name = AccountName {
        phone: Some((&phone(2 * number)).into()),
        ..AccountName::default()
    };
    let found = store.find_user(&name).await.unwrap().unwrap();
    assert_eq!(found.user, read, "{column} {value:?}");
    let address = found.address.unwrap();
    let (_, owner) = store
        .address(AddressKind::Phone, address.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(owner, read, "{column} {value:?}");
    assert_eq!(read.id, ann.id);
    read
}

pub(super) async fn null_is_empty(subject: &Subject) {
    let columns = [
        "username",
        "first_name",
        "last_name",
        "email",
        "password",
        "last_login",
        "is_active",
        "is_staff",
        "date_joined",
    ];
    for (number, column) in columns.into_iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let read = with_odd(subject, number, column, OddValue::Null).await;
        let mut expected = User {
            id: read.id,
            ..read_like(number)
        };
        match column {
            "username" => expected.username.clear(),
            "first_name" => expected.first_name.clear(),
            "last_name" => expected.last_name.clear(),
            "email" => expected.email.clear(),
            "password" => expected.password = EncodedPassword::new(""),
            "is_active" => expected.is_active = false,
            "date_joined" => expected.date_joined = DateTime::UNIX_EPOCH,
            _ => {}
        }
        assert_eq!(read, expected, "{column}");
    }
}

/// What `with_odd` stores, before the value.
fn read_like(number: u32) -> User {
    let new = whole(&format!("ann{number}"), 2 * number);
    User {
        id: phone_auth_core::user::UserId::new(0),
        username: new.username,
        first_name: new.first_name,
        last_name: new.last_name,
        email: new.email.unwrap().as_str().to_owned(),
        password: new.password,
        last_login: None,
        is_active: true,
        date_joined: new.date_joined,
    }
}

pub(super) async fn null_password_can_be_replaced(subject: &Subject) {
    let store = subject.store();
    let ann = with_odd(subject, 0, "password", OddValue::Null).await;
    // Another log-in than by a password finds them as they are.
    let other = log_in(ann.id, 0, at(0));
    let other = phone_auth_core::session::NewLogIn {
        checked_password: ann.password.clone(),
        ..other
    };
    assert!(store.log_in(&other).await.unwrap());
    assert!(is_alive(store, 0).await);
    let change = phone_auth_core::session::PasswordReplacement {
        old: ann.password.clone(),
        ..replacement(ann.id, "new")
    };
    assert!(store.replace_password(&change).await.unwrap());
    assert_eq!(user_now(store, ann.id).await.password, hash("new"));
}

pub(super) async fn numbers_other_than_zero_are_true(subject: &Subject) {
    let store = subject.store();
    for (number, (value, active)) in [(2, true), (-1, true), (0, false), (1, true)]
        .into_iter()
        .enumerate()
    {
        let number = u32::try_from(number).unwrap();
        let read = with_odd(subject, number, "is_active", OddValue::Number(value)).await;
        assert_eq!(read.is_active, active, "{value}");
        // What is read and what a condition says are the same.
        let session = u8::try_from(number).unwrap();
        let let_in = store
            .log_in(&log_in(read.id, session, at(0)))
            .await
            .unwrap();
        assert_eq!(let_in, active, "{value}");
        assert_eq!(is_alive(store, session).await, active, "{value}");
    }
}

pub(super) async fn odd_verified_is_read(subject: &Subject) {
    let store = subject.store();
    let cases = [
        (OddValue::Null, false),
        (OddValue::Number(0), false),
        (OddValue::Number(2), true),
        (OddValue::Number(-1), true),
    ];
    for kind in [AddressKind::Email, AddressKind::Phone] {
        for (number, (value, verified)) in cases.into_iter().enumerate() {
            let number =
                u32::try_from(number).unwrap() + 10 * u32::from(kind == AddressKind::Phone);
            let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
            let address = address_of(store, ann.id, kind).await;
            let cell = OddCell::Address(kind, address.id, "is_verified");
            subject.outside(ExternalChange::SetOdd(cell, value)).await;
            let read = address_of(store, ann.id, kind).await;
            assert_eq!(read.is_verified, verified, "{kind} {value:?}");
            let session = u8::try_from(number).unwrap();
            logged_in(store, ann.id, session).await;
            let digest = digest(session);
            let session = store.session(&digest, at(1)).await.unwrap().unwrap();
            let told = match kind {
                AddressKind::Email => session.has_verified_email,
                AddressKind::Phone => session.has_verified_phone,
            };
            assert_eq!(told, verified, "{kind} {value:?}");
            let claim = VerificationClaim {
                kind,
                id: address.id,
                user: ann.id,
                value: address.value,
                newest: None,
                issued_at: at(0),
                at: at(1),
                in_session: true,
                notices: Notices::default(),
                losses: Losses::default(),
                account: None,
            };
            let expected = if verified {
                VerificationOutcome::AlreadyVerified
            } else {
                VerificationOutcome::Verified
            };
            let outcome = store.verify_address(&claim).await.unwrap();
            assert_eq!(outcome, expected, "{kind} {value:?}");
        }
    }
}

pub(super) async fn odd_times_are_read(subject: &Subject) {
    let texts = [
        "infinity",
        "-infinity",
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59.999999",
        "10000-01-01 00:00:00",
        "+10000-01-01 00:00:00",
        "0000-01-01 00:00:00",
        "0044-03-15 12:00:00 BC",
        "294276-12-31 00:00:00",
        "2024-02-30 00:00:00",
        "2024-01-02 03:04:05+14:00",
        "soon",
        "",
    ];
    let mut number = 0;
    for column in ["last_login", "date_joined"] {
        for text in texts {
            let read = with_odd(subject, number, column, OddValue::Text(text)).await;
            number += 1;
            for time in read.last_login.into_iter().chain([read.date_joined]) {
                assert!((1..=9999).contains(&time.year()), "{column} {text}: {time}");
            }
        }
        for value in [0, -1, i64::MAX, i64::MIN] {
            with_odd(subject, number, column, OddValue::Number(value)).await;
            number += 1;
        }
    }
}

/// The list of a user's sessions holds each that lets someone in and no other, and no session keeps the others from being
/// listed.
pub(super) async fn odd_session_times_are_read(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    logged_in(store, ann.id, 0).await;
    let texts = [
        "infinity",
        "-infinity",
        "0044-03-15 12:00:00 BC",
        "294276-12-31 00:00:00",
        "soon",
        "",
    ];
    let mut number = 0;
    for column in ["created_at", "seen_at", "expires_at", "proven_at"] {
        for text in texts {
            number += 1;
            logged_in(store, ann.id, number).await;
            let cell = OddCell::Session(digest(number), column);
            let odd = ExternalChange::SetOdd(cell, OddValue::Text(text));
            subject.outside(odd).await;
            let alive = store.session(&digest(number), at(1)).await.unwrap();
            let password = PasswordDigest::of(&hash(HASH));
            let listed = store.sessions_of(ann.id, &password, at(1), 100).await;
            let listed = listed.unwrap();
            let is_listed = |number| listed.iter().any(|it| it.digest == digest(number));
            assert!(is_listed(0), "{column} {text}");
            assert_eq!(is_listed(number), alive.is_some(), "{column} {text}");
            // What nobody can read was not done just now.
            for session in &listed {
                assert!(session.created_at <= at(0), "{column} {text}");
                assert!(session.seen_at <= at(0), "{column} {text}");
                assert!(session.expires_at.year() <= 9999, "{column} {text}");
            }
            if let Some(session) = alive {
                assert!(session.created_at.unwrap() <= at(0), "{column} {text}");
                assert!(session.seen_at.unwrap() <= at(0), "{column} {text}");
                assert!(session.proven_at.is_none_or(|proven| proven <= at(0)));
            }
        }
    }
    let kept = Some(digest(0));
    store.end_sessions_of(ann.id, kept.as_ref()).await.unwrap();
    let password = PasswordDigest::of(&hash(HASH));
    let left = store.sessions_of(ann.id, &password, at(1), 100).await;
    assert_eq!(left.unwrap().len(), 1);
}

pub(super) async fn null_address_is_empty(subject: &Subject) {
    let store = subject.store();
    for (number, kind, column) in [
        (0, AddressKind::Email, "email"),
        (1, AddressKind::Phone, "phone"),
    ] {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let address = address_of(store, ann.id, kind).await;
        let cell = OddCell::Address(kind, address.id, column);
        subject
            .outside(ExternalChange::SetOdd(cell, OddValue::Null))
            .await;
        assert_eq!(address_of(store, ann.id, kind).await.value, "");
        let (read, _) = store.address(kind, address.id).await.unwrap().unwrap();
        assert_eq!(read.value, "");
        // It is nobody's any more, and nobody is kept from it.
        let name = AccountName {
            email: Some((&email(&format!("ann{number}@example.org"))).into()),
            phone: Some((&phone(number)).into()),
            username: None,
        };
        let found = store.find_user(&name).await.unwrap().unwrap();
        assert_ne!(found.address.unwrap().kind, kind);
    }
    stored(store, &without_address("carl")).await;
}

pub(super) async fn lost_indexes_change_no_answer(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    logged_in(store, ann.id, 1).await;
    subject.outside(ExternalChange::LoseIndexes).await;
    // Anyone who is logged in is, names are found in any case, and are taken in any case.
    assert!(is_alive(store, 1).await);
    for username in ["ann", "ANN"] {
        let name = AccountName {
            username: Some(username.to_owned()),
            ..AccountName::default()
        };
        let found = store.find_user(&name).await.unwrap().unwrap();
        assert_eq!(found.user.id, ann.id, "{username}");
        let taken = store.create_user(&without_address(username)).await;
        assert_taken(taken, UniqueName::Username);
    }
    for address in ["ann@example.org", "ANN@EXAMPLE.ORG"] {
        let taken = store
            .add_address(ann.id, &email_address(address), AMPLE, &Notices::default())
            .await;
        assert_taken(taken, UniqueName::Email);
    }
    let answers = subject
        .at_once(8, |store, _| async move {
            store.create_user(&without_address("Bob")).await.is_ok()
        })
        .await;
    assert_eq!(answers.into_iter().filter(|made| *made).count(), 1);
    assert!(store.set_active(ann.id, false).await.unwrap());
    assert!(!is_alive(store, 1).await);
}
