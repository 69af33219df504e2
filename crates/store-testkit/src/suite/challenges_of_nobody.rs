//! Challenges of nobody: as many as there are places, and no sooner overwritten than they must be.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::challenge::{ChallengeId, NewChallenge, Renewal};
use phone_auth_core::outbox::Purpose;

use super::Subject;
use super::challenges::{RESET, begin, neighbour, new, renewal};
use super::right_codes::code;
use super::sample::at;

/// One whose key has the group of all others here.
fn nobodys(end: u8, created_at: i64) -> NewChallenge {
    NewChallenge {
        id: neighbour(end),
        email: None,
        created_at: at(created_at),
        expires_at: at(created_at + 600),
        ..new(1)
    }
}

/// Which of these keys have a challenge.
async fn found(subject: &Subject, ends: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let (store, mut found) = (subject.store(), Vec::new());
    for end in ends {
        let kept = store.challenge(&neighbour(end), RESET).await.unwrap();
        found.extend(kept.map(|_| end));
    }
    found
}

/// Nobody's are attempted like all others, and those of a group stand beside each other, also with keys that say the same place
/// and where all begin at once. Where there is no more room one that is over gives way, and else the one that began first,
/// also if it was asked for again.
pub(super) async fn challenges_of_nobody_are_bounded(subject: &Subject) {
    let store = subject.store();
    let places = ChallengeId::PLACES_OF_GROUP;
    begin(subject, nobodys(0, 0)).await;
    let taken = store.attempt_challenge(&neighbour(0), RESET, at(1)).await;
    assert_eq!(taken.unwrap().map(|it| it.attempts_left), Some(4));
    // It ends by time alone: no code answers it.
    let code = code(subject, RESET, 1).await;
    let ended = store.end_challenge(&neighbour(0), &code, at(1)).await;
    assert!(!ended.unwrap());
    begin(subject, nobodys(places, 1)).await;
    begin(subject, nobodys(2 * places, 2)).await;
    for end in 3..places {
        begin(subject, nobodys(end, i64::from(end))).await;
    }
    let all = [0, places, 2 * places].into_iter().chain(3..places);
    let all: Vec<_> = all.collect();
    assert_eq!(found(subject, all.clone()).await, all);

    // The same key again keeps its place.
    begin(subject, nobodys(0, 0)).await;
    assert_eq!(found(subject, all.clone()).await, all);

    // Someone's is not among them, and one of another group is no matter here.
    let theirs = NewChallenge {
        id: neighbour(255),
        ..new(1)
    };
    begin(subject, theirs).await;
    let elsewhere = NewChallenge {
        email: None,
        ..new(2)
    };
    begin(subject, elsewhere).await;
    assert_eq!(found(subject, all.clone()).await, all);

    // The one that began first has been asked for again.
    let renewed = Renewal {
        id: neighbour(0),
        ..renewal(1, 1, 100)
    };
    assert!(store.renew_challenge(&renewed).await.unwrap());
    begin(subject, nobodys(100, 101)).await;
    assert_eq!(
        found(subject, all.iter().copied()).await,
        all.get(1..).unwrap_or_default()
    );
    // One that is younger than others is over.
    let short = NewChallenge {
        expires_at: at(110),
        ..nobodys(101, 102)
    };
    begin(subject, short).await;
    begin(subject, nobodys(102, 120)).await;
    let left = found(subject, all.iter().skip(1).copied().chain([100, 101, 102]));
    let expected: Vec<_> = all.iter().skip(2).copied().chain([100, 102]).collect();
    assert_eq!(left.await, expected);

    for end in 0..=255 {
        begin(subject, nobodys(end, 130)).await;
    }
    assert!(found(subject, [255]).await == [255], "someone's");
    let removed = store.remove_expired_challenges(at(10_000), 1_000).await;
    assert_eq!(removed.unwrap(), u64::from(places) + 2);
}

/// Those that begin at once take places of their own.
pub(super) async fn challenges_of_nobody_at_once_stand_beside_each_other(subject: &Subject) {
    let places = ChallengeId::PLACES_OF_GROUP;
    subject
        .at_once(u32::from(places), |store, number| async move {
            let end = u8::try_from(number).unwrap();
            store.begin_challenge(&nobodys(end, 0)).await.unwrap();
        })
        .await;
    let all: Vec<_> = (0..places).collect();
    assert_eq!(found(subject, all.clone()).await, all);
}

/// One that ends another of its group takes its place, and leaves one of another purpose.
pub(super) async fn challenge_of_nobody_ends_one_of_its_group(subject: &Subject) {
    let places = ChallengeId::PLACES_OF_GROUP;
    for end in 0..places {
        begin(subject, nobodys(end, i64::from(end))).await;
    }
    let next = NewChallenge {
        previous: Some(neighbour(7)),
        ..nobodys(40, 60)
    };
    begin(subject, next).await;
    let expected: Vec<_> = (0..places).filter(|it| *it != 7).chain([40]).collect();
    assert_eq!(found(subject, 0..=40).await, expected);
    let other = NewChallenge {
        previous: Some(neighbour(8)),
        purpose: Purpose::LogIn,
        ..nobodys(41, 61)
    };
    begin(subject, other).await;
    assert_eq!(
        found(subject, 0..=40).await,
        expected.get(1..).unwrap_or_default()
    );
    // Someone's ends nobody's of the group that its key has.
    let theirs = NewChallenge {
        previous: Some(neighbour(9)),
        id: neighbour(200),
        ..new(1)
    };
    begin(subject, theirs).await;
    assert_eq!(found(subject, [8, 9, 200]).await, [8, 200]);
}
