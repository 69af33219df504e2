//! Counters of limits outlive the process.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::limits::{Attempt, Decision, Hit, Limit, LimitKey, LimitRule};
use phone_auth_core::store::LimitStore;

use crate::common::{Scratch, run};

#[test]
fn restart_forgets_no_counter() {
    let scratch = Scratch::new();
    let attempt = Attempt {
        hits: vec![Hit {
            key: LimitKey::from_bytes([7; 16]),
            limit: Limit::FailuresInARow,
            rule: LimitRule::InARow(1),
        }],
        at: "2026-01-02T03:04:05Z".parse().unwrap(),
        is_stranger: true,
    };
    let count = || run(async { scratch.store().count(&attempt).await.unwrap() });
    assert!(matches!(count(), Decision::Counted { .. }));
    assert!(matches!(count(), Decision::Refused { .. }));
}
