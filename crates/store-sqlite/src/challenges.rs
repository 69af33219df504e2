//! Challenges, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{
    Challenge, ChallengeId, ChallengeSubject, KeptChallenge, NewChallenge, Renewal, TakenPlace,
    TypedNames,
};
use phone_auth_core::link::RightCode;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::{ChallengeStore, StoreError};
use rusqlite::{Connection, params};

use crate::failure::Failure;
use crate::rows;
use crate::store::SqliteStore;

macro_rules! insert {
    () => {
        "INSERT INTO phone_auth_challenge
    (id, purpose, email_id, phone_id, attempts_left, created_at, expires_at, subject, sends, resend_at, key_digest)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (id) DO "
    };
}

pub(crate) const BEGIN: &str = concat!(
    insert!(),
    "UPDATE SET purpose = ?2, email_id = ?3, phone_id = ?4, attempts_left = ?5, created_at = ?6,
        expires_at = ?7, subject = ?8, sends = ?9, resend_at = ?10, proven_at = NULL, key_digest = ?11,
        first_name = NULL, last_name = NULL"
);

/// One that is there stays.
pub(crate) const OPEN: &str = concat!(insert!(), "NOTHING");

/// What is kept at the places of a group.
pub(crate) const TAKEN: &str =
    "SELECT id, key_digest, created_at, expires_at FROM phone_auth_challenge
    WHERE id BETWEEN ?1 AND ?2";

/// The row of a key: at a place of its group, else under its id. The whole group is looked at for everyone, so that it takes as long:
/// what is put in order is read to its end first.
macro_rules! of_key {
    () => {
        "id = coalesce(
            (SELECT id FROM phone_auth_challenge WHERE id BETWEEN ?2 AND ?3 AND key_digest = ?1
                ORDER BY created_at LIMIT 1), ?1)"
    };
}

pub(crate) const FIND: &str = concat!(
    "SELECT email_id, phone_id, subject, attempts_left, expires_at, sends, resend_at, proven_at
    FROM phone_auth_challenge WHERE ",
    of_key!(),
    " AND purpose = ?4"
);

pub(crate) const KEEP_NAMES: &str = concat!(
    "UPDATE phone_auth_challenge SET first_name = ?4, last_name = ?5 WHERE ",
    of_key!()
);

pub(crate) const NAMES: &str = concat!(
    "SELECT first_name, last_name FROM phone_auth_challenge WHERE ",
    of_key!(),
    " AND first_name IS NOT NULL AND last_name IS NOT NULL"
);

pub(crate) const RENEW: &str = concat!(
    "UPDATE phone_auth_challenge SET sends = ?9, resend_at = ?5, expires_at = ?6, subject = ?10,
        attempts_left = CASE WHEN expires_at > ?8 THEN attempts_left ELSE ?7 END
    WHERE ",
    of_key!(),
    " AND sends = ?4"
);

pub(crate) const ATTEMPT: &str = concat!(
    "UPDATE phone_auth_challenge SET attempts_left = attempts_left - 1
    WHERE ",
    of_key!(),
    " AND purpose = ?4 AND attempts_left > 0 AND expires_at > ?5
    RETURNING email_id, phone_id, subject, attempts_left, expires_at"
);

/// One that is over at another time was begun anew meanwhile, or its code was.
pub(crate) const RETURN: &str = concat!(
    "UPDATE phone_auth_challenge SET attempts_left = attempts_left + 1
    WHERE ",
    of_key!(),
    " AND purpose = ?4 AND proven_at IS NULL AND expires_at = ?5 AND attempts_left < ?6"
);

/// Only one that has not ended ends its code, and only one that has not ended any more has it again.
pub(crate) const END_CODE: &str = "UPDATE phone_auth_link_request SET code_at = ?6
    WHERE kind = ?2 AND purpose = ?3 AND holder = ?4 AND code_at = ?5
        AND EXISTS (SELECT 1 FROM phone_auth_challenge WHERE id = ?1 AND proven_at IS NULL)";

pub(crate) const END: &str = "UPDATE phone_auth_challenge SET proven_at = ?2, attempts_left = 0
    WHERE id = ?1 AND proven_at IS NULL";

pub(crate) const REOPEN: &str =
    "UPDATE phone_auth_challenge SET proven_at = NULL, attempts_left = ?3
    WHERE id = ?1 AND proven_at = ?2";

/// Ends the challenge before, if it is of the same purpose; but one that verifies an address: that is its user's, in whatever
/// browser, and begun anew it would have all its attempts again.
pub(crate) const REMOVE: &str = concat!(
    "DELETE FROM phone_auth_challenge WHERE ",
    of_key!(),
    " AND purpose = ?4 AND purpose <> 'verify'"
);

pub(crate) const REMOVE_EXPIRED: &str = "DELETE FROM phone_auth_challenge
    WHERE id IN (SELECT id FROM phone_auth_challenge WHERE expires_at <= ?1 LIMIT ?2)";

#[async_trait]
impl ChallengeStore for SqliteStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        let new = *new;
        self.write(move |connection| begin(connection, &new)).await
    }

    async fn open_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        let new = *new;
        self.write(move |connection| insert(connection, OPEN, &new))
            .await
    }

    async fn challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
    ) -> Result<Option<KeptChallenge>, StoreError> {
        self.read(|connection| {
            let first = id.group_of_nobody();
            let last = first.end_of_group();
            let asked = params![
                id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
                purpose.as_str(),
            ];
            rows::first(connection, FIND, asked, |row| {
                let resend_at: Option<i64> = row.get(6)?;
                let proven_at: Option<i64> = row.get(7)?;
                Ok(KeptChallenge {
                    email: row.get::<_, Option<i64>>(0)?.map(AddressId::new),
                    phone: row.get::<_, Option<i64>>(1)?.map(AddressId::new),
                    subject: row
                        .get::<_, Option<_>>(2)?
                        .map(ChallengeSubject::from_bytes),
                    attempts_left: row.get(3)?,
                    expires_at: time(row.get(4)?),
                    sends: row.get(5)?,
                    resend_at: resend_at.map(time),
                    proven_at: proven_at.map(time),
                })
            })
        })
    }

    async fn renew_challenge(&self, renewal: &Renewal) -> Result<bool, StoreError> {
        let renewal = *renewal;
        self.write(move |connection| {
            let first = renewal.id.group_of_nobody();
            let last = first.end_of_group();
            let row = params![
                renewal.id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
                renewal.sends,
                renewal.resend_at.timestamp_micros(),
                renewal.expires_at.timestamp_micros(),
                renewal.attempts,
                renewal.now.timestamp_micros(),
                renewal.sends_then,
                renewal.subject.as_bytes().as_slice(),
            ];
            Ok(rows::change(connection, RENEW, row)? > 0)
        })
        .await
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        let id = *id;
        self.write(move |connection| {
            let first = id.group_of_nobody();
            let last = first.end_of_group();
            let asked = params![
                id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
                purpose.as_str(),
                now.timestamp_micros(),
            ];
            rows::first(connection, ATTEMPT, asked, |row| {
                Ok(Challenge {
                    email: row.get::<_, Option<i64>>(0)?.map(AddressId::new),
                    phone: row.get::<_, Option<i64>>(1)?.map(AddressId::new),
                    subject: row
                        .get::<_, Option<_>>(2)?
                        .map(ChallengeSubject::from_bytes),
                    attempts_left: row.get(3)?,
                    expires_at: time(row.get(4)?),
                })
            })
        })
        .await
    }

    async fn return_attempt(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        expires_at: DateTime<Utc>,
        most: u32,
    ) -> Result<(), StoreError> {
        let id = *id;
        self.write(move |connection| {
            let first = id.group_of_nobody();
            let last = first.end_of_group();
            let row = params![
                id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
                purpose.as_str(),
                expires_at.timestamp_micros(),
                most,
            ];
            rows::change(connection, RETURN, row)?;
            Ok(())
        })
        .await
    }

    async fn end_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let (id, code) = (*id, *code);
        self.write(move |connection| {
            let used = params![
                id.as_bytes().as_slice(),
                code.kind.as_str(),
                code.purpose.as_str(),
                code.address.get(),
                code.code_at.timestamp_micros(),
                code.next_code_at().timestamp_micros(),
            ];
            if rows::change(connection, END_CODE, used)? == 0 {
                return Ok(false);
            }
            let row = params![id.as_bytes().as_slice(), now.timestamp_micros()];
            Ok(rows::change(connection, END, row)? > 0)
        })
        .await
    }

    async fn reopen_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        proven_at: DateTime<Utc>,
        attempts: u32,
    ) -> Result<bool, StoreError> {
        let (id, code) = (*id, *code);
        self.write(move |connection| {
            let row = params![
                id.as_bytes().as_slice(),
                proven_at.timestamp_micros(),
                attempts
            ];
            let is_reopened = rows::change(connection, REOPEN, row)? > 0;
            if is_reopened {
                let unused = params![
                    id.as_bytes().as_slice(),
                    code.kind.as_str(),
                    code.purpose.as_str(),
                    code.address.get(),
                    code.next_code_at().timestamp_micros(),
                    code.code_at.timestamp_micros(),
                ];
                rows::change(connection, END_CODE, unused)?;
            }
            Ok(is_reopened)
        })
        .await
    }

    async fn keep_typed_names(
        &self,
        id: &ChallengeId,
        names: &TypedNames,
    ) -> Result<(), StoreError> {
        let (id, names) = (*id, names.clone());
        self.write(move |connection| {
            let first = id.group_of_nobody();
            let last = first.end_of_group();
            let row = params![
                id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
                names.first_name,
                names.last_name,
            ];
            rows::change(connection, KEEP_NAMES, row)?;
            Ok(())
        })
        .await
    }

    async fn typed_names(&self, id: &ChallengeId) -> Result<Option<TypedNames>, StoreError> {
        self.read(|connection| {
            let first = id.group_of_nobody();
            let last = first.end_of_group();
            let asked = params![
                id.as_bytes().as_slice(),
                first.as_bytes().as_slice(),
                last.as_bytes().as_slice(),
            ];
            rows::first(connection, NAMES, asked, |row| {
                Ok(TypedNames {
                    first_name: rows::text(row, 0)?,
                    last_name: rows::text(row, 1)?,
                })
            })
        })
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let over = (now.timestamp_micros(), limit);
            let removed = rows::change(connection, REMOVE_EXPIRED, over)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// Begins a challenge, and ends the previous one.
pub(crate) fn begin(connection: &Connection, new: &NewChallenge) -> Result<(), Failure> {
    if let Some(previous) = &new.previous {
        let first = previous.group_of_nobody();
        let last = first.end_of_group();
        let ended = params![
            previous.as_bytes().as_slice(),
            first.as_bytes().as_slice(),
            last.as_bytes().as_slice(),
            new.purpose.as_str(),
        ];
        rows::change(connection, REMOVE, ended)?;
    }
    insert(connection, BEGIN, new)
}

fn insert(connection: &Connection, statement: &str, new: &NewChallenge) -> Result<(), Failure> {
    // For someone's as well, which has its place by itself: so that both take as long.
    let place = new.place(&taken(connection, &new.id)?);
    let row = params![
        place.as_bytes().as_slice(),
        new.purpose.as_str(),
        new.email.map(AddressId::get),
        new.phone.map(AddressId::get),
        new.attempts,
        new.created_at.timestamp_micros(),
        new.expires_at.timestamp_micros(),
        new.subject.as_bytes().as_slice(),
        new.sends,
        new.resend_at.timestamp_micros(),
        new.key_digest().map(|it| *it.as_bytes()),
    ];
    rows::change(connection, statement, row)?;
    Ok(())
}

/// What is kept at the places at which a challenge with this id may stand if it is nobody's.
fn taken(connection: &Connection, id: &ChallengeId) -> Result<Vec<TakenPlace>, Failure> {
    let first = id.group_of_nobody();
    let last = first.end_of_group();
    let group = params![first.as_bytes().as_slice(), last.as_bytes().as_slice()];
    rows::all(connection, TAKEN, group, |row| {
        let key_digest = row.get::<_, Option<_>>(1)?;
        Ok(TakenPlace {
            place: ChallengeId::from_bytes(row.get(0)?),
            key_digest: key_digest.map(ChallengeId::from_bytes),
            created_at: time(row.get(2)?),
            expires_at: time(row.get(3)?),
        })
    })
}

/// A time; one that no calendar has is the beginning of 1970, as long ago as what has ended.
fn time(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or(DateTime::UNIX_EPOCH)
}
