//! The proof of an account by the proof of the one claim for which it was made.

use crate::password::EncodedPassword;
use crate::typed_names::TypedNames;

/// An account that nobody has proven theirs, and that is proven with the one claim for which it was made: all of it in one
/// transaction. Refused, as [`Gone`](super::VerificationOutcome::Gone), unless the user is active, still has the old password and no address that
/// is verified. What was there before ends, as with [another password](crate::store::UserStore::replace_password).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AccountProof {
    /// The hash that must still be there.
    pub old: EncodedPassword,
    /// The hash to store.
    pub new: EncodedPassword,
    /// The names that the user has from now on; `None` where they stay.
    pub names: Option<TypedNames>,
}
