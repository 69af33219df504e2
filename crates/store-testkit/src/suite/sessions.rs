//! Sessions: who is logged in, and until when.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{Duration, Timelike};
use phone_auth_core::address::AddressKind;
use phone_auth_core::session::ActiveSession;

use super::Subject;
use super::sample::{
    address_of, at, bare, digest, is_alive, log_in, logged_in, person_now, stored, whole,
};
use crate::outsider::OutsideChange;

pub(super) async fn session_tells_of_its_person(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, bob.id, 2).await;
    for (number, id) in [(1, ann.id), (2, bob.id)] {
        let expected = ActiveSession {
            digest: digest(number),
            person: person_now(store, id).await,
            has_verified_email: false,
            has_verified_phone: false,
            expires_at: at(3_600),
        };
        let session = store.session(&digest(number), at(1)).await.unwrap();
        assert_eq!(session, Some(expected));
    }
    assert_eq!(store.session(&digest(3), at(1)).await.unwrap(), None);
}

pub(super) async fn session_ends_at_its_time(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    // A whole second and a fraction of one: where times are texts, they differ in length.
    for (number, nanos) in [(1, 0), (2, 500_000_000), (3, 123_456_000)] {
        let begun = at(0).with_nanosecond(nanos).unwrap();
        assert!(store.log_in(&log_in(ann.id, number, begun)).await.unwrap());
        let end = begun + Duration::hours(1);
        let cases = [
            (end - Duration::days(1), true),
            (end - Duration::microseconds(1), true),
            (end, false),
            (end + Duration::nanoseconds(1), false),
            (end + Duration::microseconds(1), false),
            (end + Duration::days(400), false),
        ];
        for (now, alive) in cases {
            let session = store.session(&digest(number), now).await.unwrap();
            assert_eq!(session.is_some(), alive, "{end} {now}");
        }
    }
}

pub(super) async fn microseconds_of_expiry_count(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    let second = at(0).with_nanosecond(0).unwrap();
    let fractions = [0, 1, 9, 10, 99_999, 100_000, 999_999];
    for (number, micros) in fractions.into_iter().enumerate() {
        let number = u8::try_from(number).unwrap();
        let mut change = log_in(ann.id, number, second);
        change.session.expires_at = second + Duration::microseconds(micros);
        assert!(store.log_in(&change).await.unwrap());
        for other in fractions {
            let now = second + Duration::microseconds(other);
            let session = store.session(&digest(number), now).await.unwrap();
            assert_eq!(session.is_some(), other < micros, "{other} {micros}");
        }
    }
}

pub(super) async fn verified_addresses_are_told(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    logged_in(store, ann.id, 1).await;
    let row = |person, kind| address_of(store, person, kind);
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    let steps = [
        (bob.id, email, true, (false, false)),
        (bob.id, phone, true, (false, false)),
        (ann.id, email, true, (true, false)),
        (ann.id, phone, true, (true, true)),
        (ann.id, email, false, (false, true)),
        (ann.id, phone, false, (false, false)),
    ];
    for (person, kind, verified, expected) in steps {
        let id = row(person, kind).await.id;
        subject
            .outside(OutsideChange::SetVerified(kind, id, verified))
            .await;
        let session = store.session(&digest(1), at(1)).await.unwrap().unwrap();
        let told = (session.has_verified_email, session.has_verified_phone);
        assert_eq!(told, expected, "{kind} {verified}");
    }
}

pub(super) async fn inactive_person_is_nobody(subject: &Subject) {
    // The model's admin pages set the flag and leave the session.
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    logged_in(store, ann.id, 1).await;
    subject
        .outside(OutsideChange::SetActive(ann.id, false))
        .await;
    assert!(!is_alive(store, 1).await);
}

pub(super) async fn keeping_out_ends_sessions(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    let bob = stored(store, &bare("bob")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    logged_in(store, bob.id, 3).await;
    assert!(store.set_active(ann.id, true).await.unwrap());
    assert!(is_alive(store, 1).await);
    assert!(store.set_active(ann.id, false).await.unwrap());
    assert!(store.set_active(ann.id, true).await.unwrap());
    for (number, alive) in [(1, false), (2, false), (3, true)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
}

pub(super) async fn deleted_person_is_nobody(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    logged_in(store, ann.id, 1).await;
    subject.outside(OutsideChange::DeletePerson(ann.id)).await;
    assert!(!is_alive(store, 1).await);
}

pub(super) async fn ended_session_is_gone(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    assert!(store.end_session(&digest(1)).await.unwrap());
    assert!(!is_alive(store, 1).await);
    assert!(is_alive(store, 2).await);
    assert!(!store.end_session(&digest(1)).await.unwrap());
    assert!(!store.end_session(&digest(9)).await.unwrap());
    // What one log-out answered is free again; nothing remembers it.
    logged_in(store, ann.id, 1).await;
    assert!(is_alive(store, 1).await);
}

pub(super) async fn expired_sessions_are_removed(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &bare("ann")).await;
    for number in 0..10_u8 {
        let begun = at(i64::from(number));
        assert!(store.log_in(&log_in(ann.id, number, begun)).await.unwrap());
    }
    let now = at(3_600 + 5) + Duration::microseconds(1);
    assert_eq!(store.remove_expired_sessions(at(0)).await.unwrap(), 0);
    assert_eq!(store.remove_expired_sessions(now).await.unwrap(), 6);
    assert_eq!(store.remove_expired_sessions(now).await.unwrap(), 0);
    for number in 0..10 {
        let session = store.session(&digest(number), at(10)).await.unwrap();
        assert_eq!(session.is_some(), number > 5, "{number}");
    }
}
