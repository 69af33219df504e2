//! What Django stores and the flows cannot serve as it is.

use async_trait::async_trait;
use phone_auth_core::store::{
    Anomaly, AnomalyKind, AnomalyStore, StoreError, anomaly_of_email, anomaly_of_phone,
    shared_spellings,
};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows::{self, readable};
use crate::spellings::{digits, is_number};
use crate::store::PostgresStore;

/// What is stored, whose it is, and under which text it is put together with others.
const SHARED_EMAILS: &str = "
    SELECT e.email::text, e.user_id::int8, lower(e.email COLLATE \"C\") AS shared
    FROM phone_auth_emailaddress e
    WHERE EXISTS (SELECT 1 FROM phone_auth_emailaddress o
        WHERE lower(o.email COLLATE \"C\") = lower(e.email COLLATE \"C\") AND o.user_id <> e.user_id)
    ORDER BY 3, 2, 1";

const SHARED_USERNAMES: &str = "
    SELECT u.username::text, u.id::int8, lower(u.username COLLATE \"C\") AS shared
    FROM auth_user u
    WHERE EXISTS (SELECT 1 FROM auth_user o
        WHERE lower(o.username COLLATE \"C\") = lower(u.username COLLATE \"C\") AND o.id <> u.id)
    ORDER BY 3, 2, 1";

/// A username, whose it is, the address that it is, whose that is, each pair under the username's owner.
const USERNAMES_OF_OTHERS: &str = concat!(
    "WITH pair AS (
        SELECT u.username::text, u.id, a.email::text AS address, a.user_id FROM auth_user u
            JOIN phone_auth_emailaddress a
            ON lower(a.email COLLATE \"C\") = lower(u.username COLLATE \"C\") AND a.user_id <> u.id
        UNION
        SELECT u.username::text, u.id, a.phone::text, a.user_id FROM auth_user u JOIN phone_auth_phonenumber a
            ON a.phone = '+' || regexp_replace(",
    digits!("u.username"),
    ", '^00', '') AND a.user_id <> u.id
        WHERE ",
    is_number!("u.username"),
    ")
    SELECT username, id::int8, username || ' ' || address FROM pair
    UNION ALL SELECT address, user_id::int8, username || ' ' || address FROM pair
    ORDER BY 3, 2"
);

/// The next addresses after an id, so that no statement takes longer the more there are.
const EMAILS: &str = "SELECT id::int8, email::text, user_id::int8 FROM phone_auth_emailaddress
    WHERE id > $1 AND email <> '' ORDER BY id LIMIT 5000";

const PHONES: &str = "SELECT id::int8, phone::text, user_id::int8 FROM phone_auth_phonenumber
    WHERE id > $1 AND phone <> '' ORDER BY id LIMIT 5000";

/// The addresses whose user there is not, where a foreign key does not see to it.
const OWNERLESS: &str = "
    SELECT email::text, user_id::int8, 'e' || id FROM phone_auth_emailaddress a
        WHERE user_id IS NULL OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = a.user_id)
    UNION ALL SELECT phone::text, user_id::int8, 'p' || id FROM phone_auth_phonenumber a
        WHERE user_id IS NULL OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = a.user_id)
    ORDER BY 1, 3";

const UNREADABLE_TIMES: &str = concat!(
    "SELECT u.username::text, u.id::int8, u.id::text FROM auth_user u
    WHERE ",
    readable!("u.date_joined"),
    " IS NULL OR u.last_login IS NOT NULL AND ",
    readable!("u.last_login"),
    " IS NULL ORDER BY u.id"
);

#[async_trait]
impl AnomalyStore for PostgresStore {
    async fn anomalies(&self) -> Result<Vec<Anomaly>, StoreError> {
        let mut all = Vec::new();
        for (kind, look) in [
            (AnomalyKind::SharedEmail, SHARED_EMAILS),
            (AnomalyKind::SharedUsername, SHARED_USERNAMES),
            (AnomalyKind::UsernameOfAnother, USERNAMES_OF_OTHERS),
        ] {
            all.extend(self.together(kind, look).await?);
        }
        all.extend(self.each(EMAILS, anomaly_of_email).await?);
        all.extend(self.each(PHONES, anomaly_of_phone).await?);
        all.extend(self.together(AnomalyKind::Ownerless, OWNERLESS).await?);
        let times = self.together(AnomalyKind::UnreadableTime, UNREADABLE_TIMES);
        all.extend(times.await?);
        let shared = shared_spellings(self, &all).await?;
        Ok(shared.into_iter().chain(all).collect())
    }
}

impl PostgresStore {
    /// The addresses that are odd, each by itself, in the order of what is stored.
    async fn each(
        &self,
        page: &'static str,
        odd: fn(&str) -> Option<AnomalyKind>,
    ) -> Result<Vec<Anomaly>, Failure> {
        let (mut found, mut after) = (Vec::new(), i64::MIN);
        loop {
            let rows = self.run(query(page).bind(after)).await?;
            let Some(last) = rows.last() else {
                break;
            };
            after = last.try_get(0)?;
            for row in &rows {
                let stored = rows::text(row, 1)?;
                if let Some(kind) = odd(&stored) {
                    found.push((kind, stored, owner(row, 2)?));
                }
            }
        }
        found.sort_by(|(_, one, _), (_, other, _)| one.cmp(other));
        let odd = found.into_iter().map(|(kind, stored, user)| Anomaly {
            kind,
            rows: vec![(stored, user)],
        });
        Ok(odd.collect())
    }

    /// The rows of a query, those with the same last column together.
    async fn together(
        &self,
        kind: AnomalyKind,
        look: &'static str,
    ) -> Result<Vec<Anomaly>, Failure> {
        let answer = self.run_for_operator(query(look)).await?;
        let found = answer
            .iter()
            .map(|row| {
                let stored = (rows::text(row, 0)?, owner(row, 1)?);
                Ok((stored, row.try_get::<String, _>(2)?))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(found
            .chunk_by(|(_, one), (_, other)| one == other)
            .map(|rows| Anomaly {
                kind,
                rows: rows.iter().map(|(stored, _)| stored.clone()).collect(),
            })
            .collect())
    }
}

/// Whose an address is, in a column that may hold nothing; then it is nobody's.
fn owner(row: &PgRow, column: usize) -> Result<UserId, Failure> {
    let id: Option<i64> = row.try_get(column)?;
    Ok(UserId::new(id.unwrap_or_default()))
}
