//! Sessions: who is logged in, and until when.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{Duration, Timelike};
use phone_auth_core::address::AddressKind;
use phone_auth_core::session::{ActiveSession, KeptSession, NewLogIn, PasswordReplacement};

use super::Subject;
use super::message_sample::enqueued;
use super::sample::{
    HASH, address_of, at, digest, hash, is_alive, log_in, logged_in, replacement, stored, user_now,
    whole, without_address,
};
use crate::external_writer::ExternalChange;

pub(super) async fn session_tells_of_its_user(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, bob.id, 2).await;
    for (number, id) in [(1, ann.id), (2, bob.id)] {
        let expected = ActiveSession {
            digest: digest(number),
            user: user_now(store, id).await,
            has_verified_email: false,
            has_verified_phone: false,
            expires_at: at(3_600),
            proven_at: None,
            seen_at: Some(at(0)),
            created_at: Some(at(0)),
        };
        let session = store.session(&digest(number), at(1)).await.unwrap();
        assert_eq!(session, Some(expected));
    }
    assert_eq!(store.session(&digest(3), at(1)).await.unwrap(), None);
}

pub(super) async fn session_ends_at_its_time(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
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
    let ann = stored(store, &without_address("ann")).await;
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
    let row = |user, kind| address_of(store, user, kind);
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    let steps = [
        (bob.id, email, true, (false, false)),
        (bob.id, phone, true, (false, false)),
        (ann.id, email, true, (true, false)),
        (ann.id, phone, true, (true, true)),
        (ann.id, email, false, (false, true)),
        (ann.id, phone, false, (false, false)),
    ];
    for (user, kind, verified, expected) in steps {
        let id = row(user, kind).await.id;
        subject
            .outside(ExternalChange::SetVerified(kind, id, verified))
            .await;
        let session = store.session(&digest(1), at(1)).await.unwrap().unwrap();
        let told = (session.has_verified_email, session.has_verified_phone);
        assert_eq!(told, expected, "{kind} {verified}");
    }
}

pub(super) async fn inactive_user_is_nobody(subject: &Subject) {
    // django-phone-auth's admin pages set the flag and leave the session.
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    subject
        .outside(ExternalChange::SetActive(ann.id, false))
        .await;
    assert!(!is_alive(store, 1).await);
}

pub(super) async fn disabled_and_enabled_stays_out(subject: &Subject) {
    // A session that was used while its user was disabled does not come back with the user.
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, bob.id, 2).await;
    for active in [false, true] {
        let change = ExternalChange::SetActive(ann.id, active);
        subject.outside(change).await;
        assert!(!is_alive(store, 1).await, "{active}");
    }
    assert!(is_alive(store, 2).await);
}

pub(super) async fn sessions_of_disabled_users_are_removed(subject: &Subject) {
    // Nobody used them while the users were disabled.
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for number in 1..=3 {
        logged_in(store, ann.id, number).await;
        logged_in(store, bob.id, 100 + number).await;
    }
    subject
        .outside(ExternalChange::SetActive(ann.id, false))
        .await;
    let (mut removed, mut steps, mut last) = (0, 0, None);
    loop {
        let step = store.remove_disabled_sessions(last.as_ref(), 2).await;
        let (some, next) = step.unwrap();
        removed += some;
        if next.is_none() {
            break;
        }
        (steps, last) = (steps + 1, next);
    }
    assert_eq!((removed, steps), (3, 3), "two at a time");
    subject
        .outside(ExternalChange::SetActive(ann.id, true))
        .await;
    for number in 1..=3 {
        assert!(!is_alive(store, number).await, "{number}");
        assert!(is_alive(store, 100 + number).await, "{number}");
    }
}

pub(super) async fn password_of_others_ends_sessions(subject: &Subject) {
    // Django's admin pages, `manage.py changepassword`, a statement by hand; a password is also taken away.
    let store = subject.store();
    for (number, password) in [(1, "another"), (2, "!"), (3, "")] {
        let ann = stored(store, &without_address(&format!("ann{number}"))).await;
        let bob = stored(store, &without_address(&format!("bob{number}"))).await;
        logged_in(store, ann.id, number).await;
        logged_in(store, bob.id, 100 + number).await;
        let other = ExternalChange::SetPassword(ann.id, password.to_owned());
        subject.outside(other).await;
        assert!(!is_alive(store, number).await, "{password:?}");
        assert!(is_alive(store, 100 + number).await, "{password:?}");
        // Nor does it come back with the old password.
        let same = ExternalChange::SetPassword(ann.id, HASH.to_owned());
        subject.outside(same).await;
        assert!(!is_alive(store, number).await, "{password:?}");
    }
}

pub(super) async fn same_password_keeps_sessions(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let same = ExternalChange::SetPassword(ann.id, HASH.to_owned());
    subject.outside(same).await;
    assert!(is_alive(store, 1).await);
}

pub(super) async fn own_upgrade_keeps_sessions(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for (id, number) in [(ann.id, 1), (ann.id, 2), (bob.id, 3)] {
        logged_in(store, id, number).await;
    }
    let upgrading = NewLogIn {
        upgraded_password: Some(hash("stronger")),
        ends: Some(digest(1)),
        ..log_in(ann.id, 4, at(0))
    };
    assert!(store.log_in(&upgrading).await.unwrap());
    for (number, alive) in [(1, false), (2, true), (3, true), (4, true)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
    let other = ExternalChange::SetPassword(ann.id, "another".to_owned());
    subject.outside(other).await;
    for (number, alive) in [(2, false), (3, true), (4, false)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
}

pub(super) async fn upgrade_brings_no_session_back(subject: &Subject) {
    // Another program changed the password, and nobody used the session since. The upgrade of the new hash takes
    // along what is bound to it, and not what is bound to the old one.
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let other = ExternalChange::SetPassword(ann.id, "weak".to_owned());
    subject.outside(other).await;
    let upgrading = NewLogIn {
        checked_password: hash("weak"),
        upgraded_password: Some(hash("stronger")),
        ..log_in(ann.id, 2, at(0))
    };
    assert!(store.log_in(&upgrading).await.unwrap());
    assert!(!is_alive(store, 1).await);
    assert!(is_alive(store, 2).await);
}

pub(super) async fn no_upgrade_loses_a_session(subject: &Subject) {
    // One log-in upgrades the hash while others, which cannot, begin sessions with the old one: anyone who was let in
    // stays.
    let store = subject.store();
    for round in 0..8_u32 {
        let ann = stored(store, &without_address(&format!("ann{round}"))).await;
        let number_of = move |number| u8::try_from(16 * round + number).unwrap();
        let answers = subject
            .at_once(16, move |store, number| async move {
                let change = NewLogIn {
                    upgraded_password: (number == 8).then(|| hash("stronger")),
                    ..log_in(ann.id, number_of(number), at(0))
                };
                (number, store.log_in(&change).await.unwrap())
            })
            .await;
        for (number, was_let_in) in answers {
            let alive = is_alive(store, number_of(number)).await;
            assert_eq!(alive, was_let_in, "{round} {number}");
        }
    }
}

pub(super) async fn oldest_sessions_give_way(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    logged_in(store, bob.id, 100).await;
    // The numbers of the sessions in the order of their age, which is not that of their digests.
    let begun = [7, 3, 9, 1, 8, 2];
    let mut second = 0;
    let mut next = |number, max_sessions| {
        second += 1;
        NewLogIn {
            max_sessions,
            ..log_in(ann.id, number, at(second))
        }
    };
    let alive = async |of: &[u8]| {
        let mut alive = Vec::new();
        for number in of {
            let session = store.session(&digest(*number), at(60)).await.unwrap();
            alive.extend(session.map(|_| *number));
        }
        alive
    };
    for number in begun {
        assert!(store.log_in(&next(number, 4)).await.unwrap());
    }
    assert_eq!(alive(&begun).await, [9, 1, 8, 2]);
    // One that ends anyway makes room.
    let change = NewLogIn {
        ends: Some(digest(8)),
        ..next(4, 4)
    };
    assert!(store.log_in(&change).await.unwrap());
    assert_eq!(alive(&[9, 1, 8, 2, 4]).await, [9, 1, 2, 4]);
    // A better hash takes along those that stay.
    let change = NewLogIn {
        upgraded_password: Some(hash("stronger")),
        ..next(5, 3)
    };
    assert!(store.log_in(&change).await.unwrap());
    assert_eq!(alive(&[9, 1, 2, 4, 5]).await, [2, 4, 5]);
    // A log-in that is refused ends none.
    assert!(!store.log_in(&next(6, 1)).await.unwrap());
    assert_eq!(alive(&[2, 4, 5, 6]).await, [2, 4, 5]);
    let change = NewLogIn {
        checked_password: hash("stronger"),
        ..next(6, 1)
    };
    assert!(store.log_in(&change).await.unwrap());
    assert_eq!(alive(&[2, 4, 5, 6]).await, [6]);
    assert!(is_alive(store, 100).await, "of another user");
}

pub(super) async fn crowds_of_log_ins_end_at_the_cap(subject: &Subject) {
    // Those at the same moment need not see each other; the next one does.
    let ann = stored(subject.store(), &without_address("ann")).await;
    let log_in_of = move |number| NewLogIn {
        max_sessions: 3,
        ..log_in(ann.id, number, at(number.into()))
    };
    let begun = subject
        .at_once(24, move |store, number| async move {
            let number = u8::try_from(number).unwrap();
            store.log_in(&log_in_of(number)).await.unwrap()
        })
        .await;
    assert!(begun.iter().all(|it| *it));
    assert!(subject.store().log_in(&log_in_of(100)).await.unwrap());
    let mut alive = 0;
    for number in 0..=100 {
        alive += u32::from(is_alive(subject.store(), number).await);
    }
    assert_eq!(alive, 3);
    assert!(is_alive(subject.store(), 100).await);
}

pub(super) async fn replacement_binds_the_kept_session(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let keeping = PasswordReplacement {
        keeps: Some(KeptSession {
            digest: digest(1),
            becomes: digest(2),
        }),
        ..replacement(ann.id, "new")
    };
    assert!(store.replace_password(&keeping).await.unwrap());
    assert!(is_alive(store, 2).await);
    let other = ExternalChange::SetPassword(ann.id, "another".to_owned());
    subject.outside(other).await;
    assert!(!is_alive(store, 2).await);
}

pub(super) async fn older_sessions_are_bound_at_sight(subject: &Subject) {
    // A server of a version before the bindings began the session. It lives, and from then on is like any other.
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    for number in [1, 2] {
        logged_in(store, ann.id, number).await;
    }
    subject
        .outside(ExternalChange::UnbindSessions(ann.id))
        .await;
    assert!(is_alive(store, 1).await && is_alive(store, 1).await);
    let other = ExternalChange::SetPassword(ann.id, "another".to_owned());
    subject.outside(other).await;
    assert!(!is_alive(store, 1).await);
    // Nobody can know of the one that was never used.
    assert!(is_alive(store, 2).await);
}

pub(super) async fn older_sessions_are_bound_in_steps(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for (id, number) in [(ann.id, 1), (ann.id, 2), (ann.id, 3), (bob.id, 4)] {
        logged_in(store, id, number).await;
    }
    subject
        .outside(ExternalChange::UnbindSessions(ann.id))
        .await;
    for bound in [2, 1, 0] {
        assert_eq!(store.bind_sessions(2).await.unwrap(), bound);
    }
    let other = ExternalChange::SetPassword(ann.id, "another".to_owned());
    subject.outside(other).await;
    for (number, alive) in [(1, false), (2, false), (3, false), (4, true)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
}

pub(super) async fn keeping_out_ends_sessions(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
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

pub(super) async fn deleted_user_is_nobody(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    subject.outside(ExternalChange::DeleteUser(ann.id)).await;
    assert!(!is_alive(store, 1).await);
}

pub(super) async fn ended_session_is_gone(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
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

pub(super) async fn newest_write_is_told(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    if outbox.clock().await.unwrap().is_some() {
        // It goes by that, and is not asked.
        return;
    }
    let newest = async || outbox.newest_write().await.unwrap();
    assert_eq!(newest().await, None);
    let ann = stored(store, &without_address("ann")).await;
    for (number, begun) in [(1, 20), (2, 30), (3, 10)] {
        let log_in = log_in(ann.id, number, at(begun));
        assert!(store.log_in(&log_in).await.unwrap());
    }
    assert_eq!(newest().await, Some(at(30)));
    for (key, enqueued_at, told) in [("a", 25, 30), ("b", 40, 40)] {
        enqueued(subject, key, at(enqueued_at)).await;
        assert_eq!(newest().await, Some(at(told)), "{key}");
    }
}

pub(super) async fn expired_sessions_are_removed(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    for number in 0..10_u8 {
        let begun = at(i64::from(number));
        assert!(store.log_in(&log_in(ann.id, number, begun)).await.unwrap());
    }
    let now = at(3_600 + 5) + Duration::microseconds(1);
    let remove = async |now| store.remove_expired_sessions(now, 4).await.unwrap();
    assert_eq!(remove(at(0)).await, 0);
    for removed in [4, 2, 0] {
        assert_eq!(remove(now).await, removed);
    }
    for number in 0..10 {
        let session = store.session(&digest(number), at(10)).await.unwrap();
        assert_eq!(session.is_some(), number > 5, "{number}");
    }
}
