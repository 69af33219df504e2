//! What the proof of an address does to those who have it without proof, and who is told.

use super::AddressId;
use crate::outbox::Notices;
use crate::user_id::UserId;

/// What becomes of those who have an address without proof when another user proves it.
///
/// By default their rows and claims end, and nobody is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Losses {
    /// Whether the claims of others stay as they are, but for the links and codes that were sent to them, which end. Nothing
    /// tells such a claim from one that nobody has proven, and it cannot be proven while the address is another's. The claims
    /// of the user who proves it end in any case.
    pub keeps_claims: bool,
    /// Who may lose it: what is enqueued with the proof for those who do, and for no one else.
    pub told: Vec<Loss>,
}

/// What is enqueued when one row or claim ends by the proof of another user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Loss {
    /// Which row or claim, of the kind that is proven.
    pub address: AddressId,
    /// Whose it is.
    pub user: UserId,
    /// What tells them, about this user.
    pub notices: Notices,
}

impl Losses {
    /// Those of them whose row or claim is among these, each with its user.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::{AddressId, Loss, Losses};
    /// use phone_auth_core::outbox::Notices;
    /// use phone_auth_core::user::UserId;
    ///
    /// let (address, user) = (AddressId::new(3), UserId::new(7));
    /// let loss = Loss { address, user, notices: Notices::default() };
    /// let losses = Losses { told: vec![loss], ..Losses::default() };
    /// assert_eq!(losses.of(&[(address, user)]).count(), 1);
    /// assert_eq!(losses.of(&[(address, UserId::new(8))]).count(), 0);
    /// ```
    pub fn of(&self, ended: &[(AddressId, UserId)]) -> impl Iterator<Item = &Loss> {
        let told = self.told.iter();
        told.filter(move |loss| ended.contains(&(loss.address, loss.user)))
    }
}
