//! Codes that were right: each ends once, at one challenge.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what is not there is a failed test"
)]

use chrono::Duration;
use phone_auth_core::address::AddressRecord;
use phone_auth_core::challenge::NewChallenge;
use phone_auth_core::link::{LinkRequest, RightCode};
use phone_auth_core::outbox::Purpose;

use super::Subject;
use super::challenges::{RESET, begin, id, new};
use super::links::{addresses, target};
use super::sample::at;

/// A code of this purpose that was sent to a new user, of whom there may be one with each number.
pub(super) async fn code(subject: &Subject, purpose: Purpose, number: u32) -> RightCode {
    let address = &addresses(subject, &format!("code{number}"), 50 + number).await[0];
    asked_for(subject, purpose, address, 0).await
}

/// The code for which an address is asked at this time, which is good for five minutes.
async fn asked_for(
    subject: &Subject,
    purpose: Purpose,
    address: &AddressRecord,
    time: i64,
) -> RightCode {
    let request = LinkRequest {
        purpose,
        kind: address.kind,
        address: Some(address.id),
        at: at(time),
        half_life: Some(Duration::seconds(3_000)),
        code_half_life: Some(Duration::seconds(300)),
    };
    subject.store().request_link(&request).await.unwrap();
    let target = target(subject, purpose, address).await.unwrap();
    RightCode::of(purpose, &target).unwrap()
}

/// Of many challenges that wait for the code of a reset, of a log-in, or of one who confirms who they are, one ends by it, and the
/// others stay as they are; what is asked for next has another code, of the same link.
pub(super) async fn code_ends_once(subject: &Subject) {
    for (number, purpose, other) in [
        (70, RESET, Purpose::LogIn),
        (71, Purpose::LogIn, RESET),
        (72, Purpose::Confirm, Purpose::LogIn),
    ] {
        for address in addresses(subject, &format!("once{number}"), number).await {
            ends_once(subject, &address, (purpose, other)).await;
        }
    }
}

async fn ends_once(
    subject: &Subject,
    address: &AddressRecord,
    (purpose, other): (Purpose, Purpose),
) {
    let store = subject.store();
    let new = |number| NewChallenge {
        purpose,
        ..new(number)
    };
    let code = asked_for(subject, purpose, address, 10).await;
    let newest = async || target(subject, purpose, address).await.unwrap().newest;
    let link = newest().await;
    for number in 1..=20 {
        begin(subject, new(number)).await;
    }
    let ended = subject
        .at_once(20, move |store, number| async move {
            let id = id(u8::try_from(number).unwrap() + 1);
            store.end_challenge(&id, &code, at(11)).await.unwrap()
        })
        .await;
    assert_eq!(ended.iter().filter(|it| **it).count(), 1, "{purpose:?}");
    let mut proven = 0;
    for number in 1..=20 {
        let kept = store.challenge(&id(number), purpose).await.unwrap();
        let kept = kept.unwrap();
        proven += u32::from(kept.proven_at.is_some());
        let left = if kept.proven_at.is_some() { 0 } else { 5 };
        assert_eq!(kept.attempts_left, left, "{number}");
    }
    assert_eq!(proven, 1, "{purpose:?}");

    let next = asked_for(subject, purpose, address, 20).await;
    assert_eq!(next.code_at, code.next_code_at());
    assert_ne!(next.code_at, code.code_at, "{purpose:?}");
    assert_eq!(newest().await, link, "it is the same link");
    begin(subject, new(21)).await;
    let late = store.end_challenge(&id(21), &code, at(21)).await;
    assert!(!late.unwrap(), "it was used");
    let other = RightCode {
        purpose: other,
        ..next
    };
    let other = store.end_challenge(&id(21), &other, at(21)).await;
    assert!(!other.unwrap(), "it is for something else");
    let used = store.end_challenge(&id(21), &next, at(21)).await;
    assert!(used.unwrap());
    // A challenge that has ended ends no code.
    let third = asked_for(subject, purpose, address, 22).await;
    let ended = store.end_challenge(&id(21), &third, at(22)).await;
    assert!(!ended.unwrap());
    let kept = target(subject, purpose, address).await.unwrap().code_at;
    assert_eq!(kept, Some(third.code_at));
}
