//! What becomes of an address once it is there, on SQLite: removed, put first, verified by hand.

use phone_auth_core::address::{
    AddressId, AddressKind, AddressRemoval, ProofByHand, RemovalOutcome, WaysIn,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::claims;
use crate::failure::Failure;
use crate::outbox;
use crate::proofs;
use crate::replacements;
use crate::rows;

/// The statements about one of the two tables, which differ by their names only.
pub(crate) struct Statements {
    /// The text of an address of a user, and whether enough remains without it.
    pub(crate) look: &'static str,
    pub(crate) remove: &'static str,
    pub(crate) text: &'static str,
    pub(crate) set_verified: &'static str,
}

macro_rules! statements {
    ($table:literal, $column:literal) => {
        Statements {
            look: concat!(
                "SELECT a.",
                $column,
                ", EXISTS (SELECT 1 FROM phone_auth_emailaddress o WHERE o.user_id = ?2 AND ?3
                        AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (?5 AND o.id = a.id))
                    OR EXISTS (SELECT 1 FROM phone_auth_phonenumber o WHERE o.user_id = ?2 AND ?4
                        AND (o.is_verified OR a.is_verified IS NOT TRUE) AND NOT (NOT ?5 AND o.id = a.id))
                FROM ",
                $table,
                " a WHERE a.id = ?1 AND a.user_id = ?2"
            ),
            remove: concat!("DELETE FROM ", $table, " WHERE id = ?1"),
            text: concat!("SELECT ", $column, " FROM ", $table, " WHERE id = ?1"),
            set_verified: concat!(
                "UPDATE ",
                $table,
                " SET is_verified = ?3
                WHERE id = ?1 AND user_id = ?2 AND (is_verified IS TRUE) IS NOT ?3"
            ),
        }
    };
}

const EMAIL: Statements = statements!("phone_auth_emailaddress", "email");
const PHONE: Statements = statements!("phone_auth_phonenumber", "phone");

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// Puts the oldest verified email address of a user into their own row, in the place of one that is gone.
pub(crate) const NEXT_EMAIL: &str = "UPDATE auth_user SET email = coalesce(
        (SELECT email FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified ORDER BY id LIMIT 1), '')
    WHERE id = ?1 AND lower(email) = lower(?2)";

/// Puts a proven email address into the user's own row, if there is none.
pub(crate) const OWN_EMAIL: &str =
    "UPDATE auth_user SET email = ?2 WHERE id = ?1 AND coalesce(email, '') = ''";

/// Puts a verified email address of a user into their own row.
pub(crate) const MAKE_PRIMARY: &str = "UPDATE auth_user SET email = a.email
    FROM phone_auth_emailaddress a
    WHERE auth_user.id = ?1 AND a.id = ?2 AND a.user_id = ?1 AND a.is_verified AND auth_user.email IS NOT a.email";

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

/// Puts an address that its user has proven into their own row, if it is an email address and none is there.
pub(crate) fn fill_own_email(
    connection: &Connection,
    user: UserId,
    kind: AddressKind,
    value: &str,
) -> Result<(), Failure> {
    if kind == AddressKind::Email {
        rows::change(connection, OWN_EMAIL, params![user.get(), value])?;
    }
    Ok(())
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
