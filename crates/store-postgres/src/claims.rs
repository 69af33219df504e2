//! Claims, on PostgreSQL: addresses that users have added while others held them without proof.

use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, EmailAddress,
    PhoneNumber, ProofByHand, RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{StoreError, StoreErrorKind, UniqueName};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::{enqueue_losses, enqueue_notices};
use crate::pool::Query;
use crate::replacements::replaces;
use crate::rows::{self, past, sought, user_columns};
use crate::spellings::{
    Texts, digits, is_email, is_foreign_phone, is_padded, is_phone, list, trimmed,
};
use crate::store::PostgresStore;
use crate::{addresses, locks, proofs, users, verification};

/// Whether more than unproven rows of others keep the user `$2` from an email address.
macro_rules! is_email_kept {
    ($emails:literal) => {
        $crate::taken::is_email_taken!(
            $emails,
            " AND id <> $2",
            " AND id <> $2 AND (SELECT true FROM phone_auth_emailaddress a WHERE a.user_id = auth_user.id
                AND a.is_verified IS NOT TRUE
                AND lower(a.email COLLATE \"C\") = lower(auth_user.email COLLATE \"C\") LIMIT 1) IS NULL",
            " AND (is_verified OR user_id = $2)"
        )
    };
}

/// The same of a phone number.
macro_rules! is_phone_kept {
    ($numbers:literal, $digits:literal) => {
        $crate::taken::is_phone_taken!(
            $numbers,
            $digits,
            " AND id <> $2",
            " AND (is_verified OR user_id = $2)"
        )
    };
}
/// How many addresses and claims the user `$2` has, and how many of them are not verified; of more than `$3` any so many.
macro_rules! has {
    () => {
        "SELECT ARRAY[count(*), count(*) FILTER (WHERE is_verified IS NOT TRUE)] FROM (
            SELECT is_verified FROM phone_auth_emailaddress WHERE user_id = $2
            UNION ALL
            SELECT is_verified FROM phone_auth_phonenumber WHERE user_id = $2
            UNION ALL
            SELECT is_proven FROM phone_auth_claim WHERE user_id = $2 AND NOT is_proven
            LIMIT $3
        ) own"
    };
}

pub(crate) use {has, is_email_kept, is_phone_kept};

/// The statements about one kind.
pub(crate) struct Statements {
    /// Stores a claim, no matter who has the address. Runs while the addresses of the user are locked.
    pub(crate) add: &'static str,
    pub(crate) with_user: &'static str,
    /// All who have an address, in whatever spelling, and all who claim it. Ordered after all are found: else the server might walk
    /// through everybody's in that order.
    pub(crate) holders: &'static str,
    /// The claim, its user, and the newest request for a link.
    pub(crate) target: &'static str,
    /// Makes a claim an address, and ends whatever others have of it. Runs while the address, its user and those who hold it
    /// are locked: of someone who proves their own row at the same moment one comes first, and the other finds it verified.
    pub(crate) prove: &'static str,
}

macro_rules! statements {
    ($kind:literal, $table:literal, $column:literal, $verified:literal, $is_email:literal, $is_kept:expr, $is_it:expr, $is_added:expr, $is_held:expr, $notices:literal, $replaces:expr, $in_session:literal) => {
        Statements {
            add: concat!(
                "WITH looked AS (
                    SELECT EXISTS (SELECT 1 FROM auth_user WHERE id = $2) AS has_user,
                        EXISTS (SELECT 1 FROM ",
                $table,
                " WHERE user_id = $2 AND (",
                $is_added,
                ")) AS is_own, (",
                has!(),
                ") AS has
                ), claimed AS (
                    INSERT INTO phone_auth_claim AS c (user_id, kind, value)
                    SELECT $2, '",
                $kind,
                "', $1 FROM looked WHERE has_user AND NOT is_own AND has[1] < $3 AND has[2] < $4
                    ON CONFLICT (user_id, kind, value) DO UPDATE SET is_proven = false WHERE c.is_proven
                    RETURNING id, value, is_proven, user_id
                ), noticed AS (",
                enqueue_notices!("claimed", "user_id", $notices),
                "), replaced AS (",
                $replaces,
                ")
                SELECT has_user, NOT EXISTS (SELECT 1 FROM claimed), has[1] >= $3, has[2] >= $4,
                    claimed.id, claimed.value, claimed.is_proven, claimed.user_id
                FROM looked LEFT JOIN claimed ON true"
            ),
            with_user: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id WHERE c.id = $1 AND c.kind = '",
                $kind,
                "'"
            ),
            holders: concat!(
                "SELECT ",
                user_columns!(),
                ", h.id, h.value, h.is_verified, h.user_id FROM (
                    (WITH held AS MATERIALIZED (SELECT id::int8, ",
                $column,
                "::text AS value, is_verified, user_id::int8 FROM ",
                $table,
                " WHERE ",
                $is_held,
                ") SELECT * FROM held ORDER BY id LIMIT $3)
                    UNION ALL
                    (WITH claimed AS MATERIALIZED (SELECT id, value, is_proven, user_id FROM phone_auth_claim
                        WHERE kind = '",
                $kind,
                "' AND value = ANY($2) AND NOT is_proven)
                    SELECT * FROM claimed ORDER BY id DESC LIMIT $3)
                ) h JOIN auth_user u ON u.id = h.user_id ORDER BY h.id"
            ),
            target: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id, ",
                past!("r.requested_at"),
                ", ",
                past!("r.code_at"),
                ", false
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id
                LEFT JOIN phone_auth_link_request r ON r.kind = c.kind AND r.purpose = $2 AND r.holder = c.id
                WHERE c.id = $1 AND c.kind = '",
                $kind,
                "'"
            ),
            prove: concat!(
                "WITH proven AS (
                    UPDATE phone_auth_claim SET is_proven = true
                    WHERE id = $1 AND user_id = $2 AND kind = '",
                $kind,
                "' AND value = $3 AND NOT is_proven
                        AND (NOT $4 OR (SELECT requested_at FROM phone_auth_link_request
                            WHERE kind = '",
                $kind,
                "' AND purpose = 'verify' AND holder = $1) IS NOT DISTINCT FROM $5)
                        AND NOT ",
                $is_kept,
                "   RETURNING user_id
                ), freed AS (
                    DELETE FROM ",
                $table,
                " WHERE is_verified IS NOT TRUE AND EXISTS (SELECT 1 FROM proven) AND (",
                $is_it,
                ")  RETURNING id::int8, user_id::int8, ",
                $column,
                "::text AS value
                ), others AS (
                    UPDATE auth_user u SET email = coalesce((
                        SELECT email FROM phone_auth_emailaddress
                        WHERE user_id = u.id AND is_verified ORDER BY id LIMIT 1), '')
                    FROM freed
                    WHERE ",
                $is_email,
                " AND u.id = freed.user_id AND lower(u.email COLLATE \"C\") = lower(freed.value COLLATE \"C\")
                ), ended AS (
                    DELETE FROM phone_auth_claim
                    WHERE kind = '",
                $kind,
                "' AND value = $3 AND user_id <> $2 AND NOT $8 AND EXISTS (SELECT 1 FROM proven)
                    RETURNING id, user_id
                ), ended_links AS (",
                proofs::end_links_of_others!("$8", "ARRAY[$3::text]", $kind, "proven"),
                "), lost AS (
                    SELECT id, user_id FROM freed UNION ALL SELECT id, user_id FROM ended
                ), moved AS (
                    INSERT INTO ",
                $table,
                " (",
                $column,
                ", is_verified, user_id)
                    SELECT $3, true, proven.user_id FROM proven, (SELECT count(*) FROM freed) f
                    RETURNING id, user_id
                ), kept AS (
                    INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) SELECT id, $6, ",
                $in_session,
                " FROM moved
                ), own_row AS (
                    UPDATE auth_user u SET email = $3 FROM moved
                    WHERE ",
                $is_email,
                " AND u.id = moved.user_id AND coalesce(u.email, '') = ''
                ), noticed AS (",
                enqueue_notices!("moved", "user_id", "$7"),
                "), told AS (",
                enqueue_losses!("lost", "$9"),
                ")
                SELECT 1 FROM moved"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "email",
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "true",
    is_email_kept!("$10"),
    is_email!("$10"),
    is_email!("$5"),
    is_email!("$1"),
    "$6",
    replaces!("claimed", "email", "$7", "$8"),
    "$11"
);

const PHONE: Statements = statements!(
    "phone",
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "false",
    is_phone_kept!("$10", "$11"),
    is_phone!("$10", "$11"),
    is_phone!("$5", "$6"),
    is_phone!("$1", "$4"),
    "$7",
    replaces!("claimed", "phone", "$8", "$9"),
    "$12"
);

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// The statement that reads an address or a claim with its user.
pub(crate) const fn with_user(kind: AddressKind, id: AddressId) -> &'static str {
    if id.is_claim() {
        statements(kind).with_user
    } else {
        addresses::statements(kind).with_user
    }
}

/// The same, with the newest request for a link.
pub(crate) const fn target(kind: AddressKind, id: AddressId) -> &'static str {
    if id.is_claim() {
        statements(kind).target
    } else {
        addresses::statements(kind).target
    }
}

pub(crate) const IS_PROVEN: &str = "SELECT 1 FROM phone_auth_claim
    WHERE id = $1 AND user_id = $2 AND kind = $3 AND value = $4 AND is_proven";

pub(crate) const VALUE: &str = "SELECT value FROM phone_auth_claim
    WHERE id = $1 AND user_id = $2 AND kind = $3 AND NOT is_proven";

/// Removes a claim: it is no way in.
pub(crate) const REMOVE: &str = concat!(
    "WITH removed AS (
        DELETE FROM phone_auth_claim WHERE id = $1 AND user_id = $2 AND kind = $3 RETURNING user_id
    ), noticed AS (",
    enqueue_notices!("removed", "user_id", "$4"),
    ")
    SELECT 1 FROM removed"
);

/// Stores an address or a claim by this statement.
pub(crate) async fn add(
    store: &PostgresStore,
    statement: &'static str,
    (user, address, caps): (UserId, &Address, AddressCaps),
    notices: &Notices,
) -> Result<AddressRecord, StoreError> {
    let add = query(statement)
        .bind(address.as_str())
        .bind(user.get())
        .bind(i64::from(caps.all))
        .bind(i64::from(caps.unverified));
    // Of two that are added at once, one must see the other in the count.
    let count = format!("addresses of {}", user.get());
    let texts = Texts::of(address);
    let lock = locks::of_names(texts.to_lock().chain([count.as_str()]));
    let add = add.bind(texts.texts);
    let add = match address.kind() {
        AddressKind::Email => add,
        AddressKind::Phone => add.bind(texts.digits),
    };
    let (old, asked_at) = caps.replaces.unzip();
    let add = add
        .bind(outbox::notices_text(notices))
        .bind(old.map(AddressId::get))
        .bind(asked_at.map(rows::micros));
    let row = store
        .first_locked_at(&users::lock(user), &lock, add)
        .await?;
    Ok(added(row.as_ref(), address.kind())?)
}

/// The address that was stored, or what kept it from that.
fn added(row: Option<&PgRow>, kind: AddressKind) -> Result<AddressRecord, Failure> {
    let row = row.ok_or(StoreErrorKind::Broken)?;
    let (has_user, is_taken): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    if !has_user {
        return Err(StoreErrorKind::NoSuchUser.into());
    }
    if row.try_get(2)? {
        return Err(StoreErrorKind::TooManyAddresses.into());
    }
    if row.try_get(3)? {
        return Err(StoreErrorKind::TooManyUnverified.into());
    }
    if is_taken {
        let name = match kind {
            AddressKind::Email => UniqueName::Email,
            AddressKind::Phone => UniqueName::Phone,
        };
        return Err(StoreErrorKind::Taken(name).into());
    }
    rows::address(row, kind, 4)
}

/// Makes a claim an address, if all that a link says is so.
pub(crate) async fn verify(
    store: &PostgresStore,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, StoreError> {
    let Some(value) = sought(&claim.value) else {
        return Ok(VerificationOutcome::Gone);
    };
    let prove = query(statements(claim.kind).prove)
        .bind(claim.id.get())
        .bind(claim.user.get())
        .bind(value)
        .bind(true)
        .bind(claim.newest.map(rows::micros))
        .bind(rows::micros(claim.at))
        .bind(outbox::notices_text(&claim.notices))
        .bind(claim.losses.keeps_claims)
        .bind(outbox::losses_text(&claim.losses));
    let whose = (claim.kind, claim.user, claim.in_session);
    if prove_locked(store, whose, value, prove).await? {
        return Ok(VerificationOutcome::Verified);
    }
    // Asked by a statement of its own: it must see what the update may have waited for.
    let is_proven = query(IS_PROVEN)
        .bind(claim.id.get())
        .bind(claim.user.get())
        .bind(claim.kind.as_str())
        .bind(value);
    if store.first(is_proven).await?.is_none() {
        return Ok(VerificationOutcome::Gone);
    }
    if claim.in_session {
        let keep = verification::statements(claim.kind).keep_session_of_claim;
        let keep = query(keep).bind(claim.user.get()).bind(value);
        store.first_locked(&users::lock(claim.user), keep).await?;
    }
    Ok(VerificationOutcome::AlreadyVerified)
}

/// Marks a claim as verified by hand: it becomes an address.
pub(crate) async fn set_verified(
    store: &PostgresStore,
    proof: &ProofByHand,
) -> Result<bool, StoreError> {
    let row = store.first(of_user(VALUE, proof.id, proof.user, proof.kind));
    let Some(row) = row.await?.filter(|_| proof.is_verified) else {
        return Ok(false);
    };
    let value: String = row.try_get(0).map_err(Failure::from)?;
    let prove = query(statements(proof.kind).prove)
        .bind(proof.id.get())
        .bind(proof.user.get())
        .bind(value.as_str())
        .bind(false)
        .bind(None::<DateTime<Utc>>)
        .bind(rows::micros(proof.at))
        .bind(outbox::notices_text(&proof.notices))
        .bind(proof.losses.keeps_claims)
        .bind(outbox::losses_text(&proof.losses));
    prove_locked(store, (proof.kind, proof.user, true), &value, prove).await
}

/// Removes a claim.
pub(crate) async fn remove(
    store: &PostgresStore,
    removal: &AddressRemoval,
) -> Result<RemovalOutcome, StoreError> {
    let remove = of_user(REMOVE, removal.id, removal.user, removal.kind)
        .bind(outbox::notices_text(&removal.notices));
    let lock = users::lock(removal.user);
    Ok(match store.first_locked(&lock, remove).await? {
        Some(_) => RemovalOutcome::Removed,
        None => RemovalOutcome::Gone,
    })
}

fn of_user(
    statement: &'static str,
    id: AddressId,
    user: UserId,
    kind: AddressKind,
) -> Query<'static> {
    query(statement)
        .bind(id.get())
        .bind(user.get())
        .bind(kind.as_str())
}

/// Proves a claim while its address, its user and those who hold it are locked; whether it was.
async fn prove_locked(
    store: &PostgresStore,
    (kind, user, in_session): (AddressKind, UserId, bool),
    value: &str,
    prove: Query<'_>,
) -> Result<bool, StoreError> {
    let address = match kind {
        AddressKind::Email => EmailAddress::parse(value).ok().map(Address::Email),
        AddressKind::Phone => PhoneNumber::parse(value).ok().map(Address::Phone),
    };
    let Some(address) = address else {
        return Ok(false);
    };
    let texts = Texts::of(&address);
    let lock = texts.lock_before(&lock_with_holders(kind, user, &texts));
    let prove = prove.bind(texts.texts);
    let prove = match kind {
        AddressKind::Email => prove,
        AddressKind::Phone => prove.bind(texts.digits),
    };
    let prove = prove.bind(in_session);
    match store
        .first_locked_at(&users::lock(user), &lock, prove)
        .await
        .map_err(StoreError::from)
    {
        // Whose row it was has proven it at the same moment, by another program.
        Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => Ok(false),
        proven => Ok(proven?.is_some()),
    }
}

/// The statement that locks a user and all who hold an address without proof, in the order of their ids: two users may
/// prove claims on what is the other's.
pub(crate) fn lock_with_holders(kind: AddressKind, user: UserId, texts: &Texts) -> String {
    let (user, list, digits) = (user.get(), list(&texts.texts), list(&texts.digits));
    let holders = match kind {
        AddressKind::Email => format!(
            concat!(
                "SELECT user_id FROM phone_auth_emailaddress WHERE lower(email COLLATE \"C\") = ANY({list})
                UNION ALL SELECT user_id FROM phone_auth_emailaddress WHERE ",
                trimmed!("email"),
                " = ANY({list}) AND ",
                is_padded!("email")
            ),
            list = list
        ),
        AddressKind::Phone => format!(
            concat!(
                "SELECT user_id FROM phone_auth_phonenumber WHERE phone = ANY({list})
                UNION ALL SELECT user_id FROM phone_auth_phonenumber WHERE ",
                digits!("phone"),
                " = ANY({digits}) AND ",
                is_foreign_phone!("phone")
            ),
            list = list,
            digits = digits
        ),
    };
    format!(
        "SELECT 1 FROM auth_user WHERE id = ANY(ARRAY(SELECT {user}::int8 UNION ALL {holders}))
        ORDER BY id FOR NO KEY UPDATE"
    )
}
