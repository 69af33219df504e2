//! Addresses, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::address::{
    Address, AddressId, AddressKind, AddressRecord, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::person::{Person, PersonId};
use phone_auth_core::store::{AddressStore, StoreError, StoreErrorKind, UniqueName};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::locks;
use crate::people;
use crate::rows::{self, PERSON_COLUMNS, person_columns, sought};
use crate::store::PostgresStore;

/// The statements about one of the two tables, which differ by two names only.
pub(crate) struct Statements {
    /// Stores an address if nobody has it. Runs while the address is locked.
    pub(crate) add: &'static str,
    pub(crate) with_person: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) is_verified: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $is_taken:literal) => {
        Statements {
            add: concat!(
                "WITH looked AS (
                    SELECT EXISTS (SELECT 1 FROM auth_user WHERE id = $2) AS has_person, ",
                $is_taken,
                " AS is_taken
                ), added AS (
                    INSERT INTO ",
                $table,
                " (",
                $column,
                ", is_verified, user_id)
                    SELECT $1, false, $2 FROM looked WHERE has_person AND NOT is_taken
                    RETURNING id, ",
                $column,
                " AS value, is_verified, user_id
                )
                SELECT has_person, is_taken,
                    added.id::int8, added.value::text, added.is_verified, added.user_id::int8
                FROM looked LEFT JOIN added ON true"
            ),
            with_person: concat!(
                "SELECT ",
                person_columns!(),
                ", a.id::int8, a.",
                $column,
                "::text, a.is_verified, a.user_id::int8
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id WHERE a.id = $1"
            ),
            verify: concat!(
                "WITH verified AS (
                    UPDATE ",
                $table,
                " SET is_verified = true
                    WHERE id = $1 AND user_id = $2 AND ",
                $column,
                " = $3 AND is_verified IS NOT TRUE
                        AND NOT EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = $1 AND verified_at >= $4)
                    RETURNING id
                )
                INSERT INTO ",
                $verified,
                " (address_id, verified_at) SELECT id, $5 FROM verified
                ON CONFLICT (address_id) DO UPDATE SET verified_at = excluded.verified_at
                RETURNING 1"
            ),
            is_verified: concat!(
                "SELECT 1 FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2 AND ",
                $column,
                " = $3 AND is_verified"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "(EXISTS (SELECT 1 FROM phone_auth_emailaddress
            WHERE lower(email COLLATE \"C\") = lower($1 COLLATE \"C\"))
        OR EXISTS (SELECT 1 FROM auth_user
            WHERE lower(email COLLATE \"C\") = lower($1 COLLATE \"C\") AND id <> $2)
        OR EXISTS (SELECT 1 FROM auth_user
            WHERE lower(username COLLATE \"C\") = lower($1 COLLATE \"C\") AND id <> $2))"
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone = $1)"
);

pub(crate) const OF_PERSON: &str = "
    SELECT id::int8, email::text, is_verified, user_id::int8, 'email' AS kind
        FROM phone_auth_emailaddress WHERE user_id = $1
    UNION ALL
    SELECT id::int8, phone::text, is_verified, user_id::int8, 'phone'
        FROM phone_auth_phonenumber WHERE user_id = $1
    ORDER BY kind, id";

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

#[async_trait]
impl AddressStore for PostgresStore {
    async fn add_address(
        &self,
        person: PersonId,
        address: &Address,
    ) -> Result<AddressRecord, StoreError> {
        let kind = address.kind();
        let add = query(statements(kind).add)
            .bind(address.as_str())
            .bind(person.get());
        let lock = locks::of_names([address.as_str()]);
        let _pass = self.at(&people::lock(person)).await?;
        let row = self.first_locked(&lock, add).await?;
        Ok(added(row.as_ref(), kind)?)
    }

    async fn addresses_of(&self, person: PersonId) -> Result<Vec<AddressRecord>, StoreError> {
        let rows = self.run(query(OF_PERSON).bind(person.get())).await?;
        let addresses = rows.iter().map(|row| {
            let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
            rows::address(row, kind, 0)
        });
        Ok(addresses.collect::<Result<_, Failure>>()?)
    }

    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, Person)>, StoreError> {
        let look = query(statements(kind).with_person).bind(id.get());
        let Some(row) = self.first(look).await? else {
            return Ok(None);
        };
        let address = rows::address(&row, kind, PERSON_COLUMNS)?;
        Ok(Some((address, rows::person(&row, 0)?)))
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        let Some(value) = sought(&claim.value) else {
            return Ok(VerificationOutcome::Gone);
        };
        let claimed = |statement| {
            query(statement)
                .bind(claim.id.get())
                .bind(claim.person.get())
                .bind(value)
        };
        let statements = statements(claim.kind);
        let verify = claimed(statements.verify)
            .bind(rows::micros(claim.issued_at))
            .bind(rows::micros(claim.at));
        let _pass = self.at(&people::lock(claim.person)).await?;
        if self.first(verify).await?.is_some() {
            return Ok(VerificationOutcome::Verified);
        }
        // Asked by a statement of its own: it must see what the update may have waited for.
        let is_verified = self.first(claimed(statements.is_verified)).await?;
        Ok(match is_verified {
            Some(_) => VerificationOutcome::AlreadyVerified,
            None => VerificationOutcome::Gone,
        })
    }
}

/// The address that was stored, or what kept it from that.
fn added(row: Option<&PgRow>, kind: AddressKind) -> Result<AddressRecord, Failure> {
    let row = row.ok_or(StoreErrorKind::Broken)?;
    let (has_person, is_taken): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if !has_person {
        return Err(StoreErrorKind::Broken.into());
    }
    if is_taken {
        let name = match kind {
            AddressKind::Email => UniqueName::Email,
            AddressKind::Phone => UniqueName::Phone,
        };
        return Err(StoreErrorKind::Taken(name).into());
    }
    rows::address(row, kind, 2)
}
