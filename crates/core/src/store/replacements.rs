//! Addresses in a store that are to take the place of others.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::address::{AddressId, AddressKind};
use crate::user::UserId;

/// Keeps which address of a user is to take the place of which, once it is proven: of each kind the newest. What is kept goes
/// with the user, and with [another password](super::UserStore::replace_password), unless a link to the address that is to come
/// has set it.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait ReplacementStore: Send + Sync {
    /// Keeps that one address is to take the place of another, in place of what was kept of this user and kind. Whether they are
    /// the user's, or there, is not looked at. `false` when there is no such user.
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        replacement: Replacement,
    ) -> Result<bool, StoreError>;

    /// In the place of which address this one is to come; none when it is to stand beside the others, or that was asked for
    /// before this time. What is kept of a server of a version before, which notes no time, is never too old.
    async fn replaced_address(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<AddressId>, StoreError>;

    /// What is kept of this user and kind, and was not asked for before this time.
    async fn kept_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<Replacement>, StoreError>;

    /// Forgets it, once it is done; `false` when it was not kept.
    async fn end_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
    ) -> Result<bool, StoreError>;

    /// At most `limit` of those whose new address the user has proven, or whose claim has become an address, and that were not
    /// asked for before this time: what is done, and was not finished. In the order of users and kinds, after these.
    async fn proven_replacements(
        &self,
        asked_since: DateTime<Utc>,
        after: Option<(UserId, AddressKind)>,
        limit: u32,
    ) -> Result<Vec<(UserId, AddressKind, Replacement)>, StoreError>;

    /// Forgets all that were asked for before this time; how many they were. What has no time, of a server of the version before,
    /// is given this one.
    async fn end_old_replacements(
        &self,
        asked_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
}

/// An address that is to take the place of another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Replacement {
    /// The one that is to go.
    pub old: AddressId,
    /// The one that is to come: the address or the claim that was added.
    pub new: AddressId,
    /// When that was asked for.
    pub asked_at: DateTime<Utc>,
}
