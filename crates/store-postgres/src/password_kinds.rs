//! In which ways the passwords are hashed.

use async_trait::async_trait;
use phone_auth_core::store::{PasswordKind, PasswordKindStore, StoreError};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::store::PostgresStore;

/// What stands before the first `$` and between it and the second, and how often. A `!` comes first where there is no
/// usable password.
const KINDS: &str = "
    SELECT split_part(password, '$', 1) COLLATE \"C\", split_part(password, '$', 2) COLLATE \"C\", count(*)
    FROM auth_user WHERE password LIKE '_%$%$%' AND password NOT LIKE '!%'
    GROUP BY 1, 2 ORDER BY 1, 2";

#[async_trait]
impl PasswordKindStore for PostgresStore {
    async fn password_kinds(&self) -> Result<Vec<PasswordKind>, StoreError> {
        let rows = self.run_for_operator(query(KINDS)).await?;
        let kinds = rows.iter().map(|row| {
            let users: i64 = row.try_get(2)?;
            Ok(PasswordKind {
                algorithm: row.try_get(0)?,
                cost: row.try_get(1)?,
                users: users.unsigned_abs(),
            })
        });
        Ok(kinds.collect::<Result<_, Failure>>()?)
    }
}
