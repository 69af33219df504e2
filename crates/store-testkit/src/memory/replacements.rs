//! Addresses that are to take the place of others, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError};
use phone_auth_core::user::UserId;

use super::MemoryStore;

#[async_trait]
impl ReplacementStore for MemoryStore {
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        replacement: Replacement,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_there = state.users.contains_key(&user);
            if is_there {
                state.replacements.insert((user, kind), replacement);
            }
            Ok(is_there)
        })
        .await
    }

    async fn replaced_address(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<AddressId>, StoreError> {
        self.read(|state| {
            let kept = state.replacements.get(&(user, kind));
            let kept = kept.filter(|it| it.new == new && it.asked_at >= asked_since);
            kept.map(|it| it.old)
        })
        .await
    }

    async fn end_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_it = |it: &Replacement| it.new == new;
            let is_kept = state.replacements.get(&(user, kind)).is_some_and(is_it);
            if is_kept {
                state.replacements.remove(&(user, kind));
            }
            Ok(is_kept)
        })
        .await
    }
}
