//! What users are told of their sessions, and how they end them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::indexing_slicing, reason = "a failed index is a failed test")]

use std::time::Duration;

use crate::common::{HORSE, Kit, refusal};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use phone_auth_core::accounts::{CurrentUser, EndSessionsRefusal, UserSession};
use phone_auth_core::client::Client;
use phone_auth_core::clock::Clock;
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;
use phone_auth_core::store::StoreErrorKind;

const FIREFOX: &str = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0";
const SAFARI: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18.1 Safari/604.1";

fn client(address: &str, agent: &str) -> Client {
    let client = Client::new().with_user_agent(agent);
    client.at(address.parse().unwrap())
}

/// The time as a store keeps it.
fn now(kit: &Kit) -> DateTime<Utc> {
    kit.clock.now().trunc_subsecs(6)
}

async fn user_of(kit: &Kit, key: &SessionKey) -> CurrentUser {
    kit.accounts.current_user(key).await.unwrap().unwrap()
}

async fn list(kit: &Kit, key: &SessionKey) -> Vec<UserSession> {
    let list = kit.accounts.sessions(&user_of(kit, key).await).await;
    let list = list.unwrap();
    assert!(list.is_complete);
    list.sessions
}

async fn is_alive(kit: &Kit, key: &SessionKey) -> bool {
    kit.accounts.current_user(key).await.unwrap().is_some()
}

/// Logs Ann in from a client.
async fn log_in(kit: &Kit, client: Client) -> SessionKey {
    kit.clock.advance(Duration::from_secs(1));
    let accounts = kit.accounts.for_client(client);
    let password = Password::new(HORSE);
    accounts.log_in("ann", &password, None).await.unwrap().key
}

#[tokio::test]
async fn list_marks_this_session() {
    let kit = Kit::with_ann().await;
    let began = now(&kit);
    let phone = log_in(&kit, client("::ffff:203.0.113.7", FIREFOX)).await;
    let here = log_in(&kit, client("2001:db8::1", SAFARI)).await;
    let ann = user_of(&kit, &here).await;
    kit.clock.advance(Duration::from_hours(3));
    // It was used last.
    kit.accounts.current_user(&phone).await.unwrap();
    let listed = kit.accounts.sessions(&ann).await.unwrap().sessions;
    let told: Vec<_> = listed
        .iter()
        .map(|it| {
            let browser = it.browser.as_ref().map(ToString::to_string);
            let address = it.address.map(|address| address.to_string());
            (it.is_current, browser.unwrap(), address.unwrap())
        })
        .collect();
    let text = str::to_owned;
    assert_eq!(
        told,
        [
            (true, text("Safari on iPhone"), text("2001:db8::1")),
            (false, text("Firefox on Android"), text("203.0.113.7")),
        ]
    );
    let other = &listed[1];
    assert_eq!(other.created_at, Some(began + TimeDelta::seconds(1)));
    assert_eq!(other.seen_at, Some(now(&kit)));
    let lifetime = kit.accounts.settings().session_lifetime;
    assert_eq!(other.expires_at, other.created_at.unwrap() + lifetime);
}

#[tokio::test]
async fn list_tells_where_a_session_was_used_last() {
    let kit = Kit::with_ann().await;
    let key = log_in(&kit, client("203.0.113.7", FIREFOX)).await;
    for (minutes, address, told) in [
        (59, "198.51.100.4", "203.0.113.7"),
        (1, "198.51.100.4", "198.51.100.4"),
        (30, "192.0.2.9", "198.51.100.4"),
    ] {
        kit.clock.advance(Duration::from_mins(minutes));
        let elsewhere = kit.accounts.for_client(client(address, SAFARI));
        let ann = elsewhere.current_user(&key).await.unwrap().unwrap();
        let listed = kit.accounts.sessions(&ann).await.unwrap().sessions;
        let address = listed[0].address.map(|address| address.to_string());
        assert_eq!(address.as_deref(), Some(told), "{minutes}");
        let browser = listed[0].browser.as_ref().map(ToString::to_string);
        let is_first = told == "203.0.113.7";
        let expected = if is_first {
            "Firefox on Android"
        } else {
            "Safari on iPhone"
        };
        assert_eq!(browser.as_deref(), Some(expected), "{minutes}");
    }
}

#[tokio::test]
async fn unused_sessions_are_in_no_list() {
    let hour = Duration::from_hours(1);
    let kit = Kit::with_settings(|settings| settings.session_idle_timeout = Some(hour));
    kit.sign_up_ann().await;
    let unused = log_in(&kit, client("203.0.113.7", FIREFOX)).await;
    kit.clock.advance(hour);
    let here = log_in(&kit, client("2001:db8::1", SAFARI)).await;
    for (passed, listed) in [
        (hour.saturating_sub(Duration::from_secs(2)), 2),
        (Duration::from_secs(1), 1),
    ] {
        kit.clock.advance(passed);
        assert_eq!(list(&kit, &here).await.len(), listed, "{passed:?}");
    }
    assert!(!is_alive(&kit, &unused).await);
}

#[tokio::test]
async fn handles_end_own_sessions_alone() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let (anns, bobs) = (
        kit.log_in("ann", HORSE).await.key,
        kit.log_in("bob", HORSE).await.key,
    );
    let (ann, bob) = (user_of(&kit, &anns).await, user_of(&kit, &bobs).await);
    let handle = list(&kit, &anns).await[0].handle;
    kit.record.forget();
    assert!(!kit.accounts.end_session(&bob, &handle).await.unwrap());
    assert!(is_alive(&kit, &anns).await, "it is not Bob's");
    assert_eq!(kit.record.take(), [""; 0]);

    assert!(kit.accounts.end_session(&ann, &handle).await.unwrap());
    assert!(!is_alive(&kit, &anns).await);
    assert!(is_alive(&kit, &bobs).await);
    assert_eq!(kit.record.take(), ["user_logged_out end_session ann"]);
    assert!(!kit.accounts.end_session(&ann, &handle).await.unwrap());
    assert_eq!(kit.record.take(), [""; 0]);
}

#[tokio::test]
async fn session_with_another_key_is_ended() {
    // A list is open while the session proves who its user is, and gets another key.
    let kit = Kit::with_ann().await;
    let (thiefs, anns) = (
        kit.log_in("ann", HORSE).await.key,
        kit.log_in("ann", HORSE).await.key,
    );
    let handle = list(&kit, &anns).await[1].handle;
    let thief = user_of(&kit, &thiefs).await;
    let password = Password::new(HORSE);
    let proof = kit.accounts.reauthenticate(&thief, &password);
    let thiefs = proof.await.unwrap();
    let ann = user_of(&kit, &anns).await;
    assert!(kit.accounts.end_session(&ann, &handle).await.unwrap());
    assert!(!is_alive(&kit, &thiefs).await);
}

#[tokio::test]
async fn others_end_and_this_one_stays() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let bobs = kit.log_in("bob", HORSE).await.key;
    let mut keys = Vec::new();
    for _ in 0..4 {
        keys.push(kit.log_in("ann", HORSE).await.key);
    }
    let here = keys.pop().unwrap();
    let ann = user_of(&kit, &here).await;
    kit.record.forget();
    assert_eq!(kit.accounts.end_other_sessions(&ann).await.unwrap(), 3);
    assert_eq!(
        kit.record.take(),
        ["user_logged_out end_other_sessions ann"]
    );
    for key in &keys {
        assert!(!is_alive(&kit, key).await);
    }
    assert!(is_alive(&kit, &here).await && is_alive(&kit, &bobs).await);
    assert_eq!(kit.accounts.end_other_sessions(&ann).await.unwrap(), 0);
    assert_eq!(kit.record.take(), [""; 0], "there were none");
}

#[tokio::test]
async fn session_that_is_over_ends_no_others() {
    let kit = Kit::with_ann().await;
    let (stale, other) = (
        kit.log_in("ann", HORSE).await.key,
        kit.log_in("ann", HORSE).await.key,
    );
    let ann = user_of(&kit, &stale).await;
    kit.accounts.log_out(&stale).await.unwrap();
    let refused = kit.accounts.end_other_sessions(&ann).await;
    assert_eq!(refusal(refused), EndSessionsRefusal::NotLoggedIn);
    assert!(is_alive(&kit, &other).await);
}

#[tokio::test]
async fn operator_ends_every_session() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let bobs = kit.log_in("bob", HORSE).await.key;
    let anns = kit.log_in("ann", HORSE).await;
    let listed = kit.accounts.sessions_of(&anns.user).await.unwrap();
    assert!(listed.is_complete && !listed.sessions[0].is_current);
    let ended = kit.accounts.end_sessions_of(anns.user.id).await;
    assert_eq!(ended.unwrap(), 1);
    assert!(!is_alive(&kit, &anns.key).await);
    assert!(is_alive(&kit, &bobs).await);
}

#[tokio::test]
async fn use_that_is_not_noted_counts() {
    // A store that cannot be written signs nobody out.
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    kit.clock.advance(Duration::from_hours(2));
    kit.store.fail_after(1, StoreErrorKind::Unavailable);
    assert!(is_alive(&kit, &key).await);
    kit.store.recover();
    assert!(is_alive(&kit, &key).await);
    let listed = list(&kit, &key).await;
    assert_eq!(listed[0].seen_at, Some(now(&kit)));
}
