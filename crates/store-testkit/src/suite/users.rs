//! Users as they are stored and listed.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{Duration, Timelike};
use phone_auth_core::address::AddressKind;
use phone_auth_core::user::{AccountName, NewUser, User, UserId, UserSearch};

use super::Subject;
use super::sample::{HASH, at, hash, log_in, stored, user_now, whole, without_address};
use crate::external_writer::ExternalChange;

pub(super) async fn user_comes_back_as_stored(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("Ann", 1)).await;
    let expected = User {
        id: ann.id,
        username: "Ann".to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        email: "ann@example.org".to_owned(),
        password: hash(HASH),
        last_login: None,
        is_active: true,
        date_joined: at(0),
    };
    assert_eq!(ann, expected);
    assert_eq!(user_now(store, ann.id).await, expected);

    let addresses = store.addresses_of(ann.id, 100).await.unwrap();
    let told: Vec<_> = addresses
        .iter()
        .map(|it| (it.kind, it.value.as_str(), it.user, it.is_verified))
        .collect();
    assert_eq!(
        told,
        [
            (AddressKind::Email, "ann@example.org", ann.id, false),
            (AddressKind::Phone, "+919876500001", ann.id, false),
        ]
    );
}

pub(super) async fn user_without_addresses_has_none(subject: &Subject) {
    // An address that was not given must not be stored as an empty text, which would be taken for
    // the next user.
    let store = subject.store();
    for username in ["ann", "bob"] {
        let user = stored(store, &without_address(username)).await;
        assert_eq!(user.email, "");
        assert_eq!(store.addresses_of(user.id, 100).await.unwrap(), []);
    }
}

pub(super) async fn times_keep_microseconds(subject: &Subject) {
    let store = subject.store();
    for (number, nanos) in [0, 1_000, 10_000_000, 120_000_000, 999_999_999]
        .into_iter()
        .enumerate()
    {
        let time = at(0).with_nanosecond(nanos).unwrap();
        let kept = time.with_nanosecond(nanos / 1_000 * 1_000).unwrap();
        let new = NewUser {
            date_joined: time,
            ..without_address(&format!("ann{number}"))
        };
        let ann = stored(store, &new).await;
        assert_eq!(ann.date_joined, kept);

        let digest = u8::try_from(number).unwrap();
        assert!(store.log_in(&log_in(ann.id, digest, time)).await.unwrap());
        let ann = user_now(store, ann.id).await;
        assert_eq!((ann.date_joined, ann.last_login), (kept, Some(kept)));
        let session = store
            .session(&super::sample::digest(digest), time)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(session.expires_at, kept + Duration::hours(1));
    }
}

pub(super) async fn missing_user_is_none(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    for id in [ann.id.get() + 1, 0, -1, i64::MAX, i64::MIN] {
        assert_eq!(store.user(UserId::new(id)).await.unwrap(), None);
        assert_eq!(store.addresses_of(UserId::new(id), 100).await.unwrap(), []);
    }
}

pub(super) async fn ids_are_never_reused(subject: &Subject) {
    // A link or a token names a row by its number; another row must not take its place.
    let store = subject.store();
    let first = stored(store, &whole("ann", 1)).await;
    let before = store.addresses_of(first.id, 100).await.unwrap();
    subject.outside(ExternalChange::DeleteUser(first.id)).await;
    let second = stored(store, &whole("ann", 1)).await;
    assert!(second.id > first.id);
    let after = store.addresses_of(second.id, 100).await.unwrap();
    for (old, new) in before.iter().zip(&after) {
        assert!(new.id > old.id, "{old:?} {new:?}");
    }
}

pub(super) async fn users_come_in_pages(subject: &Subject) {
    let store = subject.store();
    let mut all = Vec::new();
    for number in 0..7 {
        all.push(stored(store, &without_address(&format!("ann{number}"))).await);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.users_after(after, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page);
    }
    assert_eq!(seen, all);
    assert_eq!(store.users_after(None, 0).await.unwrap(), []);
    assert_eq!(store.users_after(None, u32::MAX).await.unwrap(), all);
    let before_all = Some(UserId::new(i64::MIN));
    assert_eq!(store.users_after(before_all, 100).await.unwrap(), all);
}

pub(super) async fn users_are_found_by_a_part(subject: &Subject) {
    let store = subject.store();
    let named = |first_name: &str, last_name: &str, new: NewUser| NewUser {
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
        ..new
    };
    let ann = stored(store, &named("Änn", "O'Lee", whole("ann", 1)))
        .await
        .id;
    let bob = stored(store, &named("Bob", "100%_x", whole("BOB", 23)))
        .await
        .id;
    let carl = stored(store, &named("", "", without_address("carl")))
        .await
        .id;
    subject
        .outside(ExternalChange::SetOwnEmail(
            carl,
            "Own@Elsewhere.example".to_owned(),
        ))
        .await;
    let cases: [(&str, &[UserId]); 17] = [
        ("", &[ann, bob, carl]),
        ("ANN", &[ann]),
        ("bob", &[bob]),
        ("nn", &[ann]),
        ("o'lee", &[ann]),
        ("0%_X", &[bob]),
        ("%", &[bob]),
        ("_", &[bob]),
        ("example.org", &[ann, bob]),
        ("elsewhere", &[carl]),
        ("65 000-23", &[bob]),
        ("+91", &[ann, bob]),
        ("65\u{a0}000\u{2011}23", &[bob]),
        ("\u{200e}٦٥ ٠٠٠", &[ann, bob]),
        ("00001", &[ann]),
        ("nobody", &[]),
        ("a\0", &[]),
    ];
    for (text, expected) in cases {
        let search = UserSearch::new(text);
        let found = store.search_users(&search, None, 9).await.unwrap();
        let ids: Vec<_> = found.iter().map(|user| user.id).collect();
        assert_eq!(ids, expected, "{text:?}");
    }
    let search = UserSearch::new("example");
    let mut pages = Vec::new();
    let mut after = None;
    while let Some(user) = store.search_users(&search, after, 1).await.unwrap().pop() {
        after = Some(user.id);
        pages.push(user.id);
    }
    assert_eq!(pages, [ann, bob, carl]);
}

pub(super) async fn odd_texts_come_back_unchanged(subject: &Subject) {
    let store = subject.store();
    let longest = "ñ".repeat(150);
    let texts = [
        "O'Brien \"Bobby\" ; DROP TABLE auth_user; --",
        "名前 مريم Ελένη",
        "👩‍👩‍👧 e\u{301}\u{202e}",
        "back\\slash %s $1 ?1 :name @x",
        " padded ",
        "tab\tand\nline",
        "",
        "12345678901234567890",
        "NULL",
        longest.as_str(),
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let username = format!("{number}{text}")
            .chars()
            .take(150)
            .collect::<String>();
        // django-phone-auth has room for this much of a hash.
        let password = text.chars().take(128).collect::<String>();
        let user = stored(
            store,
            &NewUser {
                username: username.clone(),
                first_name: text.to_owned(),
                last_name: text.to_owned(),
                password: hash(&password),
                ..without_address("")
            },
        )
        .await;
        let read = user_now(store, user.id).await;
        assert_eq!(
            (
                read.username.as_str(),
                read.first_name.as_str(),
                read.last_name.as_str()
            ),
            (username.as_str(), text, text)
        );
        assert_eq!(read.password, hash(&password));
        let name = AccountName {
            username: Some(username),
            ..AccountName::default()
        };
        let found = store.find_user(&name).await.unwrap().unwrap();
        assert_eq!(found.user, read);
    }
}

pub(super) async fn activity_of_a_missing_user_is_false(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let nobody = UserId::new(ann.id.get() + 1);
    assert!(!store.set_active(nobody, false).await.unwrap());
    assert!(!store.set_active(nobody, true).await.unwrap());
    assert!(user_now(store, ann.id).await.is_active);
}

pub(super) async fn activity_can_be_set_twice(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    for active in [false, false, true, true] {
        assert!(store.set_active(ann.id, active).await.unwrap());
        assert_eq!(user_now(store, ann.id).await.is_active, active);
    }
}
