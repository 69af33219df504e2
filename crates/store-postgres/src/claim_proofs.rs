//! The proof of a claim, on PostgreSQL: it becomes an address, and may make the account whose it is.

use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    AccountProof, Address, AddressKind, EmailAddress, PhoneNumber, ProofByHand, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::store::{StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use sqlx::{Row, query};

use crate::claims::{is_email_kept, is_phone_kept, of_user};
use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::{enqueue_losses, enqueue_notices};
use crate::pool::Query;
use crate::rows::{self, sought};
use crate::spellings::{
    Texts, digits, is_email, is_foreign_phone, is_padded, is_phone, list, trimmed,
};
use crate::store::PostgresStore;
use crate::{users, verification};

/// Ends the links and codes that were sent to the claims of others, where those claims stay; and where the account is proven, to
/// the other claims of the user. All are locked in the order of their ids, as a reset locks them.
macro_rules! end_links {
    ($kind:literal, $password:literal) => {
        concat!(
            "DELETE FROM phone_auth_link_request WHERE claim_id = ANY(ARRAY(
                SELECT id FROM phone_auth_claim WHERE id IN (
                    SELECT id FROM phone_auth_claim WHERE $8 AND kind = '",
            $kind,
            "' AND value = $3 AND user_id <> $2
                    UNION ALL
                    SELECT id FROM phone_auth_claim WHERE user_id = $2 AND id <> $1 AND NOT is_proven AND ",
            $password,
            "::text IS NOT NULL)
                AND EXISTS (SELECT 1 FROM proven) ORDER BY id FOR UPDATE))"
        )
    };
}

/// Ends the links that would verify an address of the user, where the account is proven.
macro_rules! end_links_of_rows {
    ($kind:literal, $table:literal, $password:literal) => {
        concat!(
            "DELETE FROM phone_auth_link_request
            WHERE ",
            $password,
            "::text IS NOT NULL AND kind = '",
            $kind,
            "' AND purpose = 'verify' AND holder IN (
                SELECT a.id FROM ",
            $table,
            " a WHERE a.user_id IN (SELECT user_id FROM proven))"
        )
    };
}

macro_rules! prove {
    (
        $kind:literal, $table:literal, $column:literal, $verified:literal, $is_email:literal, $is_kept:expr, $is_it:expr,
        $in_session:literal, $old:literal, $password:literal, $first:literal, $last:literal
    ) => {
        concat!(
            "WITH proven AS (
                UPDATE phone_auth_claim SET is_proven = true
                WHERE id = $1 AND user_id = $2 AND kind = '",
            $kind,
            "' AND value = $3 AND NOT is_proven
                    AND (NOT $4 OR (SELECT requested_at FROM phone_auth_link_request
                        WHERE kind = '",
            $kind,
            "' AND purpose = 'verify' AND holder = $1) IS NOT DISTINCT FROM $5)
                    AND (",
            $password,
            "::text IS NULL OR EXISTS (SELECT 1 FROM auth_user
                        WHERE id = $2 AND coalesce(password, '') = ",
            $old,
            " AND is_active
                            AND NOT EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = $2 AND is_verified)
                            AND NOT EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = $2 AND is_verified)))
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
                DELETE FROM phone_auth_claim WHERE id = ANY(ARRAY(
                    SELECT id FROM phone_auth_claim WHERE kind = '",
            $kind,
            "' AND value = $3 AND user_id <> $2 AND NOT $8 AND EXISTS (SELECT 1 FROM proven) ORDER BY id FOR UPDATE))
                RETURNING id, user_id
            ), ended_links AS (",
            end_links!($kind, $password),
            "), ended_email_links AS (",
            end_links_of_rows!("email", "phone_auth_emailaddress", $password),
            "), ended_phone_links AS (",
            end_links_of_rows!("phone", "phone_auth_phonenumber", $password),
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
                UPDATE auth_user u SET email = CASE WHEN ",
            $is_email,
            " AND coalesce(u.email, '') = '' THEN $3 ELSE u.email END,
                    password = coalesce(",
            $password,
            "::text, u.password),
                    first_name = coalesce(",
            $first,
            "::text, u.first_name), last_name = coalesce(",
            $last,
            "::text, u.last_name)
                FROM moved
                WHERE u.id = moved.user_id AND (",
            $password,
            "::text IS NOT NULL OR ",
            $is_email,
            " AND coalesce(u.email, '') = '')
            ), ended_sessions AS (
                DELETE FROM phone_auth_session
                WHERE ",
            $password,
            "::text IS NOT NULL AND person_id IN (SELECT user_id FROM moved)
            ), ended_replacements AS (
                DELETE FROM phone_auth_replacement r USING moved
                WHERE ",
            $password,
            "::text IS NOT NULL AND r.user_id = moved.user_id AND NOT (r.kind = '",
            $kind,
            "' AND r.new_id = $1)
            ), noticed AS (",
            enqueue_notices!("moved", "user_id", "$7"),
            "), told AS (",
            enqueue_losses!("lost", "$9"),
            ")
            SELECT 1 FROM moved"
        )
    };
}

const EMAIL: &str = prove!(
    "email",
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "true",
    is_email_kept!("$10"),
    is_email!("$10"),
    "$11",
    "$12",
    "$13",
    "$14",
    "$15"
);

const PHONE: &str = prove!(
    "phone",
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "false",
    is_phone_kept!("$10", "$11"),
    is_phone!("$10", "$11"),
    "$12",
    "$13",
    "$14",
    "$15",
    "$16"
);

/// Makes a claim an address, and ends whatever others have of it. Runs while the address, its user and those who hold it
/// are locked: of someone who proves their own row at the same moment one comes first, and the other finds it verified.
pub(crate) const fn prove(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => EMAIL,
        AddressKind::Phone => PHONE,
    }
}

pub(crate) const IS_PROVEN: &str = "SELECT 1 FROM phone_auth_claim
    WHERE id = $1 AND user_id = $2 AND kind = $3 AND value = $4 AND is_proven";

pub(crate) const VALUE: &str = "SELECT value FROM phone_auth_claim
    WHERE id = $1 AND user_id = $2 AND kind = $3 AND NOT is_proven";

/// Makes a claim an address, if all that a link says is so.
pub(crate) async fn verify(
    store: &PostgresStore,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, StoreError> {
    let Some(value) = sought(&claim.value) else {
        return Ok(VerificationOutcome::Gone);
    };
    let prove = query(prove(claim.kind))
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
    if prove_locked(store, whose, (value, claim.account.as_ref()), prove).await? {
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
    let prove = query(prove(proof.kind))
        .bind(proof.id.get())
        .bind(proof.user.get())
        .bind(value.as_str())
        .bind(false)
        .bind(None::<DateTime<Utc>>)
        .bind(rows::micros(proof.at))
        .bind(outbox::notices_text(&proof.notices))
        .bind(proof.losses.keeps_claims)
        .bind(outbox::losses_text(&proof.losses));
    let whose = (proof.kind, proof.user, true);
    prove_locked(store, whose, (&value, None), prove).await
}

/// Proves a claim while its address, its user and those who hold it are locked; whether it was.
async fn prove_locked(
    store: &PostgresStore,
    (kind, user, in_session): (AddressKind, UserId, bool),
    (value, account): (&str, Option<&AccountProof>),
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
    let names = account.and_then(|it| it.names.as_ref());
    let prove = prove
        .bind(in_session)
        .bind(account.and_then(|it| sought(it.old.reveal())))
        .bind(account.map(|it| it.new.reveal()))
        .bind(names.map(|it| it.first_name.as_str()))
        .bind(names.map(|it| it.last_name.as_str()));
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
