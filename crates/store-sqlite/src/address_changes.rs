//! What becomes of an address once it is there, on SQLite: removed, put first, verified by hand.

pub(crate) mod statements;

use phone_auth_core::address::{
    AddressId, AddressKind, AddressRemoval, ProofByHand, RemovalOutcome, WaysIn,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use self::statements::{MAKE_PRIMARY, NEXT_EMAIL, SUCCESSOR, fill_own_email, statements};
use crate::claims;
use crate::failure::Failure;
use crate::outbox;
use crate::proofs::statements as proofs;
use crate::replacements;
use crate::rows;

/// Removes an address if enough remains.
pub(crate) fn remove(
    connection: &Connection,
    removal: &AddressRemoval,
) -> Result<RemovalOutcome, Failure> {
    if removal.id.is_claim() {
        return claims::remove(connection, removal);
    }
    let statements = statements(removal.kind);
    let (id, user) = (removal.id.get(), removal.user.get());
    let needs = removal.needs.unwrap_or(WaysIn {
        email: false,
        phone: false,
    });
    let is_email = removal.kind == AddressKind::Email;
    let asked = params![id, user, needs.email, needs.phone, is_email];
    let found = rows::first(connection, statements.look, asked, |row| {
        Ok((rows::text(row, 0)?, row.get::<_, bool>(1)?))
    })?;
    let Some((value, is_enough)) = found else {
        return Ok(RemovalOutcome::Gone);
    };
    if removal.needs.is_some() && !is_enough {
        return Ok(RemovalOutcome::LastWayIn);
    }
    if !replacements::gives_way(connection, removal)? {
        return Ok(RemovalOutcome::Gone);
    }
    rows::change(connection, statements.remove, [id])?;
    if is_email {
        if let Some(new) = removal.replaced_by {
            rows::change(connection, SUCCESSOR, params![user, value, new.get()])?;
        }
        rows::change(connection, NEXT_EMAIL, params![user, value])?;
    }
    claims::end_of(connection, removal.user, removal.kind, &value)?;
    outbox::enqueue_notices(connection, removal.user, &removal.notices)?;
    Ok(RemovalOutcome::Removed)
}

/// Puts an email address into the row of its user, if it is verified.
pub(crate) fn make_primary(
    connection: &Connection,
    user: UserId,
    email: AddressId,
    notices: &Notices,
) -> Result<bool, Failure> {
    if rows::change(connection, MAKE_PRIMARY, (user.get(), email.get()))? == 0 {
        return Ok(false);
    }
    outbox::enqueue_notices(connection, user, notices)?;
    Ok(true)
}

/// Marks an address as verified or not, by hand.
pub(crate) fn set_verified(connection: &Connection, proof: &ProofByHand) -> Result<bool, Failure> {
    if proof.id.is_claim() {
        return claims::set_verified(connection, proof);
    }
    let id = proof.id.get();
    let said = (id, proof.user.get(), proof.is_verified);
    if rows::change(connection, statements(proof.kind).set_verified, said)? == 0 {
        return Ok(false);
    }
    let value = rows::only(connection, statements(proof.kind).text, [id], |row| {
        rows::text(row, 0)
    })?;
    if proof.is_verified {
        let when = (id, rows::time_text(proof.at)?, true);
        rows::change(connection, proofs::statements(proof.kind).keep_when, when)?;
        fill_own_email(connection, proof.user, proof.kind, &value)?;
    } else if proof.kind == AddressKind::Email {
        rows::change(connection, NEXT_EMAIL, params![proof.user.get(), value])?;
    }
    claims::end_by_hand(connection, proof, &value)?;
    outbox::enqueue_notices(connection, proof.user, &proof.notices)?;
    Ok(true)
}
