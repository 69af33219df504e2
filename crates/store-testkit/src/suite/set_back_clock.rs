//! The outbox under a clock that is set back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use chrono::Duration;
use phone_auth_core::outbox::{
    AttemptOutcome, LeaseState, NewMessage, NextDue, ReceiptOutcome, Receipts, Wait,
};

use super::Subject;
use super::message_sample::{all, claimed, enqueued, finished, keys, receipts};
use super::sample::at;

pub(super) async fn clock_set_back_delays_no_message(subject: &Subject) {
    let outbox = subject.outbox();
    let (second, noon) = (Duration::seconds(1), at(0));
    for set_back in [second, second * 61, Duration::hours(1), Duration::days(400)] {
        let case = format!("{set_back}");
        enqueued(subject, "put off", noon).await;
        let lease = claimed(outbox, noon, 9).await[0].lease();
        let put_off = AttemptOutcome::Retry {
            wait: Wait {
                since: noon,
                until: noon + Duration::minutes(10),
            },
            failures: 9,
            receipts: receipts(ReceiptOutcome::Failed),
        };
        assert_eq!(finished(outbox, &lease, &put_off).await, LeaseState::Held);
        enqueued(subject, "killed", noon).await;
        enqueued(subject, "works on", noon).await;
        let leased = claimed(outbox, noon, 9).await;
        assert_eq!(keys(&leased), ["killed", "works on"], "{case}");
        assert_eq!(claimed(outbox, noon, 9).await, [], "{case}: it stands");

        let back = noon - set_back;
        let due = claimed(outbox, back, 9).await;
        assert_eq!(keys(&due), ["put off"], "{case}");
        let done = AttemptOutcome::Finished;
        let lease = due[0].lease();
        assert_eq!(finished(outbox, &lease, &done).await, LeaseState::Held);
        assert_eq!(
            outbox.next_due().await.unwrap(),
            NextDue::At(back + second * 60),
            "{case}"
        );
        // Anyone who holds a lease and lives extends it, by the clock as it is.
        let wait = Wait {
            since: back + second * 30,
            until: back + second * 90,
        };
        let lease = leased[1].lease();
        let none = Receipts::default();
        let held = outbox.extend_lease(&lease, wait, &none);
        assert_eq!(held.await.unwrap(), LeaseState::Held, "{case}");
        for (seconds, expected) in [
            (30, &[][..]),
            (59, &[][..]),
            (60, &["killed"][..]),
            (89, &[][..]),
            (90, &["works on"][..]),
        ] {
            let claims = claimed(outbox, back + second * seconds, 9).await;
            assert_eq!(keys(&claims), expected, "{case}, {seconds} s later");
            for message in claims {
                assert_eq!(message.attempts, 2);
                let lease = message.lease();
                assert_eq!(finished(outbox, &lease, &done).await, LeaseState::Held);
            }
        }
        assert_eq!(all(outbox).await, []);
    }
}

pub(super) async fn clock_set_back_leaves_ready_messages_ready(subject: &Subject) {
    let outbox = subject.outbox();
    let noon = at(0);
    let old = enqueued(subject, "old", noon).await;
    let lease = claimed(outbox, noon, 9).await[0].lease();
    let put_off = AttemptOutcome::Retry {
        wait: Wait {
            since: noon,
            until: noon + Duration::minutes(10),
        },
        failures: 1,
        receipts: Receipts::default(),
    };
    assert_eq!(finished(outbox, &lease, &put_off).await, LeaseState::Held);
    let newer = NewMessage {
        key: "newer".to_owned(),
        ..old
    };
    outbox.enqueue_message(&newer).await.unwrap();
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Now);
    let claims = claimed(outbox, noon - Duration::hours(1), 9).await;
    assert_eq!(keys(&claims), ["newer"]);
    assert_eq!(claims[0].ready_attempt + 1, claims[0].attempts);
}
