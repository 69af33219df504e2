//! A clock that is set back delays no message that was tried, by more than it waited for anyway.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::common::mailing::{Mailing, options};
use chrono::TimeDelta;
use phone_auth_core::clock::Clock;
use phone_auth_core::outbox::{Claim, Queues};
use phone_auth_core::store::OutboxStore;
use phone_auth_events::{ResetPasswordEmail, Retry, Undelivered};

/// By how far the clock is set back in the tests of it.
fn set_backs() -> [TimeDelta; 4] {
    [
        TimeDelta::seconds(-1),
        TimeDelta::minutes(-4),
        TimeDelta::hours(-1),
        TimeDelta::days(-400),
    ]
}

#[tokio::test]
async fn clock_set_back_delays_no_message_that_was_tried() {
    for set_back in set_backs() {
        let mailing = Mailing::new().await;
        let (calls, links) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(None)));
        let (counted, kept) = (Arc::clone(&calls), Arc::clone(&links));
        let _busy = mailing
            .kit
            .signals
            .connect(move |event: &ResetPasswordEmail| {
                *kept.lock().unwrap() = Some(event.url.as_str().to_owned());
                match counted.fetch_add(1, Ordering::SeqCst) {
                    0 => Err(Undelivered::new(
                        Retry::After(Duration::from_mins(5)),
                        "busy",
                    )),
                    _ => Ok(()),
                }
            });
        mailing.ask().await;
        assert_eq!(mailing.deliver().await, 1);
        let clock = &mailing.kit.clock;
        assert_eq!(mailing.deliver().await, 0, "it is left alone");
        clock.set(clock.now() + set_back);
        assert_eq!(mailing.deliver().await, 1, "{set_back}");
        assert_eq!(calls.load(Ordering::SeqCst), 2, "{set_back}");
        assert_eq!(mailing.outbox().await, [], "{set_back}");
        let link = links.lock().unwrap().take().unwrap();
        let parts: Vec<&str> = link.split('/').collect();
        let link = mailing.accounts.check_reset_link(parts[3], parts[4]).await;
        assert!(link.is_ok(), "{set_back}");
    }
}

#[tokio::test]
async fn clock_set_back_prolongs_no_lease_of_the_dead() {
    for set_back in set_backs() {
        let mailing = Mailing::new().await;
        mailing.ask().await;
        let clock = &mailing.kit.clock;
        let now = clock.now();
        let lease = options().lease;
        let killed = Claim {
            now,
            until: now + lease,
            limit: 1,
            without: Queues::default(),
        };
        let claimed = mailing.kit.store.claim_messages(&killed).await.unwrap();
        assert_eq!(claimed.len(), 1);
        clock.set(now + set_back);
        assert_eq!(mailing.deliver().await, 0, "{set_back}: it may be held");
        clock.advance(lease);
        assert_eq!(mailing.deliver().await, 1, "{set_back}");
        assert_eq!(mailing.outbox().await, []);
    }
}
