//! Addresses, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, ProofByHand,
    RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::link::{LinkRequest, LinkTarget, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{AddressStore, StoreError, StoreErrorKind};
use phone_auth_core::user::{User, UserId};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::replacements::replaces;
use crate::rows::{self, USER_COLUMNS, past, sought, user_columns};
use crate::spellings::Texts;
use crate::store::PostgresStore;
use crate::taken::{is_email_taken, is_phone_taken};
use crate::{address_changes, claim_proofs, claims, links, proofs, users, verification};

/// The statements about one of the two tables, which differ by two names only.
pub(crate) struct Statements {
    /// Stores an address if no one has it. Runs while the address is locked.
    pub(crate) add: &'static str,
    pub(crate) with_user: &'static str,
    /// Ends a link to it that was opened.
    pub(crate) end_link: &'static str,
    /// Removes it while it is not verified and another of the user is.
    pub(crate) free: &'static str,
    /// The address, its user, and the newest request for a link.
    pub(crate) target: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $kind:literal, $is_taken:expr, $is_kept:expr, $notices:literal, $replaces:expr) => {
        Statements {
            add: concat!(
                "WITH looked AS (
                    SELECT EXISTS (SELECT 1 FROM auth_user WHERE id = $2) AS has_user, EXISTS (
                        SELECT 1 FROM phone_auth_claim WHERE user_id = $2 AND kind = '",
                $kind,
                "' AND value = $1 AND NOT is_proven) OR ",
                $is_taken,
                " AS is_taken, ",
                $is_kept,
                " AS is_kept, (",
                claims::has!(),
                ") AS has
                ), added AS (
                    INSERT INTO ",
                $table,
                " (",
                $column,
                ", is_verified, user_id)
                    SELECT $1, false, $2 FROM looked WHERE has_user AND NOT is_taken AND has[1] < $3 AND has[2] < $4
                    RETURNING id, ",
                $column,
                "::text AS value, is_verified, user_id
                ), claimed AS (
                    INSERT INTO phone_auth_claim AS c (user_id, kind, value)
                    SELECT $2, '",
                $kind,
                "', $1 FROM looked WHERE has_user AND is_taken AND NOT is_kept AND has[1] < $3 AND has[2] < $4
                    ON CONFLICT (user_id, kind, value) DO UPDATE SET is_proven = false WHERE c.is_proven
                    RETURNING id, value, is_proven, user_id
                ), given AS (SELECT * FROM added UNION ALL SELECT * FROM claimed
                ), noticed AS (",
                enqueue_notices!("given", "user_id", $notices),
                "), replaced AS (",
                $replaces,
                ")
                SELECT has_user, is_taken AND NOT EXISTS (SELECT 1 FROM claimed), has[1] >= $3, has[2] >= $4,
                    given.id::int8, given.value, given.is_verified, given.user_id::int8
                FROM looked LEFT JOIN given ON true"
            ),
            with_user: concat!(
                "SELECT ",
                user_columns!(),
                ", a.id::int8, a.",
                $column,
                "::text, a.is_verified, a.user_id::int8
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id WHERE a.id = $1"
            ),
            target: concat!(
                "SELECT ",
                user_columns!(),
                ", a.id::int8, a.",
                $column,
                "::text, a.is_verified, a.user_id::int8, ",
                past!("r.requested_at"),
                ", ",
                past!("r.code_at"),
                ", EXISTS (SELECT 1 FROM ",
                $verified,
                " WHERE address_id = a.id AND in_session)
                FROM ",
                $table,
                " a JOIN auth_user u ON u.id = a.user_id
                LEFT JOIN phone_auth_link_request r ON r.kind = '",
                $kind,
                "' AND r.purpose = $2 AND r.holder = a.id
                WHERE a.id = $1"
            ),
            end_link: links::end!($kind, $table, $column),
            free: concat!(
                "WITH freed AS (
                    DELETE FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2 AND ",
                $column,
                " = $3::text AND is_verified IS NOT TRUE
                        AND (SELECT requested_at FROM phone_auth_link_request
                            WHERE kind = '",
                $kind,
                "' AND purpose = 'reset_password' AND holder = $1) IS NOT DISTINCT FROM $4
                        AND (EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = $2 AND is_verified)
                            OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = $2 AND is_verified))
                    RETURNING user_id
                ), own_row AS (
                    UPDATE auth_user SET email = coalesce((
                        SELECT email FROM phone_auth_emailaddress
                        WHERE user_id = $2 AND is_verified ORDER BY id LIMIT 1), '')
                    WHERE id IN (SELECT user_id FROM freed)
                        AND lower(email COLLATE \"C\") = lower($3::text COLLATE \"C\")
                ), ended AS (
                    DELETE FROM phone_auth_claim c USING freed
                    WHERE c.user_id = freed.user_id AND c.kind = '",
                $kind,
                "' AND c.value = lower($3::text COLLATE \"C\")
                ), noticed AS (",
                enqueue_notices!("freed", "user_id", "$5"),
                ")
                SELECT 1 FROM freed"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "email",
    is_email_taken!("$5", " AND id <> $2"),
    claims::is_email_kept!("$5"),
    "$6",
    replaces!("given", "email", "$7", "$8")
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "phone",
    is_phone_taken!("$5", "$6", " AND id <> $2"),
    claims::is_phone_kept!("$5", "$6"),
    "$7",
    replaces!("given", "phone", "$8", "$9")
);

/// So many of each kind at most, whichever come first; all, in order, where there are no more.
pub(crate) const OF_USER: &str = "
    SELECT a.id::int8, a.value::text, a.is_verified, a.user_id::int8, a.kind
    FROM (
        (SELECT id, email AS value, is_verified, user_id, 'email' AS kind
            FROM phone_auth_emailaddress WHERE user_id = $1
        UNION ALL
        SELECT id, value, false, user_id, kind
            FROM phone_auth_claim WHERE user_id = $1 AND kind = 'email' AND NOT is_proven LIMIT $2)
        UNION ALL
        (SELECT id, phone, is_verified, user_id, 'phone'
            FROM phone_auth_phonenumber WHERE user_id = $1
        UNION ALL
        SELECT id, value, false, user_id, kind
            FROM phone_auth_claim WHERE user_id = $1 AND kind = 'phone' AND NOT is_proven LIMIT $2)
    ) a ORDER BY a.kind, a.id";

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// The statement that reads an address or a claim with its user.
const fn with_user(kind: AddressKind, id: AddressId) -> &'static str {
    if id.is_claim() {
        claims::statements(kind).with_user
    } else {
        statements(kind).with_user
    }
}

/// The same, with the newest request for a link.
const fn target(kind: AddressKind, id: AddressId) -> &'static str {
    if id.is_claim() {
        claims::statements(kind).target
    } else {
        statements(kind).target
    }
}

#[async_trait]
impl AddressStore for PostgresStore {
    async fn add_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        claims::add(
            self,
            statements(address.kind()).add,
            (user, address, caps),
            notices,
        )
        .await
    }

    async fn claim_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        let claim = claims::statements(address.kind()).add;
        claims::add(self, claim, (user, address, caps), notices).await
    }

    async fn addresses_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        let look = query(OF_USER).bind(user.get()).bind(i64::from(limit));
        let rows = self.run(look).await?;
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
    ) -> Result<Option<(AddressRecord, User)>, StoreError> {
        let look = query(with_user(kind, id)).bind(id.get());
        let Some(row) = self.first(look).await? else {
            return Ok(None);
        };
        let address = rows::address(&row, kind, USER_COLUMNS)?;
        Ok(Some((address, rows::user(&row, 0)?)))
    }

    async fn holders_of(
        &self,
        address: &Address,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, User)>, StoreError> {
        let kind = address.kind();
        let texts = Texts::of(address);
        let claimed = Texts::of_stored(kind, address.as_str());
        let look = query(claims::statements(kind).holders)
            .bind(texts.texts)
            .bind(claimed.texts)
            .bind(i64::from(limit));
        let look = match kind {
            AddressKind::Email => look,
            AddressKind::Phone => look.bind(texts.digits),
        };
        let rows = self.run(look).await?;
        let holders = rows.iter().map(|row| {
            let address = rows::address(row, kind, USER_COLUMNS)?;
            Ok((address, rows::user(row, 0)?))
        });
        Ok(holders.collect::<Result<_, Failure>>()?)
    }

    async fn oldest_proof(&self, user: UserId) -> Result<Option<AddressKind>, StoreError> {
        let row = self
            .first(query(proofs::OLDEST_PROOF).bind(user.get()))
            .await?;
        let kind = row.map(|row| rows::kind(&row, 0)).transpose()?;
        Ok(kind.flatten())
    }

    async fn verified_addresses_of(
        &self,
        users: &[UserId],
        limit: u32,
    ) -> Result<Vec<(AddressRecord, bool)>, StoreError> {
        let users: Vec<i64> = users.iter().map(|user| user.get()).collect();
        let look = query(proofs::VERIFIED_OF)
            .bind(users)
            .bind(i64::from(limit));
        let rows = self.run(look).await?;
        let addresses = rows.iter().map(|row| {
            let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
            Ok((rows::address(row, kind, 0)?, row.try_get(5)?))
        });
        Ok(addresses.collect::<Result<_, Failure>>()?)
    }

    async fn request_link(&self, request: &LinkRequest) -> Result<DateTime<Utc>, StoreError> {
        let keep = query(links::REQUEST)
            .bind(request.kind.as_str())
            .bind(request.purpose.as_str())
            .bind(request.address.map(AddressId::get))
            .bind(request.slot())
            .bind(rows::micros(request.at))
            .bind(rows::micros(request.repeats_from()))
            .bind(rows::micros(request.repeats_until()))
            .bind(request.code_repeats_from().map(rows::micros));
        let name = request.address.map(AddressId::get);
        let name = format!("link {} {}", request.kind, name.unwrap_or(request.slot()));
        // Anyone may ask for a reset, under any number of names.
        let _passes = match request.purpose {
            Purpose::Verify | Purpose::Confirm | Purpose::SecurityNotice | Purpose::Event => {
                vec![self.at(&name).await?]
            }
            Purpose::ResetPassword | Purpose::LogIn => self.at_as_stranger(&name).await?.into(),
        };
        let row = self.first(keep).await?.ok_or(StoreErrorKind::Broken);
        Ok(row
            .map_err(Failure::from)
            .and_then(|row| Ok(row.try_get(0)?))?)
    }

    async fn link_target(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<LinkTarget>, StoreError> {
        let look = query(target(kind, id))
            .bind(id.get())
            .bind(purpose.as_str());
        let row = self.first(look).await?;
        Ok(row.map(|row| links::target(&row, kind)).transpose()?)
    }

    async fn link_requests_of(
        &self,
        purpose: Purpose,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, Option<DateTime<Utc>>)>, StoreError> {
        let look = query(links::OF_USER)
            .bind(user.get())
            .bind(i64::from(limit))
            .bind(purpose.as_str());
        let rows = self.run(look).await?;
        let requests = rows.iter().map(|row| {
            let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
            Ok((rows::address(row, kind, 0)?, row.try_get(5)?))
        });
        Ok(requests.collect::<Result<_, Failure>>()?)
    }

    async fn end_link(
        &self,
        purpose: Purpose,
        user: UserId,
        link: &OpenedLink,
    ) -> Result<bool, StoreError> {
        let (Some(value), Some(newest)) = (sought(&link.value), link.newest) else {
            return Ok(false);
        };
        let end = query(statements(link.kind).end_link)
            .bind(link.address.get())
            .bind(user.get())
            .bind(value)
            .bind(rows::micros(newest))
            .bind(purpose.as_str());
        // Two links of one user that are used at once would end each other's in two orders.
        Ok(self.first_locked(&users::lock(user), end).await?.is_some())
    }

    async fn restore_link(&self, purpose: Purpose, target: &LinkTarget) -> Result<(), StoreError> {
        let Some(newest) = target.newest else {
            return Ok(());
        };
        let restore = query(links::RESTORE)
            .bind(target.address.kind.as_str())
            .bind(purpose.as_str())
            .bind(target.address.id.get())
            .bind(rows::micros(newest))
            .bind(target.code_at.map(rows::micros));
        self.run(restore).await?;
        Ok(())
    }

    async fn free_address(
        &self,
        user: UserId,
        link: &OpenedLink,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        let Some(value) = sought(&link.value) else {
            return Ok(false);
        };
        let free = query(statements(link.kind).free)
            .bind(link.address.get())
            .bind(user.get())
            .bind(value)
            .bind(link.newest.map(rows::micros))
            .bind(outbox::notices_text(notices));
        Ok(self.first_locked(&users::lock(user), free).await?.is_some())
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        if claim.id.is_claim() {
            return claim_proofs::verify(self, claim).await;
        }
        verification::verify(self, claim).await
    }

    async fn remove_address(&self, removal: &AddressRemoval) -> Result<RemovalOutcome, StoreError> {
        if removal.id.is_claim() {
            return claims::remove(self, removal).await;
        }
        let needs = removal.needs;
        let remove = query(address_changes::statements(removal.kind).remove)
            .bind(removal.id.get())
            .bind(removal.user.get())
            .bind(needs.is_some())
            .bind(needs.is_some_and(|needs| needs.email))
            .bind(needs.is_some_and(|needs| needs.phone))
            .bind(outbox::notices_text(&removal.notices))
            .bind(removal.replaced_by.map(AddressId::get));
        let row = self
            .first_locked(&users::lock(removal.user), remove)
            .await?;
        let is_removed = row.map(|row| row.try_get(0)).transpose();
        Ok(match is_removed.map_err(Failure::from)? {
            Some(true) => RemovalOutcome::Removed,
            Some(false) => RemovalOutcome::LastWayIn,
            None => RemovalOutcome::Gone,
        })
    }

    async fn make_primary(
        &self,
        user: UserId,
        email: AddressId,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        let change = query(address_changes::MAKE_PRIMARY)
            .bind(user.get())
            .bind(email.get())
            .bind(outbox::notices_text(notices));
        let row = self.first_locked(&users::lock(user), change).await?;
        Ok(row.is_some())
    }

    async fn set_verified(&self, proof: &ProofByHand) -> Result<bool, StoreError> {
        if proof.id.is_claim() {
            return claim_proofs::set_verified(self, proof).await;
        }
        address_changes::set_verified(self, proof).await
    }
}
