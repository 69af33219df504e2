//! Guards: who may see a page. As extractors for handlers, and as layers for routes.

mod extract;
mod layer;
mod rule;

use std::fmt;

use axum::response::{IntoResponse, Response};

pub use extract::{Anonymous, LoggedIn, RecentlyProven, VerifiedEmail, VerifiedPhone};
pub use layer::{GuardLayer, Guarded};
pub(crate) use rule::Rule;

/// The answer to a request that a guard, or another extractor of this crate, does not let through: a
/// redirect, or a page that says why.
pub struct Refusal(Box<Response>);

impl Refusal {
    pub(crate) fn new(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Refusal").field(&self.0.status()).finish()
    }
}
