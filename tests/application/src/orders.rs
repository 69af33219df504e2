//! The own table, in the database of the accounts.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use phone_auth::core::user::UserId;
use rusqlite::Connection;
use sqlx::PgPool;

use crate::favourites::TABLES;

/// Whatever goes wrong.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// An order of a user's is gone when the user is.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS tea_order (
    user_id bigint NOT NULL REFERENCES auth_user (id) ON DELETE CASCADE,
    tea text NOT NULL
)";

const ADD: &str = "INSERT INTO tea_order (user_id, tea) VALUES ($1, $2)";

const ALL: &str = "SELECT auth_user.first_name, tea_order.tea
    FROM tea_order JOIN auth_user ON auth_user.id = tea_order.user_id ORDER BY tea_order.tea";

/// Who ordered what.
#[derive(Clone, Debug)]
pub struct Orders(pub(crate) Tables);

#[derive(Clone, Debug)]
pub(crate) enum Tables {
    Sqlite(Arc<Mutex<Connection>>),
    Postgres(PgPool),
}

impl Orders {
    /// Opens the database by the name that the accounts have for it, which they have opened before: the table refers to
    /// theirs.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(database: &str) -> Result<Self, BoxError> {
        let Some(path) = database.strip_prefix("sqlite:") else {
            let pool = PgPool::connect(database).await?;
            for table in [TABLE].iter().chain(&TABLES) {
                sqlx::query(*table).execute(&pool).await?;
            }
            return Ok(Self(Tables::Postgres(pool)));
        };
        let connection = Connection::open(path)?;
        // The accounts write too.
        connection.busy_timeout(Duration::from_secs(5))?;
        for table in [TABLE].iter().chain(&TABLES) {
            connection.execute_batch(table)?;
        }
        Ok(Self(Tables::Sqlite(Arc::new(Mutex::new(connection)))))
    }

    pub(crate) async fn add(&self, user: UserId, tea: &str) -> Result<(), BoxError> {
        match &self.0 {
            Tables::Postgres(pool) => {
                let add = sqlx::query(ADD).bind(user.get()).bind(tea);
                add.execute(pool).await?;
            }
            Tables::Sqlite(connection) => {
                let (connection, tea) = (Arc::clone(connection), tea.to_owned());
                let add = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    connection.execute(ADD, (user.get(), tea))
                };
                tokio::task::spawn_blocking(add).await??;
            }
        }
        Ok(())
    }

    pub(crate) async fn all(&self) -> Result<Vec<(String, String)>, BoxError> {
        match &self.0 {
            Tables::Postgres(pool) => Ok(sqlx::query_as(ALL).fetch_all(pool).await?),
            Tables::Sqlite(connection) => {
                let connection = Arc::clone(connection);
                let all = move || {
                    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                    let mut statement = connection.prepare(ALL)?;
                    let orders = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                    orders.collect::<Result<_, rusqlite::Error>>()
                };
                Ok(tokio::task::spawn_blocking(all).await??)
            }
        }
    }
}
