//! The parts of a password that is replaced, on SQLite, and of an account that is proven by the proof of its one claim.

use phone_auth_core::address::{AccountProof, VerificationClaim};
use phone_auth_core::challenge::TypedNames;
use phone_auth_core::user::UserId;
use rusqlite::Connection;

use crate::failure::Failure;
use crate::rows;
use crate::{links, replacements};

pub(crate) const LAST_LOGIN: &str = "SELECT last_login FROM auth_user WHERE id = ?1";

pub(crate) const REPLACE_PASSWORD: &str = "UPDATE auth_user SET password = ?3 WHERE id = ?1 AND ifnull(CAST(password AS TEXT), '') = ?2 AND is_active";

/// NULL differs from no digest, so that without one to keep all end.
pub(crate) const END_SESSIONS: &str =
    "DELETE FROM phone_auth_session WHERE person_id = ?1 AND digest IS NOT ?2";

pub(crate) const MOVE_SESSION: &str =
    "UPDATE phone_auth_session SET digest = ?3, password_digest = ?4
    WHERE digest = ?2 AND person_id = ?1";

pub(crate) const SET_NAMES: &str = "UPDATE auth_user SET first_name = coalesce(?2, first_name), last_name = coalesce(?3, last_name) WHERE id = ?1";

/// Whether an account is as it must be for the proof of one claim to prove it.
pub(crate) const IS_UNPROVEN: &str = "SELECT 1 FROM auth_user
    WHERE id = ?1 AND ifnull(CAST(password AS TEXT), '') = ?2 AND is_active
        AND NOT EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified)
        AND NOT EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = ?1 AND is_verified)";

/// Whether the account of a claim is as its proof says that it must be.
pub(crate) fn is_as_proven(
    connection: &Connection,
    user: UserId,
    account: &AccountProof,
) -> Result<bool, Failure> {
    let asked = (user.get(), account.old.reveal());
    Ok(rows::first(connection, IS_UNPROVEN, asked, |_| Ok(()))?.is_some())
}

/// Makes an account the account of the one who has proven its claim: what was there before ends.
pub(crate) fn prove_account(
    connection: &Connection,
    claim: &VerificationClaim,
    account: &AccountProof,
) -> Result<(), Failure> {
    let (user, id) = (claim.user.get(), claim.id.get());
    let (old, new) = (account.old.reveal(), account.new.reveal());
    rows::change(connection, REPLACE_PASSWORD, (user, old, new))?;
    set_names(connection, claim.user, account.names.as_ref())?;
    rows::change(connection, END_SESSIONS, (user, None::<&[u8]>))?;
    let but = (user, claim.kind.as_str(), id);
    rows::change(connection, replacements::END_BY_RESET, but)?;
    links::end_unproven(connection, claim.user, Some(id))
}

/// Gives a user the names that were typed, if any were.
pub(crate) fn set_names(
    connection: &Connection,
    user: UserId,
    names: Option<&TypedNames>,
) -> Result<(), Failure> {
    if let Some(names) = names {
        let names = (user.get(), &names.first_name, &names.last_name);
        rows::change(connection, SET_NAMES, names)?;
    }
    Ok(())
}
