//! In which ways the passwords are hashed.

use async_trait::async_trait;
use phone_auth_core::store::{PasswordKind, PasswordKindStore, StoreError};

use crate::rows;
use crate::store::SqliteStore;

/// What stands before the first `$` and between it and the second, and how often. The latter is a salt in some formats, as in
/// that of MD5, so only what is known to be a cost is told. A `!` comes first where there is no usable password.
const KINDS: &str = "
    SELECT algorithm, CASE
            WHEN (algorithm GLOB 'pbkdf2_*' OR algorithm = 'scrypt')
                AND substr(rest, 1, instr(rest, '$') - 1) NOT GLOB '*[^0-9]*' THEN substr(rest, 1, instr(rest, '$') - 1)
            WHEN algorithm = 'argon2' AND substr(rest, 1, instr(rest, '$') - 1) IN ('argon2id', 'argon2i', 'argon2d')
                THEN substr(rest, 1, instr(rest, '$') - 1)
            ELSE '' END, count(*)
    FROM (SELECT substr(password, 1, instr(password, '$') - 1) AS algorithm,
            substr(password, instr(password, '$') + 1) AS rest
        FROM auth_user WHERE instr(password, '$') > 1 AND password NOT LIKE '!%')
    WHERE instr(rest, '$') > 0
    GROUP BY 1, 2 ORDER BY 1, 2";

#[async_trait]
impl PasswordKindStore for SqliteStore {
    async fn password_kinds(&self) -> Result<Vec<PasswordKind>, StoreError> {
        self.read(|connection| {
            rows::all(connection, KINDS, [], |row| {
                Ok(PasswordKind {
                    algorithm: rows::text(row, 0)?,
                    cost: rows::text(row, 1)?,
                    users: row.get::<_, i64>(2)?.unsigned_abs(),
                })
            })
        })
    }
}
