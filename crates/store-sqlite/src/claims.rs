//! Claims, on SQLite: addresses that users have added while others held them without proof.

use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressId, AddressKind, AddressRemoval, Claiming, EmailAddress, EmailSpellings,
    Losses, PhoneNumber, PhoneSpellings, ProofByHand, RemovalOutcome, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::user::UserId;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use crate::address_changes::statements::{self as of_addresses, NEXT_EMAIL, fill_own_email};
use crate::addresses::statements::insert as insert_address;
use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::passwords;
use crate::proofs::statements as proofs;
use crate::replacements;
use crate::rows::{self, user_columns};
use crate::spellings::{Texts, digits, is_foreign_phone, is_padded, trimmed};
use crate::users::statements::{is_email_taken, is_phone_taken};

/// The statements about one kind.
pub(crate) struct Statements {
    /// Whether more than unproven rows of others keep the user `?11` from an address.
    pub(crate) is_kept: &'static str,
    /// The rows of an address, in whatever spelling: the number, whose, and the text.
    pub(crate) held: &'static str,
    pub(crate) with_user: &'static str,
    /// The claim, its user, and the newest request for a link.
    pub(crate) target: &'static str,
    verified: &'static str,
}

macro_rules! statements {
    ($kind:literal, $table:literal, $is_kept:expr, $held:expr) => {
        Statements {
            is_kept: concat!("SELECT ", $is_kept),
            held: $held,
            with_user: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id WHERE c.id = ?1 AND c.kind = '",
                $kind,
                "'"
            ),
            target: concat!(
                "SELECT ",
                user_columns!(),
                ", c.id, c.value, c.is_proven, c.user_id, r.requested_at, r.code_at, 0
                FROM phone_auth_claim c JOIN auth_user u ON u.id = c.user_id
                LEFT JOIN phone_auth_link_request r ON r.kind = c.kind AND r.purpose = ?2 AND r.holder = c.id
                WHERE c.id = ?1 AND c.kind = '",
                $kind,
                "'"
            ),
            verified: concat!("UPDATE ", $table, " SET is_verified = 1 WHERE id = ?1"),
        }
    };
}

const EMAIL: Statements = statements!(
    "email",
    "phone_auth_emailaddress",
    is_email_taken!(
        " AND id <> ?11",
        " AND id <> ?11 AND NOT EXISTS (SELECT 1 FROM phone_auth_emailaddress a WHERE a.user_id = auth_user.id
            AND a.is_verified IS NOT TRUE AND lower(a.email) = lower(auth_user.email))",
        " AND (is_verified OR user_id = ?11)"
    ),
    concat!(
        "SELECT id, user_id, email FROM phone_auth_emailaddress WHERE lower(email) IN (?7, ?8, ?9, ?10)
        UNION
        SELECT id, user_id, email FROM phone_auth_emailaddress WHERE lower(",
        trimmed!("email"),
        ") IN (?7, ?8, ?9, ?10) AND ",
        is_padded!("email")
    )
);

const PHONE: Statements = statements!(
    "phone",
    "phone_auth_phonenumber",
    is_phone_taken!(" AND id <> ?11", " AND (is_verified OR user_id = ?11)"),
    concat!(
        "SELECT id, user_id, phone FROM phone_auth_phonenumber WHERE phone IN (?1, ?2)
        UNION
        SELECT id, user_id, phone FROM phone_auth_phonenumber WHERE ",
        digits!("phone"),
        " IN (?3, ?4, ?5, ?6) AND ",
        is_foreign_phone!("phone")
    )
);

/// The statements about a kind.
pub(crate) const fn statements(kind: AddressKind) -> &'static Statements {
    match kind {
        AddressKind::Email => &EMAIL,
        AddressKind::Phone => &PHONE,
    }
}

/// One that was proven once may be claimed again: its user has it no more.
const ADD: &str = "INSERT INTO phone_auth_claim (user_id, kind, value) VALUES (?1, ?2, ?3)
    ON CONFLICT (user_id, kind, value) DO UPDATE SET is_proven = 0 WHERE is_proven RETURNING id";

pub(crate) const CLAIM: &str = "SELECT is_proven,
        (SELECT requested_at FROM phone_auth_link_request WHERE kind = ?2 AND purpose = 'verify' AND holder = ?1)
    FROM phone_auth_claim WHERE id = ?1 AND kind = ?2 AND user_id = ?3 AND value = ?4";

const VALUE: &str = "SELECT value FROM phone_auth_claim WHERE id = ?1 AND kind = ?2 AND user_id = ?3 AND NOT is_proven";

pub(crate) const PROVEN: &str = "UPDATE phone_auth_claim SET is_proven = 1 WHERE id = ?1";

const REMOVE: &str = "DELETE FROM phone_auth_claim WHERE id = ?1 AND kind = ?2 AND user_id = ?3";

/// Of all users; whose they were.
pub(crate) const END_ON: &str =
    "DELETE FROM phone_auth_claim WHERE kind = ?1 AND value IN (?2, ?3, ?4, ?5)
    RETURNING id, user_id";

pub(crate) const END_OF: &str =
    "DELETE FROM phone_auth_claim WHERE kind = ?1 AND value IN (?2, ?3, ?4, ?5) AND user_id = ?6";

pub(crate) const END_OF_OTHERS: &str = "DELETE FROM phone_auth_claim WHERE kind = ?1 AND value = ?2 AND user_id <> ?3 RETURNING id, user_id";

/// Ends the links and codes that were sent to the claims of others on an address: those stay.
pub(crate) const END_LINKS_OF_OTHERS: &str = "DELETE FROM phone_auth_link_request WHERE claim_id IN (
        SELECT id FROM phone_auth_claim WHERE kind = ?1 AND value IN (?2, ?3, ?4, ?5) AND user_id <> ?6)";

/// What a reset ends besides those on the address that it proves: all of the user, who may not have made them.
pub(crate) const END_BY_RESET: &str = "DELETE FROM phone_auth_claim WHERE user_id = ?1";

/// Claims an address that is taken; none when more than unproven rows of others are in the way, or it is claimed already.
pub(crate) fn add(
    connection: &Connection,
    user: UserId,
    address: &Address,
) -> Result<Option<AddressId>, Failure> {
    if is_kept(connection, user, address)? {
        return Ok(None);
    }
    insert(connection, user, address)
}

/// Claims an address, no matter who has it; none when the user has it, or claims it already.
pub(crate) fn add_any(
    connection: &Connection,
    user: UserId,
    address: &Address,
) -> Result<Option<AddressId>, Failure> {
    let held = held(connection, address)?;
    if held.iter().any(|(_, holder, _)| *holder == user.get()) {
        return Ok(None);
    }
    insert(connection, user, address)
}

/// Stores a claim; none when the user claims it already.
pub(crate) fn insert(
    connection: &Connection,
    user: UserId,
    address: &Address,
) -> Result<Option<AddressId>, Failure> {
    let claimed = (user.get(), address.kind().as_str(), address.as_str());
    rows::first(connection, ADD, claimed, |row| {
        Ok(AddressId::new(row.get(0)?))
    })
}

/// Whether an address of a new user becomes a claim.
pub(crate) fn is_claim(
    connection: &Connection,
    address: &Address,
    is_taken: bool,
    claiming: Claiming,
) -> Result<bool, Failure> {
    Ok(match claiming {
        Claiming::Never => false,
        // No user has this number.
        Claiming::Unproven => is_taken && !is_kept(connection, UserId::new(0), address)?,
        Claiming::Always => true,
    })
}

/// The rows of an address, in whatever spelling: the number, whose, and the text.
pub(crate) fn held(
    connection: &Connection,
    address: &Address,
) -> Result<Vec<(i64, i64, String)>, Failure> {
    let count = match address.kind() {
        AddressKind::Email => 10,
        AddressKind::Phone => 6,
    };
    let held = params_from_iter(names(address).take(count));
    rows::all(connection, statements(address.kind()).held, held, |row| {
        Ok((row.get(0)?, row.get(1)?, rows::text(row, 2)?))
    })
}

fn is_kept(connection: &Connection, user: UserId, address: &Address) -> Result<bool, Failure> {
    let names = names(address).chain([user.get().into()]);
    let is_kept = statements(address.kind()).is_kept;
    rows::only(connection, is_kept, params_from_iter(names), |row| {
        Ok(row.get(0)?)
    })
}

/// The texts that an address is looked for by.
fn names(address: &Address) -> impl Iterator<Item = Value> {
    let texts = match address {
        Address::Email(email) => Texts::of_email(email),
        Address::Phone(phone) => Texts::of_phone(phone),
    };
    let texts: Vec<_> = texts
        .iter()
        .map(|text| text.map_or(Value::Null, |text| text.to_owned().into()))
        .collect();
    texts.into_iter()
}

/// Makes a claim an address, if all that a link says is so.
pub(crate) fn verify(
    connection: &Connection,
    claim: &VerificationClaim,
) -> Result<VerificationOutcome, Failure> {
    let asked = params![
        claim.id.get(),
        claim.kind.as_str(),
        claim.user.get(),
        claim.value
    ];
    let found = rows::first(connection, CLAIM, asked, |row| {
        Ok((row.get(0)?, links::time(row, 1)?))
    })?;
    let is_newest = |newest: Option<DateTime<Utc>>| {
        newest.map(links::micros) == claim.newest.map(links::micros)
    };
    match found {
        Some((true, _)) => {
            if claim.in_session {
                let keep = proofs::statements(claim.kind).keep_session_of_claim;
                rows::change(connection, keep, (claim.user.get(), &claim.value))?;
            }
            Ok(VerificationOutcome::AlreadyVerified)
        }
        Some((false, newest)) if is_newest(newest) => {
            let account = claim.account.as_ref();
            if let Some(account) = account
                && !passwords::is_as_proven(connection, claim.user, account)?
            {
                return Ok(VerificationOutcome::Gone);
            }
            let row = (claim.kind, claim.id, claim.user);
            let is_proven = prove(
                connection,
                row,
                (&claim.value, claim.at, claim.in_session),
                (&claim.notices, &claim.losses),
            )?;
            if !is_proven {
                return Ok(VerificationOutcome::Gone);
            }
            if let Some(account) = account {
                passwords::prove_account(connection, claim, account)?;
            }
            Ok(VerificationOutcome::Verified)
        }
        _ => Ok(VerificationOutcome::Gone),
    }
}

/// Marks a claim as verified by hand: it becomes an address.
pub(crate) fn set_verified(connection: &Connection, proof: &ProofByHand) -> Result<bool, Failure> {
    let asked = params![proof.id.get(), proof.kind.as_str(), proof.user.get()];
    let value = rows::first(connection, VALUE, asked, |row| rows::text(row, 0))?;
    match value.filter(|_| proof.is_verified) {
        Some(value) => {
            let row = (proof.kind, proof.id, proof.user);
            prove(
                connection,
                row,
                (&value, proof.at, true),
                (&proof.notices, &proof.losses),
            )
        }
        None => Ok(false),
    }
}

/// Makes a claim an address, and ends whatever others have of it. `false` when it is kept from the user by now.
fn prove(
    connection: &Connection,
    (kind, id, user): (AddressKind, AddressId, UserId),
    (value, at, in_session): (&str, DateTime<Utc>, bool),
    (notices, losses): (&Notices, &Losses),
) -> Result<bool, Failure> {
    let address = match kind {
        AddressKind::Email => EmailAddress::parse(value).ok().map(Address::Email),
        AddressKind::Phone => PhoneNumber::parse(value).ok().map(Address::Phone),
    };
    let Some(address) = address else {
        return Ok(false);
    };
    if is_kept(connection, user, &address)? {
        return Ok(false);
    }
    let mut ended = Vec::new();
    for (row, holder, text) in held(connection, &address)? {
        ended.push((AddressId::new(row), UserId::new(holder)));
        rows::change(connection, of_addresses::statements(kind).remove, [row])?;
        if kind == AddressKind::Email {
            let next = params![holder, text];
            rows::change(connection, NEXT_EMAIL, next)?;
        }
    }
    if losses.keeps_claims {
        end_links_of_others(connection, user, kind, value)?;
    } else {
        let others = params![kind.as_str(), value, user.get()];
        ended.extend(rows::all(connection, END_OF_OTHERS, others, ended_claim)?);
    }
    tell(connection, losses, &ended)?;
    rows::change(connection, PROVEN, [id.get()])?;
    let row = insert_address(connection, kind, user, value)?.get();
    rows::change(connection, statements(kind).verified, [row])?;
    let when = (row, rows::time_text(at)?, in_session);
    rows::change(connection, proofs::statements(kind).keep_when, when)?;
    fill_own_email(connection, user, kind, value)?;
    outbox::enqueue_notices(connection, user, notices)?;
    Ok(true)
}

/// Removes a claim: it is no way in.
pub(crate) fn remove(
    connection: &Connection,
    removal: &AddressRemoval,
) -> Result<RemovalOutcome, Failure> {
    if !replacements::gives_way(connection, removal)? {
        return Ok(RemovalOutcome::Gone);
    }
    let row = params![removal.id.get(), removal.kind.as_str(), removal.user.get()];
    if rows::change(connection, REMOVE, row)? == 0 {
        return Ok(RemovalOutcome::Gone);
    }
    outbox::enqueue_notices(connection, removal.user, &removal.notices)?;
    Ok(RemovalOutcome::Removed)
}

/// Ends what an operator's word on an address ends: all claims on one that is proven, of one that is not that of its user.
pub(crate) fn end_by_hand(
    connection: &Connection,
    proof: &ProofByHand,
    value: &str,
) -> Result<(), Failure> {
    if proof.is_verified {
        let of = (proof.user, proof.kind);
        end_on(connection, of, value, &proof.losses)
    } else {
        end_of(connection, proof.user, proof.kind, value)
    }
}

/// Ends the claims on an address that a user has proven, and tells those who lose one; or the user's own, where others keep
/// theirs.
pub(crate) fn end_on(
    connection: &Connection,
    (user, kind): (UserId, AddressKind),
    value: &str,
    losses: &Losses,
) -> Result<(), Failure> {
    if losses.keeps_claims {
        end_of(connection, user, kind, value)?;
        return end_links_of_others(connection, user, kind, value);
    }
    let claims = params_from_iter(of_stored(kind, value));
    let ended = rows::all(connection, END_ON, claims, ended_claim)?;
    tell(connection, losses, &ended)
}

fn end_links_of_others(
    connection: &Connection,
    user: UserId,
    kind: AddressKind,
    value: &str,
) -> Result<(), Failure> {
    let others = of_stored(kind, value).chain([user.get().into()]);
    rows::change(connection, END_LINKS_OF_OTHERS, params_from_iter(others))?;
    Ok(())
}

fn ended_claim(row: &Row<'_>) -> Result<(AddressId, UserId), Failure> {
    Ok((AddressId::new(row.get(0)?), UserId::new(row.get(1)?)))
}

/// Enqueues what tells those whose row or claim has ended.
fn tell(
    connection: &Connection,
    losses: &Losses,
    ended: &[(AddressId, UserId)],
) -> Result<(), Failure> {
    for loss in losses.of(ended) {
        outbox::enqueue_notices(connection, loss.user, &loss.notices)?;
    }
    Ok(())
}

/// Ends the claim by which a user came to an address that is no longer theirs, or no longer proven.
pub(crate) fn end_of(
    connection: &Connection,
    user: UserId,
    kind: AddressKind,
    value: &str,
) -> Result<(), Failure> {
    let claims = of_stored(kind, value).chain([user.get().into()]);
    rows::change(connection, END_OF, params_from_iter(claims))?;
    Ok(())
}

/// A kind, and the values of claims on an address that is stored, which may be in any spelling. A number without its calling
/// code is no other than it is.
pub(crate) fn of_stored(kind: AddressKind, stored: &str) -> impl Iterator<Item = Value> {
    let values = match kind {
        AddressKind::Email => {
            let read = EmailSpellings::read(stored);
            read.map_or_else(Vec::new, |it| it.as_slice().to_vec())
        }
        AddressKind::Phone => [
            PhoneSpellings::read(stored, None),
            PhoneSpellings::named(stored),
        ]
        .into_iter()
        .flatten()
        .flat_map(|it| it.numbers().to_vec())
        .collect(),
    };
    let values = values.into_iter().map(Value::from);
    let padded = values.chain(std::iter::repeat(Value::Null)).take(4);
    [kind.as_str().to_owned().into()].into_iter().chain(padded)
}
