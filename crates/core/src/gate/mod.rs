//! The gate: what an application asks before a flow begins, such as whom it takes at all, or for the proof of work of a
//! client.
//!
//! It is a port. Without one every flow begins.

mod decision;
mod request;

use std::error::Error;

pub use async_trait::async_trait;
pub use decision::{GateChallenge, GateDecision, GateRefusal};
pub use request::{GateNames, GateRequest, GatedFlow};

/// Why a gate could not decide. The flow fails as it does without its store, and the text goes to the log.
pub type GateError = Box<dyn Error + Send + Sync>;

/// Decides whether a flow begins: asked before anything is read, hashed or sent, and before anything is counted. All that may
/// be read before is what the user who is signed in has, or the browser that asks for a code: where nothing is left to do it is
/// not asked.
///
/// An answer that it has allowed is allowed again for ten seconds, three times at most, for the same flow, client and names, and
/// the gate is not asked: the second of two clicks comes with the answer of the first, which may be good once. It is
/// asked about one answer again after that, where the request of the first click was given up before the gate answered, where
/// a process remembers a thousand answers by then, and where several processes serve a site and a balancer sends the second
/// click to another. Of the same request many times at once one waits for the answer to the first, and no more.
///
/// It is told who asks for what, never who exists: the same for a name that someone has and for one that nobody has. What
/// it answers a stranger must not depend on that either.
///
/// # Cancel safety
/// A request that is given up drops the call. Pages give up after the time limit of a request; a gate that asks a server
/// elsewhere has a shorter one of its own.
///
/// # Examples
/// A site for the people of one company, whose settings have
/// [`require_verified`](crate::settings::Settings::require_verified), as anyone can type such an address:
/// ```
/// use phone_auth_core::gate::{Gate, GateDecision, GateError, GateRequest, GatedFlow, async_trait};
///
/// struct Staff;
///
/// #[async_trait]
/// impl Gate for Staff {
///     async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
///         let domain = request.names.email.and_then(|email| email.rsplit_once('@'));
///         Ok(match (request.flow, domain) {
///             (GatedFlow::SignUp | GatedFlow::AddAddress, Some((_, domain))) if domain != "tea.example" => {
///                 GateDecision::deny("Use your address at tea.example.")
///             }
///             (GatedFlow::SignUp, None) => GateDecision::deny("Sign up with your address at tea.example."),
///             _ => GateDecision::Allow,
///         })
///     }
/// }
///
#[doc = include_str!("../accounts/example_builder.txt")]
/// let accounts = builder.gate(Staff).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait Gate: Send + Sync {
    /// Whether this request begins.
    ///
    /// # Errors
    /// When it cannot be told now: the flow fails with [`Unavailable`](crate::accounts::FailureKind::Unavailable).
    async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError>;

    /// The challenge that the form of a flow shows from the start, so that nobody sends a form in vain. Nothing is typed yet
    /// and the request has no names; else none is shown until [`ask`](Self::ask) answers with one.
    ///
    /// # Errors
    /// When it cannot be told now: the form is shown without.
    async fn offer(&self, request: &GateRequest<'_>) -> Result<Option<GateChallenge>, GateError> {
        let _ = request;
        Ok(None)
    }
}
