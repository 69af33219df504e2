//! What Django stores and the flows cannot serve as it is.

use async_trait::async_trait;
use phone_auth_core::person::PersonId;
use phone_auth_core::store::{Oddity, OddityKind, OddityStore, StoreError};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows::{self, readable};
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

const FOREIGN_PHONES: &str = "
    SELECT phone::text, user_id::int8, phone || ' ' || user_id FROM phone_auth_phonenumber
    WHERE phone !~ '^[+][1-9][0-9]*$' ORDER BY 1, 2";

const UNREADABLE_TIMES: &str = concat!(
    "SELECT u.username::text, u.id::int8, u.id::text FROM auth_user u
    WHERE ",
    readable!("u.date_joined"),
    " IS NULL OR u.last_login IS NOT NULL AND ",
    readable!("u.last_login"),
    " IS NULL ORDER BY u.id"
);

#[async_trait]
impl OddityStore for PostgresStore {
    async fn oddities(&self) -> Result<Vec<Oddity>, StoreError> {
        let mut all = Vec::new();
        for (kind, look) in [
            (OddityKind::SharedEmail, SHARED_EMAILS),
            (OddityKind::SharedUsername, SHARED_USERNAMES),
            (OddityKind::ForeignPhone, FOREIGN_PHONES),
            (OddityKind::UnreadableTime, UNREADABLE_TIMES),
        ] {
            all.extend(self.together(kind, look).await?);
        }
        Ok(all)
    }
}

impl PostgresStore {
    /// The rows of a query, those with the same last column together.
    async fn together(&self, kind: OddityKind, look: &'static str) -> Result<Vec<Oddity>, Failure> {
        let answer = self.run_for_operator(query(look)).await?;
        let found = answer
            .iter()
            .map(|row| {
                let stored = (rows::text(row, 0)?, PersonId::new(row.try_get(1)?));
                Ok((stored, row.try_get::<String, _>(2)?))
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(found
            .chunk_by(|(_, one), (_, other)| one == other)
            .map(|rows| Oddity {
                kind,
                rows: rows.iter().map(|(stored, _)| stored.clone()).collect(),
            })
            .collect())
    }
}
