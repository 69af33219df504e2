//! What a store promises that shares Django's sessions. Not part of the suite: it needs a database that
//! Django has made.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a promise is found broken"
)]

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::Losses;
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{PasswordReplacement, SessionKey};
use phone_auth_core::store::{DjangoSessionStore, StoreErrorKind, UserStore};
use phone_auth_core::user::UserId;

/// Now, for these promises.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_383_600, 123_456_000).unwrap()
}

/// A row under a key of one character.
fn row(key: char, data: &str) -> DjangoRow {
    let key = key.to_string().repeat(SessionKey::DJANGO_CHARS);
    DjangoRow {
        key: SessionKey::parse(&key).unwrap(),
        data: data.to_owned(),
        expires_at: now() + TimeDelta::days(1),
    }
}

/// Walks a store through the life of sessions, on a database with Django's tables where this user is
/// active.
pub async fn keeps_django_sessions(store: &(impl UserStore + DjangoSessionStore), user: UserId) {
    assert!(store.has_django_sessions().await.unwrap());
    let before = store.user(user).await.unwrap().unwrap();
    let read = async |row: &DjangoRow, at| {
        let found = store.django_session(&row.key, at).await.unwrap();
        found.map(|found| (found.data, found.expires_at))
    };
    let first = row('a', "first");
    let log_in = DjangoLogIn {
        user,
        checked_password: before.password.clone(),
        upgraded_password: Some(EncodedPassword::new("argon2$second")),
        at: now(),
        ends: None,
        begins: first.clone(),
        unless_closing: false,
    };
    assert!(store.django_log_in(&log_in).await.unwrap());
    let expected = Some((first.data.clone(), first.expires_at));
    assert_eq!(read(&first, now()).await, expected);
    assert_eq!(read(&first, first.expires_at).await, None, "over is over");
    assert_eq!(read(&row('b', ""), now()).await, None);
    let after = store.proven_user(user).await.unwrap().unwrap().user;
    assert_eq!(after.password.reveal(), "argon2$second");
    assert_eq!(after.last_login, Some(now()));

    // With another password by now: nothing. With a key in use: nothing, and told apart.
    assert!(!store.django_log_in(&log_in).await.unwrap());
    let again = DjangoLogIn {
        checked_password: after.password.clone(),
        upgraded_password: None,
        ends: Some(row('c', "").key),
        ..log_in
    };
    let error = store.django_log_in(&again).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::SessionExists);
    let second = DjangoLogIn {
        ends: Some(first.key.clone()),
        begins: row('b', "second"),
        ..again
    };
    assert!(store.django_log_in(&second).await.unwrap());
    assert_eq!(read(&first, now()).await, None, "the old one ends");

    // Rewritten once, from what was read.
    let rewrite = DjangoRewrite {
        old: second.begins.clone(),
        new: row('c', "third"),
    };
    assert!(store.rewrite_django_session(&rewrite).await.unwrap());
    assert!(!store.rewrite_django_session(&rewrite).await.unwrap());
    assert!(read(&rewrite.old, now()).await.is_none() && read(&rewrite.new, now()).await.is_some());

    // A password and its session change together or not at all.
    let replacement = PasswordReplacement {
        user,
        old: after.password,
        new: EncodedPassword::new("argon2$third"),
        last_login: None,
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    let replace = async |replacement: &PasswordReplacement, rewrite: &DjangoRewrite| {
        let replaced = store.replace_password_of_django(replacement, rewrite).await;
        replaced.unwrap()
    };
    assert!(!replace(&replacement, &rewrite).await, "of an old row");
    let fourth = DjangoRewrite {
        old: rewrite.new,
        new: row('c', "fourth"),
    };
    let of_other = PasswordReplacement {
        old: EncodedPassword::new("argon2$other"),
        ..replacement.clone()
    };
    assert!(!replace(&of_other, &fourth).await, "of an old password");
    let (data, _) = read(&fourth.old, now()).await.unwrap();
    assert_eq!(data, "third");
    assert!(replace(&replacement, &fourth).await);
    let (data, _) = read(&fourth.new, now()).await.unwrap();
    assert_eq!(data, "fourth");
    let stored = store.user(user).await.unwrap().unwrap();
    assert_eq!(stored.password.reveal(), "argon2$third");

    let other = DjangoRow {
        data: "other".to_owned(),
        ..fourth.new.clone()
    };
    assert!(!store.remove_django_session(&other).await.unwrap());
    assert!(store.remove_django_session(&fourth.new).await.unwrap());
    assert_eq!(read(&fourth.new, now()).await, None, "removed as read");

    let third = DjangoLogIn {
        checked_password: stored.password,
        begins: fourth.new.clone(),
        ..second
    };
    assert!(store.django_log_in(&third).await.unwrap());
    assert!(store.end_django_session(&fourth.new.key).await.unwrap());
    assert!(!store.end_django_session(&fourth.new.key).await.unwrap());
}
