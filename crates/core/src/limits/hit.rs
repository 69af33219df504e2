//! One hit of a counter.

use super::{Limit, LimitKey, LimitRule};

/// One hit of a counter: which it is, and by what rule it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates take it apart"
)]
pub struct Hit {
    /// The counter.
    pub key: LimitKey,
    /// What it counts, for an operator who lists counters.
    pub limit: Limit,
    /// By what rule.
    pub rule: LimitRule,
}
