//! Which secret key the store belongs to, in memory.

use async_trait::async_trait;
use phone_auth_core::store::{KeyRecord, PublicSite, SiteKeyStore, StoreError};

use super::MemoryStore;

#[async_trait]
impl SiteKeyStore for MemoryStore {
    async fn key_record(&self) -> Result<Option<KeyRecord>, StoreError> {
        self.read(|state| state.key_record.clone()).await
    }

    async fn replace_key_record(
        &self,
        old: Option<&KeyRecord>,
        new: &KeyRecord,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_kept = state.key_record.as_ref() == old;
            if is_kept {
                state.key_record = Some(new.clone());
            }
            Ok(is_kept)
        })
        .await
    }

    async fn public_site(&self) -> Result<Option<PublicSite>, StoreError> {
        self.read(|state| state.public_site.clone()).await
    }

    async fn note_public_site(&self, site: &PublicSite) -> Result<(), StoreError> {
        self.write(|state| {
            if state.key_record.is_some() {
                state.public_site = Some(site.clone());
            }
            Ok(())
        })
        .await
    }
}
