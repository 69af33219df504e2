//! In which ways the passwords are hashed.

use async_trait::async_trait;
use phone_auth_core::store::{PasswordKind, PasswordKindStore, StoreError};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::store::PostgresStore;

/// What stands before the first `$` and between it and the second, and how often. The latter is a salt in some formats, as in
/// that of MD5, so only what is known to be a cost is told. A `!` comes first where there is no usable password.
const KINDS: &str = "
    SELECT split_part(password, '$', 1) COLLATE \"C\",
        CASE WHEN password COLLATE \"C\" ~ '^((pbkdf2_[^$]*|scrypt)[$][0-9]+|argon2[$]argon2(id|i|d))[$]'
            THEN split_part(password, '$', 2) ELSE '' END COLLATE \"C\", count(*)
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
