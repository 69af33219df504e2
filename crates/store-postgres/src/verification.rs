//! The proof of an address by a link, on PostgreSQL.

use phone_auth_core::address::{AddressKind, VerificationClaim, VerificationOutcome};
use phone_auth_core::store::StoreError;
use sqlx::query;

use crate::outbox;
use crate::outbox::statements::{enqueue_losses, enqueue_notices};
use crate::proofs;
use crate::rows::{self, sought};
use crate::spellings::Texts;
use crate::store::PostgresStore;
use crate::users;

/// The statements about one of the two tables, which differ by their names only.
pub(crate) struct Statements {
    pub(crate) verify: &'static str,
    pub(crate) is_verified: &'static str,
    /// Keeps that the user was signed in who has shown an address that is verified. When it was verified stays as it is: at no
    /// time that is known, where no link has done it. Runs while the user is locked.
    pub(crate) keep_session: &'static str,
    /// The same of an address that was a claim: another row has it by now.
    pub(crate) keep_session_of_claim: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal, $verified:literal, $kind:literal) => {
        Statements {
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
                        AND (SELECT requested_at FROM phone_auth_link_request
                            WHERE kind = '",
                $kind,
                "' AND purpose = 'verify' AND holder = $1) IS NOT DISTINCT FROM $6
                    RETURNING id, user_id
                ), ended AS (
                    DELETE FROM phone_auth_claim WHERE id = ANY(ARRAY(
                        SELECT id FROM phone_auth_claim WHERE kind = '",
                $kind,
                "' AND value = ANY($8) AND (NOT $9 OR user_id = $2) AND EXISTS (SELECT 1 FROM verified) ORDER BY id FOR UPDATE))
                    RETURNING id, user_id
                ), own_row AS (
                    UPDATE auth_user u SET email = $3 FROM verified
                    WHERE '",
                $kind,
                "' = 'email' AND u.id = verified.user_id AND coalesce(u.email, '') = ''
                ), ended_links AS (",
                proofs::end_links_of_others!("$9", "$8", $kind, "verified"),
                "), noticed AS (",
                enqueue_notices!("verified", "user_id", "$7"),
                "), told AS (",
                enqueue_losses!("ended", "$10"),
                ")
                INSERT INTO ",
                $verified,
                " (address_id, verified_at, in_session) SELECT id, $5, $11 FROM verified
                ON CONFLICT (address_id) DO UPDATE SET verified_at = excluded.verified_at, in_session = excluded.in_session
                RETURNING 1"
            ),
            is_verified: concat!(
                "SELECT 1 FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2 AND ",
                $column,
                " = $3 AND is_verified"
            ),
            keep_session: concat!(
                "INSERT INTO ",
                $verified,
                " AS kept (address_id, verified_at, in_session) SELECT id, '-infinity', true FROM ",
                $table,
                " WHERE id = $1 AND user_id = $2 AND ",
                $column,
                " = $3 AND is_verified
                ON CONFLICT (address_id) DO UPDATE SET in_session = true WHERE NOT kept.in_session"
            ),
            keep_session_of_claim: concat!(
                "INSERT INTO ",
                $verified,
                " AS kept (address_id, verified_at, in_session) SELECT id, '-infinity', true FROM ",
                $table,
                " WHERE user_id = $1 AND ",
                $column,
                " = $2 AND is_verified
                ON CONFLICT (address_id) DO UPDATE SET in_session = true WHERE NOT kept.in_session"
            ),
        }
    };
}

const EMAIL: Statements = statements!(
    "phone_auth_emailaddress",
    "email",
    "phone_auth_email_verified",
    "email"
);

const PHONE: Statements = statements!(
    "phone_auth_phonenumber",
    "phone",
    "phone_auth_phone_verified",
    "phone"
);

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Marks an address as verified, if all that is claimed is so.
pub(crate) async fn verify(
    store: &PostgresStore,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, StoreError> {
    let Some(value) = sought(&claim.value) else {
        return Ok(VerificationOutcome::Gone);
    };
    let claimed = |statement| {
        query(statement)
            .bind(claim.id.get())
            .bind(claim.user.get())
            .bind(value)
    };
    let statements = statements(claim.kind);
    let texts = Texts::of_stored(claim.kind, value);
    // A reset at the same moment ends what is not proven yet, and who claims the address may prove it: one comes first.
    let user = users::lock(claim.user);
    let lock = texts.lock_before(&user);
    let verify = claimed(statements.verify)
        .bind(rows::micros(claim.issued_at))
        .bind(rows::micros(claim.at))
        .bind(claim.newest.map(rows::micros))
        .bind(outbox::notices_text(&claim.notices))
        .bind(texts.texts)
        .bind(claim.losses.keeps_claims)
        .bind(outbox::losses_text(&claim.losses))
        .bind(claim.in_session);
    let row = store.first_locked_at(&user, &lock, verify).await?;
    if row.is_some() {
        return Ok(VerificationOutcome::Verified);
    }
    // Asked by a statement of its own: it must see what the update may have waited for.
    if store
        .first(claimed(statements.is_verified))
        .await?
        .is_none()
    {
        return Ok(VerificationOutcome::Gone);
    }
    if claim.in_session {
        let keep = claimed(statements.keep_session);
        store.first_locked(&user, keep).await?;
    }
    Ok(VerificationOutcome::AlreadyVerified)
}
