//! Which secret key the database belongs to, on SQLite.

use async_trait::async_trait;
use phone_auth_core::store::{
    KeyRecord, PublicSite, SiteKeyStore, SiteOrigin, StoreError, StoreErrorKind,
};

use crate::rows;
use crate::store::SqliteStore;

pub(crate) const RECORD: &str = "SELECT fingerprints FROM phone_auth_site_key WHERE id = 1";

pub(crate) const BEGIN: &str =
    "INSERT INTO phone_auth_site_key (id, fingerprints) VALUES (1, ?1) ON CONFLICT DO NOTHING";

pub(crate) const REPLACE: &str =
    "UPDATE phone_auth_site_key SET fingerprints = ?1 WHERE id = 1 AND fingerprints = ?2";

pub(crate) const PUBLIC_SITE: &str =
    "SELECT origin, mount FROM phone_auth_site_key WHERE id = 1 AND origin IS NOT NULL";

pub(crate) const NOTE_PUBLIC_SITE: &str = "UPDATE phone_auth_site_key SET origin = ?1, mount = ?2
    WHERE id = 1 AND (origin IS NOT ?1 OR mount IS NOT ?2)";

#[async_trait]
impl SiteKeyStore for SqliteStore {
    async fn key_record(&self) -> Result<Option<KeyRecord>, StoreError> {
        self.read(|connection| {
            rows::first(connection, RECORD, [], |row| {
                let record = KeyRecord::from_text(&rows::text(row, 0)?);
                record.ok_or_else(|| StoreErrorKind::Broken.into())
            })
        })
    }

    async fn replace_key_record(
        &self,
        old: Option<&KeyRecord>,
        new: &KeyRecord,
    ) -> Result<bool, StoreError> {
        let (old, new) = (old.map(KeyRecord::to_text), new.to_text());
        self.write(move |connection| {
            let changed = match &old {
                None => rows::change(connection, BEGIN, [&new])?,
                Some(old) => rows::change(connection, REPLACE, [&new, old])?,
            };
            Ok(changed > 0)
        })
        .await
    }

    async fn public_site(&self) -> Result<Option<PublicSite>, StoreError> {
        self.read(|connection| {
            rows::first(connection, PUBLIC_SITE, [], |row| {
                let origin = SiteOrigin::parse(&rows::text(row, 0)?);
                let origin = origin.map_err(|_| StoreErrorKind::Broken)?;
                Ok(PublicSite::from_stored(origin, row.get(1)?))
            })
        })
    }

    async fn note_public_site(&self, site: &PublicSite) -> Result<(), StoreError> {
        let origin = site.origin().as_str().to_owned();
        let mount = site.mount().map(str::to_owned);
        self.write(move |connection| {
            rows::change(connection, NOTE_PUBLIC_SITE, (&origin, &mount)).map(drop)
        })
        .await
    }
}
