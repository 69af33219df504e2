//! What a part of a step makes, and whether it is there.

use sqlx::postgres::PgConnection;
use sqlx::query_scalar;

/// What is there once a part was applied, and not before: by this it is known what is left to do where a run has stopped
/// half way, and where `phone_auth_schema` was lost, as by a restore of some tables.
#[derive(Clone, Copy)]
pub(crate) enum Made {
    /// A table with a column.
    Column(&'static str, &'static str),
    /// A constraint of a table.
    Constraint(&'static str, &'static str),
    /// A function.
    Function(&'static str),
    /// Nothing that can be looked for: it may be done again.
    Rows,
}

impl Made {
    /// Whether it is there.
    pub(crate) async fn is_there(self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let (question, table, name) = match self {
            Self::Column(table, column) => (
                "SELECT EXISTS (SELECT 1 FROM pg_attribute
                WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped)",
                table,
                column,
            ),
            Self::Constraint(table, name) => (
                "SELECT EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2)",
                table,
                name,
            ),
            Self::Function(name) => {
                let look = query_scalar("SELECT to_regproc($1) IS NOT NULL").bind(name);
                return look.persistent(false).fetch_one(connection).await;
            }
            Self::Rows => return Ok(false),
        };
        let look = query_scalar(question).bind(table).bind(name);
        look.persistent(false).fetch_one(connection).await
    }
}
