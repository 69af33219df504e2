//! Addresses, on SQLite.

use async_trait::async_trait;
use phone_auth_core::address::{
    Address, AddressId, AddressKind, AddressRecord, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::person::{Person, PersonId};
use phone_auth_core::store::{AddressStore, StoreError, StoreErrorKind, UniqueName};
use rusqlite::{Connection, params};

use crate::failure::Failure;
use crate::rows::{self, PERSON_COLUMNS, person_columns};
use crate::store::SqliteStore;

/// The statements about one of the two tables, which differ by two names only.
pub(crate) struct Statements {
    insert: &'static str,
    pub(crate) is_taken: &'static str,
    pub(crate) with_person: &'static str,
    pub(crate) verify: &'static str,
    pub(crate) keep_when: &'static str,
    pub(crate) is_verified: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $is_taken:expr) => {
        Statements {
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (",
                $column,
                ", is_verified, user_id) VALUES (?1, 0, ?2)"
            ),
            is_taken: $is_taken,
            with_person: concat!(
                "SELECT ",
                person_columns!(),
                ", a.id, a.",
                $column,
                ", a.is_verified IS TRUE, a.user_id
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id WHERE a.id = ?1"
            ),
            verify: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = 1
                WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified IS NOT TRUE
                    AND NOT EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = ?1 AND verified_at >= ?4)"
            ),
            keep_when: concat!(
                "INSERT INTO ",
                $verified,
                " (address_id, verified_at) VALUES (?1, ?2)
                ON CONFLICT (address_id) DO UPDATE SET verified_at = excluded.verified_at"
            ),
            is_verified: concat!(
                "SELECT 1 FROM ",
                $table,
                " WHERE id = ?1 AND user_id = ?2 AND ",
                $column,
                " = ?3 AND is_verified"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "SELECT EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE lower(email) = lower(?1))
        OR EXISTS (SELECT 1 FROM auth_user WHERE lower(email) = lower(?1) AND id <> ?2)
        OR EXISTS (SELECT 1 FROM auth_user WHERE lower(username) = lower(?1) AND id <> ?2),
        EXISTS (SELECT 1 FROM auth_user WHERE id = ?2)"
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "SELECT EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE phone = ?1),
        EXISTS (SELECT 1 FROM auth_user WHERE id = ?2)"
);

pub(crate) const OF_PERSON: &str = "
    SELECT id, email, is_verified IS TRUE, user_id, 'email' AS kind
        FROM phone_auth_emailaddress WHERE user_id = ?1
    UNION ALL
    SELECT id, phone, is_verified IS TRUE, user_id, 'phone'
        FROM phone_auth_phonenumber WHERE user_id = ?1
    ORDER BY kind, id";

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

#[async_trait]
impl AddressStore for SqliteStore {
    async fn add_address(
        &self,
        person: PersonId,
        address: &Address,
    ) -> Result<AddressRecord, StoreError> {
        let address = address.clone();
        self.write(move |connection| add(connection, person, &address))
            .await
    }

    async fn addresses_of(&self, person: PersonId) -> Result<Vec<AddressRecord>, StoreError> {
        self.read(|connection| {
            rows::all(connection, OF_PERSON, [person.get()], |row| {
                let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
                rows::address(row, kind, 0)
            })
        })
    }

    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, Person)>, StoreError> {
        let query = statements(kind).with_person;
        self.read(|connection| {
            rows::first(connection, query, [id.get()], |row| {
                Ok((
                    rows::address(row, kind, PERSON_COLUMNS)?,
                    rows::person(row, self.zone())?,
                ))
            })
        })
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        let claim = claim.clone();
        self.write(move |connection| verify(connection, &claim))
            .await
    }
}

/// Stores an unverified address; its number.
pub(crate) fn insert(
    connection: &Connection,
    kind: AddressKind,
    person: PersonId,
    value: &str,
) -> Result<AddressId, Failure> {
    rows::change(connection, statements(kind).insert, (value, person.get()))?;
    Ok(AddressId::new(connection.last_insert_rowid()))
}

/// Stores an address that nobody has.
fn add(
    connection: &Connection,
    person: PersonId,
    address: &Address,
) -> Result<AddressRecord, Failure> {
    let (kind, value) = (address.kind(), address.as_str());
    let (is_taken, has_person): (bool, bool) = rows::only(
        connection,
        statements(kind).is_taken,
        (value, person.get()),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    // Django's foreign keys are checked at COMMIT, which would be too late: others share it.
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
    Ok(AddressRecord {
        id: insert(connection, kind, person, value)?,
        kind,
        value: value.to_owned(),
        person,
        is_verified: false,
    })
}

/// Marks an address as verified, if all that is claimed is so.
fn verify(
    connection: &Connection,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, Failure> {
    let statements = statements(claim.kind);
    let (id, person) = (claim.id.get(), claim.person.get());
    let unused = params![id, person, claim.value, rows::time_text(claim.issued_at)?];
    if rows::change(connection, statements.verify, unused)? > 0 {
        let when = (id, rows::time_text(claim.at)?);
        rows::change(connection, statements.keep_when, when)?;
        return Ok(VerificationOutcome::Verified);
    }
    let claimed = (id, person, &claim.value);
    let is_verified = rows::first(connection, statements.is_verified, claimed, |_| Ok(()))?;
    Ok(match is_verified {
        Some(()) => VerificationOutcome::AlreadyVerified,
        None => VerificationOutcome::Gone,
    })
}
