//! Challenges: asking again gives no attempts back, and nobody's are bounded and like all others.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::challenge::{
    Challenge, ChallengeId, ChallengeSubject, KeptChallenge, NewChallenge, Renewal, TypedNames,
};
use phone_auth_core::outbox::{NewMessage, Purpose};

use super::Subject;
use super::message_sample;
use super::right_codes::code;
use super::sample::{at, stored, whole};

pub(super) const RESET: Purpose = Purpose::ResetPassword;

/// The id of a key, as spread as a digest.
pub(super) fn id(number: u8) -> ChallengeId {
    let mut bytes = [number; 32];
    bytes[0] = number.wrapping_mul(37);
    bytes[31] = 0xA5;
    ChallengeId::from_bytes(bytes)
}

/// A challenge of the email address 7, which begins at 0 and lives for ten minutes.
pub(super) fn new(number: u8) -> NewChallenge {
    NewChallenge {
        id: id(number),
        previous: None,
        purpose: RESET,
        subject: ChallengeSubject::from_bytes([number; 8]),
        email: Some(AddressId::new(7)),
        phone: None,
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
        sends: 1,
        resend_at: at(30),
    }
}

/// Another message at this time, after so many.
pub(super) fn renewal(number: u8, sends: u32, now: i64) -> Renewal {
    Renewal {
        id: id(number),
        sends,
        sends_then: sends + 1,
        subject: ChallengeSubject::from_bytes([number; 8]),
        resend_at: at(now + 60),
        expires_at: at(now + 600),
        attempts: 5,
        now: at(now),
    }
}

pub(super) async fn begin(subject: &Subject, new: NewChallenge) {
    subject.store().begin_challenge(&new).await.unwrap();
}

pub(super) async fn attempt(
    subject: &Subject,
    number: u8,
    now: DateTime<Utc>,
) -> Option<Challenge> {
    let store = subject.store();
    store
        .attempt_challenge(&id(number), RESET, now)
        .await
        .unwrap()
}

/// Whomever the message goes to: nobody's challenge begins as well. The one before ends.
pub(super) async fn challenge_begins_with_its_message(subject: &Subject) {
    let user = stored(subject.store(), &whole("ann", 1)).await;
    let to_ann = message_sample::to(subject, &user, AddressKind::Email, "one").await;
    let recipient = to_ann.recipient;
    for (number, recipient) in [(1, recipient), (2, recipient), (3, None)] {
        let message = NewMessage {
            key: format!("message {number}"),
            recipient,
            challenge: Some(NewChallenge {
                previous: (number == 2).then(|| id(1)),
                email: recipient.map(|it| it.address),
                ..new(number)
            }),
            ..to_ann.clone()
        };
        subject.outbox().enqueue_message(&message).await.unwrap();
    }
    // One that has none leaves those that there are.
    let last = NewMessage {
        key: "last".to_owned(),
        ..to_ann
    };
    subject.outbox().enqueue_message(&last).await.unwrap();
    for (number, left) in [(1, 0), (2, 5), (3, 5)] {
        assert_eq!(attempts(subject, number, at(1)).await, left, "{number}");
    }
}

/// How many attempts a challenge has.
pub(super) async fn attempts(subject: &Subject, number: u8, now: DateTime<Utc>) -> u32 {
    let mut made = 0;
    while attempt(subject, number, now).await.is_some() {
        made += 1;
        assert!(made <= 10, "without end");
    }
    made
}

pub(super) async fn challenge_is_for_one_purpose_and_time(subject: &Subject) {
    begin(subject, new(1)).await;
    let store = subject.store();
    let other = store
        .attempt_challenge(&id(1), Purpose::Verify, at(1))
        .await;
    assert_eq!(other.unwrap(), None);
    let micro = Duration::microseconds(1);
    assert!(attempt(subject, 1, at(600) - micro).await.is_some());
    assert_eq!(attempt(subject, 1, at(600)).await, None);
}

/// What is asked for again keeps the attempts that are left, while its code lives; for someone and for nobody.
pub(super) async fn asking_again_gives_no_attempts_back(subject: &Subject) {
    let store = subject.store();
    for (number, email) in [(1, Some(AddressId::new(7))), (2, None)] {
        let first = NewChallenge {
            email,
            ..new(number)
        };
        begin(subject, first).await;
        for _ in 0..3 {
            assert!(attempt(subject, number, at(1)).await.is_some());
        }
        let renewed = renewal(number, 1, 30);
        assert!(store.renew_challenge(&renewed).await.unwrap());
        let kept = store.challenge(&id(number), RESET).await.unwrap();
        let expected = KeptChallenge {
            email,
            phone: None,
            subject: Some(first.subject),
            attempts_left: 2,
            expires_at: renewed.expires_at,
            sends: 2,
            resend_at: Some(renewed.resend_at),
            proven_at: None,
        };
        assert_eq!(kept, Some(expected));
        assert_eq!(attempts(subject, number, at(629)).await, 2);
        let again = renewal(number, 2, 629);
        assert!(store.renew_challenge(&again).await.unwrap());
        assert_eq!(attempts(subject, number, at(629)).await, 0);
        // Its code is over, and the next one has attempts of its own.
        let late = renewal(number, 3, 1_229);
        assert!(store.renew_challenge(&late).await.unwrap());
        assert_eq!(attempts(subject, number, at(1_229)).await, 5);
    }
}

/// Of many who ask at once one is sent a message, and none for what is not there.
pub(super) async fn renewals_at_once_have_one_winner(subject: &Subject) {
    begin(subject, new(1)).await;
    let renewed = subject
        .at_once(20, |store, _| async move {
            store.renew_challenge(&renewal(1, 1, 30)).await.unwrap()
        })
        .await;
    assert_eq!(renewed.into_iter().filter(|renewed| *renewed).count(), 1);
    let store = subject.store();
    assert!(!store.renew_challenge(&renewal(1, 1, 30)).await.unwrap());
    assert!(!store.renew_challenge(&renewal(9, 1, 30)).await.unwrap());
}

/// A challenge is found under its key and with its purpose, also when it is over; a new one ends the previous.
pub(super) async fn challenge_is_found_until_it_ends(subject: &Subject) {
    begin(subject, new(1)).await;
    let store = subject.store();
    let found = async |number, purpose| {
        let found = store.challenge(&id(number), purpose).await.unwrap();
        found.map(|it| it.attempts_left)
    };
    assert_eq!(found(1, RESET).await, Some(5));
    assert_eq!(found(1, Purpose::Verify).await, None);
    assert_eq!(found(2, RESET).await, None);
    let next = NewChallenge {
        previous: Some(id(1)),
        ..new(2)
    };
    begin(subject, next).await;
    assert_eq!(found(1, RESET).await, None);
    assert_eq!(found(2, RESET).await, Some(5));
}

pub(super) async fn challenge_ends_once(subject: &Subject) {
    let code = code(subject, RESET, 1).await;
    begin(subject, new(1)).await;
    let ended = subject
        .at_once(20, move |store, _| async move {
            store.end_challenge(&id(1), &code, at(2)).await.unwrap()
        })
        .await;
    assert_eq!(ended.into_iter().filter(|ended| *ended).count(), 1);
    assert_eq!(attempt(subject, 1, at(2)).await, None);
    let store = subject.store();
    let kept = store.challenge(&id(1), RESET).await.unwrap().unwrap();
    assert_eq!((kept.proven_at, kept.attempts_left), (Some(at(2)), 0));
    // One that begins in its place is another.
    begin(subject, new(1)).await;
    let kept = store.challenge(&id(1), RESET).await.unwrap().unwrap();
    assert_eq!((kept.proven_at, kept.attempts_left), (None, 5));
}

/// An id with the place of `id(1)`.
pub(super) fn neighbour(end: u8) -> ChallengeId {
    let mut bytes = *id(1).as_bytes();
    bytes[31] = end;
    ChallengeId::from_bytes(bytes)
}

/// Someone's and nobody's, which must not be told apart.
pub(super) const WHOSE: [Option<AddressId>; 2] = [Some(AddressId::new(7)), None];

/// A key finds its own challenge and no other, also where another has the same place.
pub(super) async fn challenge_is_found_by_its_own_key(subject: &Subject) {
    let store = subject.store();
    let code = code(subject, RESET, 1).await;
    for (own, other, email) in [(1, 2, WHOSE[0]), (3, 4, WHOSE[1])] {
        let [own, other] = [own, other].map(neighbour);
        let challenge = NewChallenge {
            id: own,
            email,
            ..new(1)
        };
        begin(subject, challenge).await;
        for (id, is_own) in [(other, false), (own, true)] {
            let found = store.challenge(&id, RESET).await.unwrap();
            assert_eq!(found.is_some(), is_own, "find {email:?}");
            let subject = ChallengeSubject::from_bytes([9; 8]);
            let renewed = Renewal {
                id,
                subject,
                ..renewal(1, 1, 30)
            };
            let renewed = store.renew_challenge(&renewed).await.unwrap();
            assert_eq!(renewed, is_own, "renew {email:?}");
            let taken = store.attempt_challenge(&id, RESET, at(1)).await.unwrap();
            let left = taken.map(|it| (it.attempts_left, it.subject));
            let expected = is_own.then_some((4, Some(subject)));
            assert_eq!(left, expected, "attempt {email:?}");
        }
        assert!(!store.end_challenge(&other, &code, at(1)).await.unwrap());
    }
}

/// The challenge that a browser had ends when it asks for something else, nobody's as well, and no other with its place.
pub(super) async fn previous_challenge_ends(subject: &Subject) {
    let store = subject.store();
    let mut number = 0;
    for before in WHOSE {
        for after in WHOSE {
            number += 2;
            let [previous, next] = [number, number + 1].map(|number| NewChallenge {
                id: id(number),
                ..new(1)
            });
            let other = |end| {
                let mut bytes = *previous.id.as_bytes();
                bytes[31] = end;
                ChallengeId::from_bytes(bytes)
            };
            begin(
                subject,
                NewChallenge {
                    email: before,
                    ..previous
                },
            )
            .await;
            for (ends, is_over) in [(other(1), false), (previous.id, true)] {
                let next = NewChallenge {
                    previous: Some(ends),
                    email: after,
                    ..next
                };
                begin(subject, next).await;
                let found = store.challenge(&previous.id, RESET).await.unwrap();
                assert_eq!(found.is_none(), is_over, "{before:?} {after:?}");
                let found = store.challenge(&next.id, RESET).await.unwrap();
                assert!(found.is_some(), "{before:?} {after:?}");
            }
        }
    }
    // One that begins at the place of the one before.
    for end in 1..=2 {
        let nobodys = NewChallenge {
            id: neighbour(end),
            previous: (end == 2).then(|| neighbour(1)),
            email: None,
            ..new(1)
        };
        begin(subject, nobodys).await;
        let found = store.challenge(&nobodys.id, RESET).await.unwrap();
        assert!(found.is_some(), "{end}");
    }
}

/// What was asked for in one tab is not ended by what another is about: a challenge ends none of another purpose, someone's or
/// nobody's. Nor does it end one that verifies an address: that is its user's, in whatever browser, and would have its attempts
/// again if it began anew.
pub(super) async fn challenge_of_another_purpose_stays(subject: &Subject) {
    let store = subject.store();
    let purposes = [Purpose::ResetPassword, Purpose::LogIn, Purpose::Verify];
    let mut number = 0;
    for before in purposes {
        for after in purposes {
            for (email, next_email) in WHOSE.into_iter().flat_map(|it| WHOSE.map(|at| (it, at))) {
                number += 2;
                let previous = NewChallenge {
                    id: id(number),
                    purpose: before,
                    email,
                    ..new(1)
                };
                begin(subject, previous).await;
                let tried = store.attempt_challenge(&previous.id, before, at(0));
                assert_eq!(tried.await.unwrap().map(|it| it.attempts_left), Some(4));
                let next = NewChallenge {
                    id: id(number + 1),
                    purpose: after,
                    previous: Some(previous.id),
                    email: next_email,
                    ..new(1)
                };
                begin(subject, next).await;
                let ends = before == after && before != Purpose::Verify;
                let found = store.challenge(&previous.id, before).await.unwrap();
                let left = found.map(|it| it.attempts_left);
                let expected = (!ends).then_some(4);
                assert_eq!(
                    left, expected,
                    "{before:?} {after:?} {email:?} {next_email:?}"
                );
            }
        }
    }
}

/// What was counted for a message that was not sent is given back, the same for all.
pub(super) async fn renewal_is_given_back(subject: &Subject) {
    let store = subject.store();
    for (number, email) in (1..).zip(WHOSE) {
        let challenge = NewChallenge {
            email,
            ..new(number)
        };
        begin(subject, challenge).await;
        let before = store.challenge(&id(number), RESET).await.unwrap();
        assert!(
            store
                .renew_challenge(&renewal(number, 1, 30))
                .await
                .unwrap()
        );
        let back = Renewal {
            sends: 2,
            sends_then: 1,
            resend_at: challenge.resend_at,
            expires_at: challenge.expires_at,
            ..renewal(number, 1, 30)
        };
        assert!(store.renew_challenge(&back).await.unwrap());
        let after = store.challenge(&id(number), RESET).await.unwrap();
        assert_eq!(after, before, "{email:?}");
    }
}

pub(super) async fn expired_challenges_are_removed(subject: &Subject) {
    for number in 1..=20 {
        let expires_at = at(i64::from(number) * 60);
        begin(
            subject,
            NewChallenge {
                expires_at,
                ..new(number)
            },
        )
        .await;
    }
    let store = subject.store();
    let micro = Duration::microseconds(1);
    for (time, limit, removed) in [
        (at(60) - micro, 100, 0),
        (at(60), 100, 1),
        (at(600), 4, 4),
        (at(600), 100, 5),
        (at(600), 100, 0),
        (at(10_000), 100, 10),
    ] {
        let answer = store.remove_expired_challenges(time, limit).await.unwrap();
        assert_eq!(answer, removed, "{time} {limit}");
    }
}

/// The names of one who signs up are kept with the challenge that their browser has, and go with it.
pub(super) async fn typed_names_go_with_their_challenge(subject: &Subject) {
    let store = subject.store();
    let names = |first: &str| TypedNames {
        first_name: first.to_owned(),
        last_name: "Lee".to_owned(),
    };
    let (first, second) = (new(1), new(2));
    let nobodys = NewChallenge {
        email: None,
        phone: None,
        ..new(3)
    };
    // Where there is no challenge nothing is kept.
    store
        .keep_typed_names(&first.id, &names("Ann"))
        .await
        .unwrap();
    assert_eq!(store.typed_names(&first.id).await.unwrap(), None);
    for challenge in [&first, &second, &nobodys] {
        store.begin_challenge(challenge).await.unwrap();
        assert_eq!(store.typed_names(&challenge.id).await.unwrap(), None);
        for name in ["Eve", "Ann"] {
            let typed = names(name);
            let keep = store.keep_typed_names(&challenge.id, &typed);
            keep.await.unwrap();
            let kept = store.typed_names(&challenge.id).await.unwrap();
            assert_eq!(kept, Some(names(name)));
        }
    }
    // Of whom it is that a place is nobody's, no other key tells.
    assert_eq!(store.typed_names(&new(4).id).await.unwrap(), None);
    // Another challenge in its place has none, and one that follows another ends those of that.
    store.begin_challenge(&first).await.unwrap();
    assert_eq!(store.typed_names(&first.id).await.unwrap(), None);
    let next = NewChallenge {
        previous: Some(second.id),
        ..new(5)
    };
    store.begin_challenge(&next).await.unwrap();
    assert_eq!(store.typed_names(&second.id).await.unwrap(), None);
    assert_eq!(store.typed_names(&next.id).await.unwrap(), None);
}
