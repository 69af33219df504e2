//! The proof of an address by a link, on SQLite.

use phone_auth_core::address::{VerificationClaim, VerificationOutcome};
use rusqlite::{Connection, params};

use crate::address_changes::statements::fill_own_email;
use crate::addresses::statements::statements;
use crate::claims;
use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::proofs::statements as proofs;
use crate::rows;

/// Marks an address as verified, if all that is claimed is so.
pub(crate) fn verify(
    connection: &Connection,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, Failure> {
    let statements = statements(claim.kind);
    let (id, user) = (claim.id.get(), claim.user.get());
    let unused = params![
        id,
        user,
        claim.value,
        rows::time_text(claim.issued_at)?,
        claim.newest.map(links::micros),
    ];
    if rows::change(connection, statements.verify, unused)? > 0 {
        let when = (id, rows::time_text(claim.at)?, claim.in_session);
        rows::change(connection, proofs::statements(claim.kind).keep_when, when)?;
        fill_own_email(connection, claim.user, claim.kind, &claim.value)?;
        let of = (claim.user, claim.kind);
        claims::end_on(connection, of, &claim.value, &claim.losses)?;
        outbox::enqueue_notices(connection, claim.user, &claim.notices)?;
        return Ok(VerificationOutcome::Verified);
    }
    let claimed = (id, user, &claim.value);
    if claim.in_session {
        let keep = proofs::statements(claim.kind).keep_session;
        rows::change(connection, keep, claimed)?;
    }
    let is_verified = rows::first(connection, statements.is_verified, claimed, |_| Ok(()))?;
    Ok(match is_verified {
        Some(()) => VerificationOutcome::AlreadyVerified,
        None => VerificationOutcome::Gone,
    })
}
