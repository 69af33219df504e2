//! Flows that a limit ends.

use phone_auth_core::accounts::{FailureKind, FlowError};

/// Whether it is this that a flow was refused for, and no failure of the store.
pub fn is_limited<T, R>(outcome: Result<T, FlowError<R>>) -> bool {
    matches!(
        outcome,
        Err(FlowError::Failed(failure)) if matches!(failure.kind(), FailureKind::Limited { .. })
    )
}

/// How often something is let through before it is not any more. What never ends fails the test, which would go on for ever.
pub async fn passes(mut is_over: impl AsyncFnMut(u32) -> bool) -> u32 {
    for passed in 0..10_000 {
        if is_over(passed).await {
            return passed;
        }
    }
    panic!("no limit ends it");
}
