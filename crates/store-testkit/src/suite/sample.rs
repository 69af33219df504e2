//! Users, addresses and sessions for the cases.
#![expect(
    clippy::unwrap_used,
    reason = "a sample that cannot be made is a failed test"
)]

use chrono::{DateTime, Duration, TimeZone, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, AddressRecord, EmailAddress, Losses, PhoneNumber,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{
    NewLogIn, NewSession, PasswordReplacement, SessionClient, SessionDigest, SessionHandle,
};
use phone_auth_core::store::{Store, StoreError, StoreErrorKind, UniqueName};
use phone_auth_core::user::{NewUser, User, UserId};

/// The hash that sample users have at first.
pub(super) const HASH: &str = "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$AAAA";

/// Caps that no case reaches which is not about them.
pub(super) const AMPLE: AddressCaps = AddressCaps {
    all: 100,
    unverified: 100,
    replaces: None,
};

/// A moment, and so many seconds after it. It has microseconds, so that they are always in play.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    Utc.timestamp_opt(1_700_000_000, 123_456_000).unwrap() + Duration::seconds(seconds)
}

/// An email address.
pub(super) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A phone number, another for each number below 100,000.
pub(super) fn phone(number: u32) -> PhoneNumber {
    PhoneNumber::parse(&format!("+9198765{number:05}")).unwrap()
}

/// A hash.
pub(super) fn hash(text: &str) -> EncodedPassword {
    EncodedPassword::new(text)
}

/// The name of a session.
pub(super) fn digest(number: u8) -> SessionDigest {
    SessionDigest::from_bytes([number; 32])
}

/// A user with a username and nothing else.
pub(super) fn without_address(username: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        password: hash(HASH),
        email: None,
        phone: None,
        date_joined: at(0),
        notices: Notices::default(),
        closes_at: None,
    }
}

/// A user with a username, an email address made of it, and a phone number.
pub(super) fn whole(username: &str, number: u32) -> NewUser {
    NewUser {
        email: Some(email(&format!("{username}@example.org"))),
        phone: Some(phone(number)),
        ..without_address(username)
    }
}

/// Stores a user.
pub(super) async fn stored(store: &dyn Store, new: &NewUser) -> User {
    store.create_user(new).await.unwrap()
}

/// A user as they are in the store now.
pub(super) async fn user_now(store: &dyn Store, id: UserId) -> User {
    store.user(id).await.unwrap().unwrap()
}

/// The first address of a kind that a user has.
pub(super) async fn address_of(
    store: &dyn Store,
    user: UserId,
    kind: AddressKind,
) -> AddressRecord {
    let addresses = store.addresses_of(user, 100).await.unwrap();
    addresses.into_iter().find(|it| it.kind == kind).unwrap()
}

/// A log-in with [`HASH`] that begins the session of this number at a time, for an hour.
pub(super) fn log_in(user: UserId, number: u8, time: DateTime<Utc>) -> NewLogIn {
    NewLogIn {
        checked_password: hash(HASH),
        upgraded_password: None,
        session: NewSession {
            digest: digest(number),
            user,
            created_at: time,
            expires_at: time + Duration::hours(1),
            handle: SessionHandle::from_bytes([number; 16]),
            client: SessionClient::default(),
        },
        ends: None,
        max_sessions: 50,
        unless_closing: false,
    }
}

/// Logs a user in at [`at`]`(0)`.
pub(super) async fn logged_in(store: &dyn Store, user: UserId, number: u8) {
    assert!(store.log_in(&log_in(user, number, at(0))).await.unwrap());
}

/// Whether the session of this number is alive just after it was begun by [`logged_in`].
pub(super) async fn is_alive(store: &dyn Store, number: u8) -> bool {
    let session = store.session(&digest(number), at(1)).await.unwrap();
    session.is_some()
}

/// A replacement of [`HASH`].
pub(super) fn replacement(user: UserId, new: &str) -> PasswordReplacement {
    PasswordReplacement {
        user,
        old: hash(HASH),
        new: hash(new),
        last_login: None,
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    }
}

/// An email address as an [`Address`].
pub(super) fn email_address(text: &str) -> Address {
    Address::Email(email(text))
}

/// Checks that a call was refused because someone has this name.
#[track_caller]
pub(super) fn assert_taken<T: std::fmt::Debug>(answer: Result<T, StoreError>, name: UniqueName) {
    assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Taken(name));
}
