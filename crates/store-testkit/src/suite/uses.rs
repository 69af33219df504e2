//! What users are told of their sessions, and how they end them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::client::{BrowserName, Client};
use phone_auth_core::session::{
    KeptSession, ListedSession, NewLogIn, NewProof, NewUse, PasswordDigest, PasswordReplacement,
    SessionClient, SessionHandle,
};
use phone_auth_core::store::Store;
use phone_auth_core::user::UserId;

use super::Subject;
use super::sample::{
    HASH, at, digest, hash, is_alive, log_in, logged_in, replacement, stored, without_address,
};
use crate::external_writer::ExternalChange;

const FIREFOX: &str = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0";
const SAFARI: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1";

fn client(address: &str, agent: &str) -> SessionClient {
    SessionClient::of(
        &Client::new()
            .at(address.parse().unwrap())
            .with_user_agent(agent),
    )
}

/// A use of the session of this number, so many seconds after the first; a use within the hour before is enough.
fn noted(number: u8, seconds: i64, client: SessionClient) -> NewUse {
    NewUse {
        digest: digest(number),
        at: at(seconds),
        unless_since: at(seconds) - Duration::hours(1),
        client,
    }
}

async fn listed(store: &dyn Store, user: UserId, now: DateTime<Utc>) -> Vec<ListedSession> {
    let password = PasswordDigest::of(&hash(HASH));
    store.sessions_of(user, &password, now, 100).await.unwrap()
}

/// The numbers of the sessions that are listed, by their handles.
async fn numbers(store: &dyn Store, user: UserId, now: DateTime<Utc>) -> Vec<u8> {
    let listed = listed(store, user, now).await;
    listed.iter().map(|it| it.handle.as_bytes()[0]).collect()
}

/// Lives long enough to be used for days.
fn long(user: UserId, number: u8, begins: i64) -> NewLogIn {
    let mut new = log_in(user, number, at(begins));
    new.session.expires_at = at(begins) + Duration::days(14);
    new
}

pub(super) async fn list_tells_of_each_session(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    let mut new = long(ann.id, 1, 0);
    new.session.client = client("203.0.113.7", FIREFOX);
    assert!(store.log_in(&new).await.unwrap());
    assert!(store.log_in(&long(ann.id, 2, 5)).await.unwrap());
    assert!(store.log_in(&long(bob.id, 3, 9)).await.unwrap());
    let [second, first] = listed(store, ann.id, at(60)).await.try_into().unwrap();
    let told = ListedSession {
        digest: digest(1),
        handle: SessionHandle::from_bytes([1; 16]),
        created_at: at(0),
        seen_at: at(0),
        expires_at: at(0) + Duration::days(14),
        client: new.session.client,
    };
    assert_eq!(first, told);
    assert_eq!(first.client.address, "203.0.113.7".parse().ok());
    assert_eq!(second.client, SessionClient::default(), "nothing is known");
    let password = PasswordDigest::of(&hash(HASH));
    let some = store.sessions_of(ann.id, &password, at(60), 1).await;
    assert_eq!(some.unwrap(), [second], "the first of them");
}

pub(super) async fn list_has_what_is_alive(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    assert!(store.log_in(&long(ann.id, 2, 0)).await.unwrap());
    assert_eq!(numbers(store, ann.id, at(3_599)).await, [1, 2]);
    assert_eq!(numbers(store, ann.id, at(3_600)).await, [2], "its time");

    let change = replacement(ann.id, "argon2$new");
    let kept = KeptSession {
        digest: digest(2),
        becomes: digest(3),
    };
    let change = PasswordReplacement {
        keeps: Some(kept),
        ..change
    };
    assert!(store.replace_password(&change).await.unwrap());
    assert_eq!(
        numbers(store, ann.id, at(1)).await,
        [0; 0],
        "another password"
    );
    let new = PasswordDigest::of(&hash("argon2$new"));
    let moved = store.sessions_of(ann.id, &new, at(1), 9).await.unwrap();
    let [moved] = &moved[..] else {
        unreachable!("one session has moved: {moved:?}")
    };
    assert_eq!(moved.handle, SessionHandle::from_bytes([2; 16]));
    assert_eq!(moved.digest, digest(3), "its name in the store alone");

    // One that an older version began is bound when it is met.
    subject
        .outside(ExternalChange::UnbindSessions(ann.id))
        .await;
    assert_eq!(numbers(store, ann.id, at(1)).await, [2]);
}

pub(super) async fn handle_outlives_its_key(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let proof = NewProof {
        digest: digest(1),
        becomes: digest(9),
        password: PasswordDigest::of(&hash(HASH)),
        at: at(7),
    };
    assert!(store.prove_session(&proof).await.unwrap());
    assert_eq!(numbers(store, ann.id, at(8)).await, [1]);
}

pub(super) async fn use_is_noted_once_an_hour(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    assert!(store.log_in(&long(ann.id, 1, 0)).await.unwrap());
    let seen_at = async || {
        let session = store.session(&digest(1), at(1)).await.unwrap();
        let seen_at = session.unwrap().seen_at.unwrap();
        let listed = listed(store, ann.id, at(1)).await;
        assert_eq!(listed.first().unwrap().seen_at, seen_at);
        seen_at
    };
    assert_eq!(seen_at().await, at(0), "its beginning");
    let here = client("203.0.113.7", FIREFOX);
    for (seconds, is_noted) in [
        (1, false),
        (3_599, false),
        (3_600, true),
        (3_601, false),
        (7_199, false),
        (7_200, true),
        (86_400, true),
    ] {
        let again = noted(1, seconds, here.clone());
        let answer = store.note_session_use(&again).await;
        assert_eq!(answer.unwrap(), is_noted, "{seconds}");
        if is_noted {
            assert_eq!(seen_at().await, at(seconds));
        }
    }
    let found = listed(store, ann.id, at(1)).await;
    assert_eq!(found.first().unwrap().client, here);
    // What is not known of the next client stays, and what is known does not.
    let next = client("2001:db8::7", "curl/8.5.0");
    assert!(
        store
            .note_session_use(&noted(1, 90_000, next))
            .await
            .unwrap()
    );
    let nothing = SessionClient::default();
    assert!(
        store
            .note_session_use(&noted(1, 99_000, nothing))
            .await
            .unwrap()
    );
    let told = listed(store, ann.id, at(1)).await.remove(0).client;
    assert_eq!(told.address, "2001:db8::7".parse().ok());
    assert_eq!(told.browser, BrowserName::read(FIREFOX));
    let other = client("203.0.113.9", SAFARI);
    assert!(
        !store
            .note_session_use(&noted(2, 99_000, other))
            .await
            .unwrap()
    );
}

pub(super) async fn one_of_many_uses_is_noted(subject: &Subject) {
    let ann = stored(subject.store(), &without_address("ann")).await;
    assert!(subject.store().log_in(&long(ann.id, 1, 0)).await.unwrap());
    let answers = subject
        .at_once(16, |store, number| async move {
            let here = client("203.0.113.7", FIREFOX);
            let noted = noted(1, 4_000 + i64::from(number), here);
            store.note_session_use(&noted).await.unwrap()
        })
        .await;
    assert_eq!(answers.iter().filter(|it| **it).count(), 1);
}

pub(super) async fn sessions_end_but_one(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for number in 1..=4 {
        logged_in(store, ann.id, number).await;
    }
    logged_in(store, bob.id, 5).await;
    let alive = async || {
        let mut alive = Vec::new();
        for number in 1..=5 {
            alive.extend(is_alive(store, number).await.then_some(number));
        }
        alive
    };
    // One that is over, and one of another user, keep all others alive.
    for kept in [9, 5] {
        let ended = store.end_sessions_of(ann.id, Some(&digest(kept))).await;
        assert_eq!(ended.unwrap(), None, "{kept}");
    }
    assert_eq!(alive().await, [1, 2, 3, 4, 5]);
    for (kept, ended, left) in [
        (Some(digest(2)), 3, vec![2, 5]),
        (Some(digest(2)), 0, vec![2, 5]),
        (None, 1, vec![5]),
        (None, 0, vec![5]),
    ] {
        let done = store.end_sessions_of(ann.id, kept.as_ref()).await.unwrap();
        assert_eq!(done, Some(ended));
        assert_eq!(alive().await, left);
    }
}
