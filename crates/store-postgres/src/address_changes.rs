//! What becomes of an address once it is there, on PostgreSQL: removed, put first, verified by hand. Each runs while the
//! user is locked, so that one sees what others did to them a moment before.

use phone_auth_core::address::{AddressKind, ProofByHand};
use phone_auth_core::store::StoreError;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::{enqueue_losses, enqueue_notices};
use crate::proofs;
use crate::rows;
use crate::spellings::Texts;
use crate::store::PostgresStore;
use crate::users;

/// The statements about one of the two tables, which differ by their names only.
pub(crate) struct Statements {
    /// Removes an address if enough remains; whether it was removed. No row when there is no such address, or it is to give way to
    /// one that does not wait for that any more.
    pub(crate) remove: &'static str,
    /// The text of an address, by which those who claim it are kept waiting.
    pub(crate) text: &'static str,
    pub(crate) set_verified: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $kind:literal, $is_email:literal) => {
        Statements {
            remove: concat!(
                "WITH looked AS (
                    SELECT a.id, NOT $3 OR EXISTS (
                        SELECT 1 FROM phone_auth_emailaddress o WHERE o.user_id = $2 AND $4
                            AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (",
                $is_email,
                " AND o.id = a.id)
                    ) OR EXISTS (
                        SELECT 1 FROM phone_auth_phonenumber o WHERE o.user_id = $2 AND $5
                            AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (NOT ",
                $is_email,
                " AND o.id = a.id)
                    ) AS is_enough
                    FROM ",
                $table,
                " a WHERE a.id = $1 AND a.user_id = $2
                ), replaced AS (
                    DELETE FROM phone_auth_replacement
                    WHERE user_id = $2 AND kind = '",
                $kind,
                "' AND old_id = $1 AND new_id = $7::int8 AND (SELECT is_enough FROM looked)
                    RETURNING 1
                ), removed AS (
                    DELETE FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2 AND (SELECT is_enough FROM looked)
                        AND ($7::int8 IS NULL OR EXISTS (SELECT 1 FROM replaced))
                    RETURNING user_id, ",
                $column,
                "::text AS value
                ), own_row AS (
                    UPDATE auth_user u SET email = coalesce((
                        SELECT email FROM phone_auth_emailaddress
                        WHERE user_id = $2 AND is_verified AND id <> $1
                        ORDER BY (id = $7::int8 OR lower(email COLLATE \"C\") = (
                            SELECT value FROM phone_auth_claim WHERE id = $7::int8)) IS TRUE DESC, id LIMIT 1), '')
                    FROM removed
                    WHERE ",
                $is_email,
                " AND u.id = removed.user_id AND lower(u.email COLLATE \"C\") = lower(removed.value COLLATE \"C\")
                ), ended AS (
                    DELETE FROM phone_auth_claim c USING removed
                    WHERE c.user_id = removed.user_id AND c.kind = '",
                $kind,
                "' AND c.value = lower(removed.value COLLATE \"C\")
                ), noticed AS (",
                enqueue_notices!("removed", "user_id", "$6"),
                ")
                SELECT EXISTS (SELECT 1 FROM removed) FROM looked
                WHERE $7::int8 IS NULL OR NOT is_enough OR EXISTS (SELECT 1 FROM replaced)"
            ),
            text: concat!(
                "SELECT ",
                $column,
                "::text FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2"
            ),
            set_verified: concat!(
                "WITH changed AS (
                    UPDATE ",
                $table,
                " SET is_verified = $3
                    WHERE id = $1 AND user_id = $2 AND (is_verified IS TRUE) <> $3 AND ",
                $column,
                " IS NOT DISTINCT FROM $6::text
                    RETURNING id, user_id
                ), ended AS (
                    DELETE FROM phone_auth_claim WHERE id = ANY(ARRAY(
                        SELECT c.id FROM phone_auth_claim c, changed WHERE c.kind = '",
                $kind,
                "' AND c.value = ANY($7) AND ($3 AND NOT $8 OR c.user_id = changed.user_id) ORDER BY c.id FOR UPDATE OF c))
                    RETURNING id, user_id
                ), proven AS (
                    SELECT 1 FROM changed WHERE $3
                ), ended_links AS (",
                proofs::end_links_of_others!("$8", "$7", $kind, "proven"),
                "), kept AS (
                    INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) SELECT id, $4, true FROM changed WHERE $3
                    ON CONFLICT (address_id) DO UPDATE SET verified_at = excluded.verified_at, in_session = true
                ), own_row AS (
                    UPDATE auth_user u SET email = CASE WHEN $3 THEN $6::text ELSE coalesce((
                        SELECT email FROM phone_auth_emailaddress
                        WHERE user_id = $2 AND is_verified AND id <> $1 ORDER BY id LIMIT 1), '') END
                    FROM changed
                    WHERE ",
                $is_email,
                " AND u.id = changed.user_id AND CASE WHEN $3 THEN $6::text IS NOT NULL AND coalesce(u.email, '') = ''
                        ELSE lower(u.email COLLATE \"C\") = lower($6::text COLLATE \"C\") END
                ), noticed AS (",
                enqueue_notices!("changed", "user_id", "$5"),
                "), told AS (",
                enqueue_losses!("ended", "$9"),
                ")
                SELECT 1 FROM changed"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "email",
    "true"
);
const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "phone",
    "false"
);

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Puts a verified email address of a user into their own row.
pub(crate) const MAKE_PRIMARY: &str = concat!(
    "WITH changed AS (
        UPDATE auth_user u SET email = a.email FROM phone_auth_emailaddress a
        WHERE u.id = $1 AND a.id = $2 AND a.user_id = $1 AND a.is_verified AND u.email IS DISTINCT FROM a.email
        RETURNING u.id AS user_id
    ), noticed AS (",
    enqueue_notices!("changed", "user_id", "$3"),
    ")
    SELECT 1 FROM changed"
);

/// Marks an address as verified or not, by hand.
pub(crate) async fn set_verified(
    store: &PostgresStore,
    proof: &ProofByHand,
) -> Result<bool, StoreError> {
    let statements = statements(proof.kind);
    let read = query(statements.text)
        .bind(proof.id.get())
        .bind(proof.user.get());
    let Some(row) = store.first(read).await? else {
        return Ok(false);
    };
    let text: Option<String> = row.try_get(0).map_err(Failure::from)?;
    let texts = Texts::of_stored(proof.kind, text.as_deref().unwrap_or_default());
    let user = users::lock(proof.user);
    let lock = texts.lock_before(&user);
    let change = query(statements.set_verified)
        .bind(proof.id.get())
        .bind(proof.user.get())
        .bind(proof.is_verified)
        .bind(rows::micros(proof.at))
        .bind(outbox::notices_text(&proof.notices))
        .bind(text)
        .bind(texts.texts)
        .bind(proof.losses.keeps_claims)
        .bind(outbox::losses_text(&proof.losses));
    let row = store.first_locked_at(&user, &lock, change).await?;
    Ok(row.is_some())
}
