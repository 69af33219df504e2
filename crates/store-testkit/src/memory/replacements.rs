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

    async fn kept_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<Replacement>, StoreError> {
        self.read(|state| {
            let kept = state.replacements.get(&(user, kind)).copied();
            kept.filter(|it| it.asked_at >= asked_since)
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

    async fn proven_replacements(
        &self,
        asked_since: DateTime<Utc>,
        after: Option<(UserId, AddressKind)>,
        limit: u32,
    ) -> Result<Vec<(UserId, AddressKind, Replacement)>, StoreError> {
        self.read(|state| {
            let kept = state
                .replacements
                .iter()
                .filter(|((user, kind), it)| {
                    let new = state.address(*kind, it.new);
                    let is_proven = new.is_some_and(|new| new.user == *user && new.is_verified);
                    it.asked_at >= asked_since && is_proven
                })
                .map(|((user, kind), it)| (*user, *kind, *it));
            let mut proven: Vec<_> = kept.collect();
            proven.sort_by_key(|(user, kind, _)| (*user, kind.as_str()));
            let after = after.map(|(user, kind)| (user, kind.as_str()));
            proven.retain(|(user, kind, _)| Some((*user, kind.as_str())) > after);
            proven.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            proven
        })
        .await
    }

    async fn end_old_replacements(
        &self,
        asked_before: DateTime<Utc>,
        _now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.write(|state| {
            let before = state.replacements.len();
            state
                .replacements
                .retain(|_, it| it.asked_at >= asked_before);
            Ok((before - state.replacements.len()) as u64)
        })
        .await
    }
}
