//! Limits: how often something may be done by the same client, to the same account or to the same address.
//!
//! A counter is a key and a few numbers in a [`LimitStore`](crate::store::LimitStore). Most counters go by a
//! [`Rate`]: they fill with each hit and drain evenly (GCRA, the "virtual scheduling" of ITU-T I.371), so that
//! nobody gets twice as much at the turn of a minute. One goes by [failures in a row](LimitRule::InARow): it slows down,
//! and stops. One decision counts several of them, or none when one of them is full.
//!
//! What this does not do: know a flow, or say who is counted. The flows do.

mod decision;
mod hit;
mod key;
mod limiter;
mod memory;
mod rate;
mod rule;
mod settings;
mod text_guard;
mod text_scopes;
mod texts;

pub use decision::{Attempt, Decision, decide, give_back};
pub use hit::Hit;
pub use key::{LimitKey, LimitSubject};
pub(crate) use limiter::{Counters, Limiter, PLACES_OF_SESSIONS};
pub use memory::MemoryLimits;
pub use phone_auth_events::Limit;
pub use rate::{Rate, RateError};
pub use rule::{LimitRule, RuleNumbers, Tally};
pub use settings::{LimitSettings, RateLimit};
pub(crate) use text_guard::{ScopeKind, TextTotals, refusal as text_refusal};
pub use text_guard::{TextBudget, TextCountries, TextGuard};
pub(crate) use text_scopes::{Whose, thousand_of};
pub(crate) use texts::TextCounts;
pub use texts::{TextChange, TextCount, TextRow, TextScope};
