//! Which secret key the database belongs to, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::store::{
    KeyRecord, PublicSite, SiteKeyStore, SiteOrigin, StoreError, StoreErrorKind,
};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::store::PostgresStore;

pub(crate) const RECORD: &str = "SELECT fingerprints FROM phone_auth_site_key WHERE id = 1";

pub(crate) const BEGIN: &str = "INSERT INTO phone_auth_site_key (id, fingerprints) VALUES (1, $1)
    ON CONFLICT (id) DO NOTHING RETURNING 1";

pub(crate) const REPLACE: &str = "UPDATE phone_auth_site_key SET fingerprints = $1
    WHERE id = 1 AND fingerprints = $2 RETURNING 1";

pub(crate) const PUBLIC_SITE: &str =
    "SELECT origin, mount FROM phone_auth_site_key WHERE id = 1 AND origin IS NOT NULL";

pub(crate) const NOTE_PUBLIC_SITE: &str = "UPDATE phone_auth_site_key SET origin = $1, mount = $2
    WHERE id = 1 AND (origin IS DISTINCT FROM $1 OR mount IS DISTINCT FROM $2) RETURNING 1";

#[async_trait]
impl SiteKeyStore for PostgresStore {
    async fn key_record(&self) -> Result<Option<KeyRecord>, StoreError> {
        let Some(row) = self.first(query(RECORD)).await? else {
            return Ok(None);
        };
        let text: &str = row.try_get(0).map_err(Failure::from)?;
        let record = KeyRecord::from_text(text);
        Ok(Some(
            record
                .ok_or(StoreErrorKind::Broken)
                .map_err(Failure::from)?,
        ))
    }

    async fn replace_key_record(
        &self,
        old: Option<&KeyRecord>,
        new: &KeyRecord,
    ) -> Result<bool, StoreError> {
        let new = new.to_text();
        let replace = match old {
            None => query(BEGIN).bind(new),
            Some(old) => query(REPLACE).bind(new).bind(old.to_text()),
        };
        Ok(self.first(replace).await?.is_some())
    }

    async fn public_site(&self) -> Result<Option<PublicSite>, StoreError> {
        let Some(row) = self.first(query(PUBLIC_SITE)).await? else {
            return Ok(None);
        };
        let text: &str = row.try_get(0).map_err(Failure::from)?;
        let origin = SiteOrigin::parse(text).map_err(|_| StoreErrorKind::Broken);
        let mount = row.try_get(1).map_err(Failure::from)?;
        let site = PublicSite::from_stored(origin.map_err(Failure::from)?, mount);
        Ok(Some(site))
    }

    async fn note_public_site(&self, site: &PublicSite) -> Result<(), StoreError> {
        let note = query(NOTE_PUBLIC_SITE)
            .bind(site.origin().as_str())
            .bind(site.mount());
        self.first(note).await?;
        Ok(())
    }
}
