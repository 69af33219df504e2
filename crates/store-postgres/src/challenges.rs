//! Challenges, on PostgreSQL.

pub(crate) mod statements;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{
    Challenge, ChallengeId, ChallengeSubject, KeptChallenge, NewChallenge, Renewal, TypedNames,
};
use phone_auth_core::link::RightCode;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::{ChallengeStore, StoreError, StoreErrorKind};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use self::statements::{
    ATTEMPT, BEGIN, END, FIND, KEEP_NAMES, NAMES, OPEN, REMOVE_EXPIRED, RENEW, REOPEN, RETURN,
};
use crate::failure::Failure;
use crate::pool::Query;
use crate::rows;
use crate::store::PostgresStore;

#[async_trait]
impl ChallengeStore for PostgresStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        self.run(bind(query(BEGIN), Some(new))).await?;
        Ok(())
    }

    async fn open_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        self.run(bind(query(OPEN), Some(new))).await?;
        Ok(())
    }

    async fn challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
    ) -> Result<Option<KeptChallenge>, StoreError> {
        let group = id.group_of_nobody();
        let find = query(FIND)
            .bind(id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice())
            .bind(purpose.as_str());
        let found = self.first(find).await?;
        Ok(found.map(|row| kept(&row)).transpose()?)
    }

    async fn renew_challenge(&self, renewal: &Renewal) -> Result<bool, StoreError> {
        let group = renewal.id.group_of_nobody();
        let renew = query(RENEW)
            .bind(renewal.id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice())
            .bind(small(renewal.sends))
            .bind(rows::micros(renewal.resend_at))
            .bind(rows::micros(renewal.expires_at))
            .bind(small(renewal.attempts))
            .bind(rows::micros(renewal.now))
            .bind(small(renewal.sends_then))
            .bind(renewal.subject.as_bytes().as_slice());
        Ok(self.first(renew).await?.is_some())
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        let group = id.group_of_nobody();
        let attempt = query(ATTEMPT)
            .bind(id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice())
            .bind(purpose.as_str())
            .bind(rows::micros(now));
        let Some(row) = self.first(attempt).await? else {
            return Ok(None);
        };
        Ok(Some(Challenge {
            email: address(&row, 0)?,
            phone: address(&row, 1)?,
            subject: subject(&row, 2)?,
            attempts_left: count(&row, 3)?,
            expires_at: row.try_get(4).map_err(Failure::from)?,
        }))
    }

    async fn return_attempt(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        expires_at: DateTime<Utc>,
        most: u32,
    ) -> Result<(), StoreError> {
        let group = id.group_of_nobody();
        let give_back = query(RETURN)
            .bind(id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice())
            .bind(purpose.as_str())
            .bind(rows::micros(expires_at))
            .bind(small(most));
        self.run(give_back).await?;
        Ok(())
    }

    async fn end_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let end = query(END)
            .bind(id.as_bytes().as_slice())
            .bind(rows::micros(now))
            .bind(code.kind.as_str())
            .bind(code.purpose.as_str())
            .bind(code.address.get())
            .bind(rows::micros(code.code_at))
            .bind(rows::micros(code.next_code_at()));
        Ok(self.first(end).await?.is_some())
    }

    async fn reopen_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        proven_at: DateTime<Utc>,
        attempts: u32,
    ) -> Result<bool, StoreError> {
        let reopen = query(REOPEN)
            .bind(id.as_bytes().as_slice())
            .bind(rows::micros(proven_at))
            .bind(small(attempts))
            .bind(code.kind.as_str())
            .bind(code.purpose.as_str())
            .bind(code.address.get())
            .bind(rows::micros(code.code_at))
            .bind(rows::micros(code.next_code_at()));
        Ok(self.first(reopen).await?.is_some())
    }

    async fn keep_typed_names(
        &self,
        id: &ChallengeId,
        names: &TypedNames,
    ) -> Result<(), StoreError> {
        let group = id.group_of_nobody();
        let keep = query(KEEP_NAMES)
            .bind(id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice())
            .bind(&names.first_name)
            .bind(&names.last_name);
        self.run(keep).await?;
        Ok(())
    }

    async fn typed_names(&self, id: &ChallengeId) -> Result<Option<TypedNames>, StoreError> {
        let group = id.group_of_nobody();
        let look = query(NAMES)
            .bind(id.as_bytes().as_slice())
            .bind(group.as_bytes().as_slice());
        let row = self.first(look).await?;
        let names = row.as_ref().map(|row| {
            Ok::<_, Failure>(TypedNames {
                first_name: rows::text(row, 0)?,
                last_name: rows::text(row, 1)?,
            })
        });
        Ok(names.transpose()?)
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let remove = query(REMOVE_EXPIRED)
            .bind(rows::micros(now))
            .bind(i64::from(limit));
        Ok(rows::count(self.first(remove).await?.as_ref())?)
    }
}

/// The arguments of [`BEGIN`], or of a statement that begins with the same; all NULL where no challenge begins.
pub(crate) fn bind<'q>(begin: Query<'q>, new: Option<&NewChallenge>) -> Query<'q> {
    let bytes = |id: ChallengeId| id.as_bytes().to_vec();
    let previous = new.and_then(|it| it.previous);
    begin
        .bind(new.map(|it| bytes(it.id.group_of_nobody())))
        .bind(new.map(|it| it.purpose.as_str()))
        .bind(new.and_then(|it| it.email).map(AddressId::get))
        .bind(new.and_then(|it| it.phone).map(AddressId::get))
        .bind(new.map(|it| small(it.attempts)))
        .bind(new.map(|it| rows::micros(it.created_at)))
        .bind(new.map(|it| rows::micros(it.expires_at)))
        .bind(new.map(|it| it.subject.as_bytes().to_vec()))
        .bind(new.map(|it| small(it.sends)))
        .bind(new.map(|it| rows::micros(it.resend_at)))
        .bind(previous.map(bytes))
        .bind(previous.map(|it| bytes(it.group_of_nobody())))
        .bind(new.map(|it| bytes(it.id)))
}

/// What the columns of [`FIND`] hold.
fn kept(row: &PgRow) -> Result<KeptChallenge, Failure> {
    Ok(KeptChallenge {
        email: address(row, 0)?,
        phone: address(row, 1)?,
        subject: subject(row, 2)?,
        attempts_left: count(row, 3)?,
        expires_at: row.try_get(4)?,
        sends: count(row, 5)?,
        resend_at: row.try_get(6)?,
        proven_at: row.try_get(7)?,
    })
}

fn address(row: &PgRow, column: usize) -> Result<Option<AddressId>, Failure> {
    let id: Option<i64> = row.try_get(column)?;
    Ok(id.map(AddressId::new))
}

fn subject(row: &PgRow, column: usize) -> Result<Option<ChallengeSubject>, Failure> {
    let subject: Option<Vec<u8>> = row.try_get(column)?;
    let subject = subject.map(<[u8; 8]>::try_from).transpose();
    Ok(subject
        .map_err(|_| StoreErrorKind::Broken)?
        .map(ChallengeSubject::from_bytes))
}

/// A count, as its column keeps it.
fn small(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn count(row: &PgRow, column: usize) -> Result<u32, Failure> {
    let count: i32 = row.try_get(column)?;
    u32::try_from(count).map_err(|_| StoreErrorKind::Broken.into())
}
