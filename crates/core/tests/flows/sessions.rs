//! Sessions: who is let in, and until when.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_EMAIL, HORSE, Kit, failure, refusal};
use phone_auth_core::accounts::{FailureKind, NotActive};
use phone_auth_core::clock::{Clock, ManualClock};
use phone_auth_core::outbox::WorkerOptions;
use phone_auth_core::password::Password;
use phone_auth_core::session::{
    NewLogIn, NewSession, SessionClient, SessionDigest, SessionHandle, SessionKey,
};
use phone_auth_core::store::{SessionStore, StoreErrorKind};
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn logged_out_key_is_nobody() {
    let kit = Kit::with_ann().await;
    let (key, other) = (
        kit.log_in("ann", HORSE).await.key,
        kit.log_in("ann", HORSE).await.key,
    );
    kit.record.forget();
    assert!(kit.accounts.log_out(&key).await.unwrap());
    assert_eq!(kit.record.take(), ["user_logged_out log_out ann"]);
    assert!(!kit.accounts.log_out(&key).await.unwrap());
    assert_eq!(kit.record.take(), [""; 0]);
    assert!(kit.accounts.current_user(&key).await.unwrap().is_none());
    assert!(kit.accounts.current_user(&other).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_logouts_tell_once() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    kit.record.forget();
    let tasks = [0; 8].map(|_| {
        let (accounts, key) = (kit.accounts.clone(), key.clone());
        tokio::spawn(async move { accounts.log_out(&key).await.unwrap() })
    });
    let mut ended = 0;
    for task in tasks {
        ended += usize::from(task.await.unwrap());
    }
    assert_eq!(ended, 1);
    assert_eq!(kit.record.take(), ["user_logged_out log_out ann"]);
}

#[tokio::test]
async fn session_ends_on_time() {
    let kit = Kit::with_settings(|settings| settings.session_lifetime = Duration::from_mins(1));
    kit.sign_up_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    kit.clock.advance(Duration::from_secs(59));
    assert!(kit.accounts.current_user(&key).await.unwrap().is_some());
    kit.clock.advance(Duration::from_secs(1));
    assert!(kit.accounts.current_user(&key).await.unwrap().is_none());

    assert_eq!(kit.store.session_count(), 1);
    kit.clock.advance(Duration::from_secs(1));
    assert_eq!(kit.accounts.remove_expired_sessions().await.unwrap(), 1);
    assert_eq!(kit.store.session_count(), 0);
}

#[tokio::test]
async fn oldest_session_ends_at_the_cap() {
    let kit = Kit::with_ann().await;
    let most = usize::try_from(kit.accounts.settings().max_sessions).unwrap();
    let mut keys = Vec::new();
    for _ in 0..=most {
        keys.push(kit.log_in("ann", HORSE).await.key);
        kit.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(kit.store.session_count(), most);
    for (number, key) in keys.iter().enumerate() {
        let is_alive = kit.accounts.current_user(key).await.unwrap().is_some();
        assert_eq!(is_alive, number > 0, "{number}");
    }
}

#[tokio::test]
async fn disabled_user_is_nobody() {
    for gone in [false, true] {
        let kit = Kit::with_ann().await;
        let logged_in = kit.log_in("ann", HORSE).await;
        let id = logged_in.user.id;
        kit.store
            .make(if gone {
                ExternalChange::DeleteUser(id)
            } else {
                ExternalChange::SetActive(id, false)
            })
            .await;
        assert!(
            kit.accounts
                .current_user(&logged_in.key)
                .await
                .unwrap()
                .is_none()
        );
    }
}

#[tokio::test]
async fn store_holds_no_key() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let current_user = kit.accounts.current_user(&key).await.unwrap().unwrap();
    // What the store has opens nothing: used as a key, it is another session's name.
    let stored = SessionKey::from_bytes(current_user.session().digest.as_bytes());
    assert_ne!(stored.reveal(), key.reveal());
    assert!(kit.accounts.current_user(&stored).await.unwrap().is_none());
}

#[tokio::test]
async fn looking_writes_nothing() {
    let kit = Kit::with_ann().await;
    for number in 0..=255 {
        let key = SessionKey::from_bytes(&[number; 32]);
        assert!(kit.accounts.current_user(&key).await.unwrap().is_none());
    }
    assert_eq!(kit.store.session_count(), 0);
}

#[test]
fn keys_have_one_text() {
    let key = SessionKey::from_bytes(&[7; 32]);
    assert_eq!(
        SessionKey::parse(key.reveal()).unwrap().reveal(),
        key.reveal()
    );
    for text in [
        "",
        "a",
        key.reveal().trim_start_matches(char::is_alphanumeric),
        &format!("{}=", key.reveal()),
        &format!("{}A", key.reveal()),
    ] {
        assert!(SessionKey::parse(text).is_none(), "{text}");
    }
    // The last character has two bits to spare; only zeros are taken.
    let mut alias = key.reveal().to_owned();
    alias.pop();
    alias.push('d');
    assert!(SessionKey::parse(&alias).is_none());
}

#[tokio::test]
async fn failing_store_lets_nobody_in() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    kit.record.forget();
    for (fault, kind) in [
        (StoreErrorKind::Unavailable, FailureKind::Unavailable),
        (StoreErrorKind::Broken, FailureKind::Broken),
    ] {
        kit.store.fail_with(fault);
        assert_eq!(
            kit.accounts.current_user(&key).await.unwrap_err().kind(),
            kind
        );
        assert_eq!(kit.accounts.log_out(&key).await.unwrap_err().kind(), kind);
        kit.store.recover();
    }
    assert!(kit.accounts.current_user(&key).await.unwrap().is_some());
    assert_eq!(kit.record.take(), [""; 0]);
}

#[tokio::test]
async fn clocks_of_servers_may_differ() {
    // Five minutes apart, either way: links and sessions of the one work at the other.
    for (here, there) in [(0, 300), (300, 0)] {
        let kit = Kit::with_ann().await;
        let start = kit.clock.now();
        let at = |seconds| start + chrono::TimeDelta::seconds(seconds);
        let other = ManualClock::at(at(there));
        let elsewhere = kit.at_another_clock(&other);
        kit.clock.set(at(here));

        let link = kit.reset_link(ANNS_EMAIL).await;
        let opened = elsewhere.open_reset_link(&link.0, &link.1).await;
        assert_eq!(opened.unwrap().user.username, "ann");
        let password = Password::new(HORSE);
        let logged_in = kit.accounts.log_in("ann", &password, None).await.unwrap();
        assert!(
            elsewhere
                .current_user(&logged_in.key)
                .await
                .unwrap()
                .is_some()
        );
        let again = elsewhere.log_in("ann", &password, None).await.unwrap();
        assert!(
            kit.accounts
                .current_user(&again.key)
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn worker_removes_expired_sessions() {
    let kit = Kit::with_ann().await;
    let log_in = async || kit.log_in("ann", HORSE).await;
    let lifetime = kit.accounts.settings().session_lifetime;
    log_in().await;
    kit.clock.advance(lifetime);
    let alive = log_in().await.key;
    let accounts = kit.with_outbox(&kit.signals);
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    let left = async |patience| {
        let ended = tokio::time::timeout(patience, worker.run(std::future::pending())).await;
        assert!(ended.is_err(), "it works until it is dropped");
        kit.store.session_count()
    };
    // At its start, and not what is alive.
    assert_eq!(left(Duration::from_secs(1)).await, 1);
    assert!(kit.accounts.current_user(&alive).await.unwrap().is_some());
    // And every hour.
    let clock = kit.clock.clone();
    let expire = async {
        tokio::time::sleep(Duration::from_mins(30)).await;
        clock.advance(lifetime);
        tokio::time::sleep(Duration::from_mins(29)).await;
        assert_eq!(kit.store.session_count(), 1, "it is not the hour yet");
        kit.log_in("ann", HORSE).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        left = left(Duration::from_mins(61)) => assert_eq!(left, 1, "the new one"),
        () = expire => {}
    }
}

/// After a start without a network, say. Nobody has written anything at that time, so it is not believed.
#[tokio::test(start_paused = true)]
async fn clock_ahead_removes_no_session() {
    let kit = Kit::with_ann().await;
    let session = kit.log_in("ann", HORSE).await.key;
    let began = kit.clock.now();
    let accounts = kit.with_outbox(&kit.signals);
    let worker = accounts.outbox().unwrap().worker(WorkerOptions::default());
    for days in [1, 14, 15, 1_000] {
        kit.clock.set(began + chrono::TimeDelta::days(days));
        let patience = Duration::from_mins(61);
        let ended = tokio::time::timeout(patience, worker.run(std::future::pending())).await;
        assert!(ended.is_err(), "it works until it is dropped");
        assert_eq!(kit.store.session_count(), 1, "{days} days ahead");
    }
    kit.clock.set(began);
    let found = kit.accounts.current_user(&session).await.unwrap();
    assert!(found.is_some(), "the clock is right again");
}

#[tokio::test]
async fn many_expired_sessions_are_removed() {
    // More than in one step.
    let kit = Kit::with_ann().await;
    let ann = kit.log_in("ann", HORSE).await.user;
    for number in 0..2_500_u32 {
        let digest = Sha256::digest(number.to_be_bytes()).into();
        let now = kit.clock.now();
        let log_in = NewLogIn {
            checked_password: ann.password.clone(),
            upgraded_password: None,
            session: NewSession {
                digest: SessionDigest::from_bytes(digest),
                user: ann.id,
                created_at: now,
                expires_at: now + chrono::TimeDelta::minutes(1),
                handle: SessionHandle::of_digest(&SessionDigest::from_bytes(digest)),
                client: SessionClient::default(),
            },
            ends: None,
            max_sessions: u32::MAX,
            unless_closing: false,
        };
        assert!(kit.store.log_in(&log_in).await.unwrap());
    }
    kit.clock.advance(Duration::from_mins(2));
    assert_eq!(kit.accounts.remove_expired_sessions().await.unwrap(), 2_500);
    assert_eq!(kit.store.session_count(), 1);
}

#[tokio::test]
async fn session_needs_no_password() {
    let kit = Kit::with_ann().await;
    let had = kit.log_in("ann", HORSE).await.key;
    let none = kit.store_user("guest", "!unusable").await;
    kit.record.forget();
    kit.hasher.forget();
    for (user, previous) in [(none.id, None), (none.id, Some(&had))] {
        let begun = kit.accounts.begin_session(user, previous).await.unwrap();
        let current = kit
            .accounts
            .current_user(&begun.key)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(current.user().id, user);
        assert_eq!(
            begun.expires_at,
            kit.clock.now() + kit.accounts.settings().session_lifetime
        );
        assert_eq!(kit.record.take(), ["user_logged_in begin_session guest"]);
    }
    assert!(kit.accounts.current_user(&had).await.unwrap().is_none());
    assert_eq!(kit.hasher.checked(), 0, "no password is looked at");
}

#[tokio::test]
async fn session_needs_active_user() {
    for gone in [false, true] {
        let kit = Kit::with_ann().await;
        let had = kit.log_in("ann", HORSE).await;
        let id = had.user.id;
        let change = if gone {
            ExternalChange::DeleteUser(id)
        } else {
            ExternalChange::SetActive(id, false)
        };
        kit.store.make(change).await;
        kit.record.forget();
        let begun = kit.accounts.begin_session(id, None).await;
        assert_eq!(refusal(begun), NotActive);
        assert_eq!(kit.record.take(), [""; 0]);
    }
    let kit = Kit::with_ann().await;
    let id = kit.log_in("ann", HORSE).await.user.id;
    kit.store.fail_with(StoreErrorKind::Unavailable);
    let begun = kit.accounts.begin_session(id, None).await;
    assert_eq!(failure(begun).kind(), FailureKind::Unavailable);
}
