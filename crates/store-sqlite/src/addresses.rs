//! Addresses, on SQLite.

pub(crate) mod statements;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, Claiming,
    ProofByHand, RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::link::{LinkRequest, LinkTarget, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{AddressStore, StoreError, StoreErrorKind, UniqueName};
use phone_auth_core::user::{User, UserId};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use self::statements::{OF_USER, insert, statements};
use crate::address_changes;
use crate::address_changes::statements::NEXT_EMAIL;
use crate::claims;
use crate::failure::Failure;
use crate::holders;
use crate::links;
use crate::outbox;
use crate::replacements;
use crate::rows::{self, USER_COLUMNS};
use crate::spellings::Texts;
use crate::store::SqliteStore;
use crate::verification;

#[async_trait]
impl AddressStore for SqliteStore {
    async fn add_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        let (address, notices) = (address.clone(), notices.clone());
        self.write(move |connection| {
            let added = add(connection, user, &address, caps, Claiming::Unproven)?;
            outbox::enqueue_notices(connection, user, &notices)?;
            Ok(added)
        })
        .await
    }

    async fn claim_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        let (address, notices) = (address.clone(), notices.clone());
        self.write(move |connection| {
            let claimed = add(connection, user, &address, caps, Claiming::Always)?;
            outbox::enqueue_notices(connection, user, &notices)?;
            Ok(claimed)
        })
        .await
    }

    async fn addresses_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        self.read(|connection| {
            rows::all(connection, OF_USER, (user.get(), limit), |row| {
                let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
                rows::address(row, kind, 0)
            })
        })
    }

    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, User)>, StoreError> {
        let query = if id.is_claim() {
            claims::statements(kind).with_user
        } else {
            statements(kind).with_user
        };
        self.read(|connection| {
            rows::first(connection, query, [id.get()], |row| {
                Ok((
                    rows::address(row, kind, USER_COLUMNS)?,
                    rows::user(row, self.zone())?,
                ))
            })
        })
    }

    async fn holders_of(
        &self,
        address: &Address,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, User)>, StoreError> {
        self.read(|connection| holders::of(connection, self.zone(), address, limit))
    }

    async fn oldest_proof(&self, user: UserId) -> Result<Option<AddressKind>, StoreError> {
        self.read(|connection| holders::oldest_proof(connection, user))
    }

    async fn verified_addresses_of(
        &self,
        users: &[UserId],
        limit: u32,
    ) -> Result<Vec<(AddressRecord, bool)>, StoreError> {
        let (mut users, mut addresses) = (users.to_vec(), Vec::new());
        users.sort_unstable();
        for user in users {
            let of_user = self.read(|connection| holders::verified_of(connection, user, limit))?;
            addresses.extend(of_user);
        }
        Ok(addresses)
    }

    async fn request_link(&self, request: &LinkRequest) -> Result<DateTime<Utc>, StoreError> {
        let request = *request;
        self.write(move |connection| links::request(connection, &request))
            .await
    }

    async fn link_target(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<LinkTarget>, StoreError> {
        let query = if id.is_claim() {
            claims::statements(kind).target
        } else {
            statements(kind).target
        };
        self.read(|connection| {
            rows::first(connection, query, (id.get(), purpose.as_str()), |row| {
                Ok(LinkTarget {
                    address: rows::address(row, kind, USER_COLUMNS)?,
                    user: rows::user(row, self.zone())?,
                    newest: links::time(row, USER_COLUMNS + 4)?,
                    code_at: links::time(row, USER_COLUMNS + 5)?,
                    in_session: row.get(USER_COLUMNS + 6)?,
                })
            })
        })
    }

    async fn link_requests_of(
        &self,
        purpose: Purpose,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, Option<DateTime<Utc>>)>, StoreError> {
        let asked = (user.get(), limit, purpose.as_str());
        self.read(|connection| {
            rows::all(connection, links::OF_USER, asked, |row| {
                let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
                Ok((rows::address(row, kind, 0)?, links::time(row, 5)?))
            })
        })
    }

    async fn end_link(
        &self,
        purpose: Purpose,
        user: UserId,
        link: &OpenedLink,
    ) -> Result<bool, StoreError> {
        let link = link.clone();
        self.write(move |connection| {
            let newest = link.newest.map(links::micros);
            let opened = params![
                link.address.get(),
                user.get(),
                link.value,
                newest,
                purpose.as_str()
            ];
            let ended = rows::change(connection, statements(link.kind).end_link, opened)? > 0;
            if ended {
                for end in links::END_ALL {
                    rows::change(connection, end, (user.get(), purpose.as_str(), None::<i64>))?;
                }
            }
            Ok(ended)
        })
        .await
    }

    async fn restore_link(&self, purpose: Purpose, target: &LinkTarget) -> Result<(), StoreError> {
        let Some(newest) = target.newest else {
            return Ok(());
        };
        let (kind, id, code_at) = (target.address.kind, target.address.id, target.code_at);
        self.write(move |connection| {
            let row = params![
                kind.as_str(),
                purpose.as_str(),
                id.get(),
                links::micros(newest),
                code_at.map(links::micros)
            ];
            rows::change(connection, links::RESTORE, row)?;
            Ok(())
        })
        .await
    }

    async fn free_address(
        &self,
        user: UserId,
        link: &OpenedLink,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        let (link, notices) = (link.clone(), notices.clone());
        self.write(move |connection| {
            let is_freed = free(connection, user, &link)?;
            if is_freed {
                outbox::enqueue_notices(connection, user, &notices)?;
            }
            Ok(is_freed)
        })
        .await
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        let claim = claim.clone();
        self.write(move |connection| {
            if claim.id.is_claim() {
                claims::verify(connection, &claim)
            } else {
                verification::verify(connection, &claim)
            }
        })
        .await
    }

    async fn remove_address(&self, removal: &AddressRemoval) -> Result<RemovalOutcome, StoreError> {
        let removal = removal.clone();
        self.write(move |connection| address_changes::remove(connection, &removal))
            .await
    }

    async fn make_primary(
        &self,
        user: UserId,
        email: AddressId,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        let notices = notices.clone();
        self.write(move |connection| {
            address_changes::make_primary(connection, user, email, &notices)
        })
        .await
    }

    async fn set_verified(&self, proof: &ProofByHand) -> Result<bool, StoreError> {
        let proof = proof.clone();
        self.write(move |connection| address_changes::set_verified(connection, &proof))
            .await
    }
}

/// Stores an address that is free, or claims it, if the user may have one more.
fn add(
    connection: &Connection,
    user: UserId,
    address: &Address,
    caps: AddressCaps,
    claiming: Claiming,
) -> Result<AddressRecord, Failure> {
    let (kind, value) = (address.kind(), address.as_str());
    let texts = match address {
        Address::Email(email) => Texts::of_email(email),
        Address::Phone(phone) => Texts::of_phone(phone),
    };
    let (id, limit) = (user.get(), i64::from(caps.all));
    let mut statement = connection.prepare_cached(statements(kind).may_add)?;
    let given = texts
        .iter()
        .map(|text| text.map_or(Value::Null, |text| text.to_owned().into()));
    let given = params_from_iter(given.chain([id.into(), limit.into(), value.to_owned().into()]));
    let (is_taken, has_user, all, unverified): (bool, bool, u32, u32) = statement
        .query_row(given, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?;
    // Django's foreign keys are checked at COMMIT, which would be too late: others share it.
    if !has_user {
        return Err(StoreErrorKind::NoSuchUser.into());
    }
    if all >= caps.all {
        return Err(StoreErrorKind::TooManyAddresses.into());
    }
    if unverified >= caps.unverified {
        return Err(StoreErrorKind::TooManyUnverified.into());
    }
    let id = match claiming {
        Claiming::Always => claims::add_any(connection, user, address)?,
        Claiming::Unproven if is_taken => claims::add(connection, user, address)?,
        Claiming::Never if is_taken => None,
        Claiming::Unproven | Claiming::Never => Some(insert(connection, kind, user, value)?),
    };
    let Some(id) = id else {
        let name = match kind {
            AddressKind::Email => UniqueName::Email,
            AddressKind::Phone => UniqueName::Phone,
        };
        return Err(StoreErrorKind::Taken(name).into());
    };
    replacements::keep_with(connection, (user, kind, id), caps)?;
    Ok(AddressRecord {
        id,
        kind,
        value: value.to_owned(),
        user,
        is_verified: false,
    })
}

/// Removes an address that is not proven, if the link that was opened is still the newest.
fn free(connection: &Connection, user: UserId, link: &OpenedLink) -> Result<bool, Failure> {
    let newest = link.newest.map(links::micros);
    let opened = params![link.address.get(), user.get(), link.value, newest];
    if rows::change(connection, statements(link.kind).free, opened)? == 0 {
        return Ok(false);
    }
    let gone = params![user.get(), link.value];
    rows::change(connection, NEXT_EMAIL, gone)?;
    claims::end_of(connection, user, link.kind, &link.value)?;
    Ok(true)
}
