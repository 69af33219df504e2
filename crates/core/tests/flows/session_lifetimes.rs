//! How long sessions live: kept ones, others, and those that are not used.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{HORSE, Kit};
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

async fn kit(short: Option<Duration>, idle: Option<Duration>) -> Kit {
    let kit = Kit::with_settings(|settings| {
        settings.short_session_lifetime = short;
        settings.session_idle_timeout = idle;
    });
    kit.sign_up_ann().await;
    kit
}

async fn is_alive(kit: &Kit, key: &SessionKey) -> bool {
    kit.accounts.current_user(key).await.unwrap().is_some()
}

#[tokio::test]
async fn session_ends_when_its_time_is_over() {
    let short = Some(12 * HOUR);
    for (asks, keeps, lifetime) in [
        (None, false, 14 * DAY),
        (None, true, 14 * DAY),
        (short, false, 12 * HOUR),
        (short, true, 14 * DAY),
    ] {
        let kit = kit(asks, None).await;
        let accounts = kit.accounts.keeping_signed_in(keeps);
        let begun = accounts.log_in("ann", &Password::new(HORSE), None).await;
        let begun = begun.unwrap();
        let is_short = asks.is_some() && !keeps;
        assert_eq!(begun.ends_with_browser, is_short);
        let ann = kit.accounts.current_user(&begun.key).await.unwrap();
        assert_eq!(kit.accounts.ends_with_browser(&ann.unwrap()), is_short);
        kit.clock.advance(lifetime.saturating_sub(SECOND));
        assert!(is_alive(&kit, &begun.key).await, "{asks:?} {keeps}");
        kit.clock.advance(SECOND);
        assert!(!is_alive(&kit, &begun.key).await, "{asks:?} {keeps}");
    }
}

#[tokio::test]
async fn session_with_another_key_stays_short() {
    // A proof and a new password give another key, and no more time.
    let kit = kit(Some(12 * HOUR), None).await;
    let begun = kit.log_in("ann", HORSE).await;
    kit.clock.advance(11 * HOUR);
    let ann = kit
        .accounts
        .current_user(&begun.key)
        .await
        .unwrap()
        .unwrap();
    let password = Password::new(HORSE);
    let key = kit.accounts.reauthenticate(&ann, &password).await.unwrap();
    let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
    assert!(kit.accounts.ends_with_browser(&ann));
    let new = Password::new("another staple");
    let changed = kit.accounts.change_password(&ann, &password, &new, &new);
    let key = changed.await.unwrap();
    let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
    assert!(kit.accounts.ends_with_browser(&ann));
    kit.clock.advance(HOUR);
    assert!(!is_alive(&kit, &key).await);
}

#[tokio::test]
async fn unused_session_ends() {
    for (timeout, unused, lives) in [
        (Some(HOUR), (2 * HOUR).saturating_sub(SECOND), true),
        (Some(HOUR), 2 * HOUR, false),
        (Some(7 * DAY), (7 * DAY + HOUR).saturating_sub(SECOND), true),
        (Some(7 * DAY), 7 * DAY + HOUR, false),
        (None, (14 * DAY).saturating_sub(SECOND), true),
        (None, 14 * DAY, false),
    ] {
        let kit = kit(None, timeout).await;
        let key = kit.log_in("ann", HORSE).await.key;
        kit.clock.advance(unused);
        let ann = kit.accounts.find("ann").await.unwrap().unwrap();
        let listed = kit.accounts.sessions_of(&ann).await.unwrap();
        assert_eq!(listed.sessions.len(), usize::from(lives), "{timeout:?}");
        assert_eq!(is_alive(&kit, &key).await, lives, "{timeout:?} {unused:?}");
        if timeout.is_some() {
            assert_eq!(kit.store.session_count(), usize::from(lives), "it is gone");
        }
    }
}

#[tokio::test]
async fn used_session_does_not_end() {
    // However the uses fall between two notes.
    for minutes in [1, 30, 59, 60, 61, 119] {
        let kit = kit(None, Some(HOUR)).await;
        let key = kit.log_in("ann", HORSE).await.key;
        for _ in 0..150 {
            kit.clock.advance(Duration::from_mins(minutes));
            assert!(is_alive(&kit, &key).await, "{minutes}");
        }
    }
}
