//! The tables, made and brought up to date.
//!
//! What has been done stands in a table of our own, `phone_auth_schema`, as on SQLite: the application
//! that embeds us may have its own migrations in the same database, by the driver's means too.
//!
//! Nothing here reads or writes a row of django-phone-auth's tables. Where Django made them, only tables and
//! indexes of ours are added.

use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{
    AssertSqlSafe, Connection, Decode, PgConnection, Postgres, Row, Type, query, query_scalar,
    raw_sql,
};

use crate::indexes::{INDEXES, Index, LOST_INDEXES, lost_indexes, lost_query};
use crate::locks;
use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::pool::{Connections, Query};
use crate::steps::{MIGRATIONS, MODEL_COLUMNS, Migration, Part, columns_after};

/// How long a table is waited for at once. Anyone who comes after us waits behind us, so it is far less than the two
/// fifths of a statement's time for which they wait themselves, and less than the second after which the server looks
/// for deadlocks: should there be one after all, we are who gives way.
const WAIT: Duration = Duration::from_millis(200);

/// How many times as long others are let pass before the next try.
const PAUSES: u32 = 4;

/// How many statement time-outs there are for tries.
const PATIENCE: u32 = 12;

/// Whether there is a table of what was applied, in any schema that is searched. `IF NOT EXISTS` looks in
/// the first of them alone, and would begin anew there.
const HAS_SCHEMA_TABLE: &str = "SELECT to_regclass('phone_auth_schema') IS NOT NULL";

const APPLIED: &str = "SELECT coalesce(max(version), 0)::int8 FROM phone_auth_schema";

/// Which of these columns of these tables are missing, and whether the whole table is.
const MISSING: &str = "SELECT wanted.place, to_regclass(wanted.tab) IS NULL
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS wanted (tab, col, place)
    WHERE NOT EXISTS (
        SELECT 1 FROM pg_attribute
        WHERE attrelid = to_regclass(wanted.tab) AND attname = wanted.col AND attnum > 0 AND NOT attisdropped
    )
    ORDER BY wanted.place";

const HAS_NO_TABLES: &str = "SELECT NOT EXISTS (SELECT 1 FROM unnest($1::text[]) AS wanted (tab) WHERE to_regclass(wanted.tab) IS NOT NULL)";

/// The server process whose transaction, of those that use a table, began first.
const USER_OF_TABLE: &str = "SELECT l.pid FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'relation' AND l.granted AND l.relation = to_regclass($1) AND l.pid <> pg_backend_pid()
        AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ORDER BY a.xact_start LIMIT 1";

/// Applies what has not been applied; the names of what was applied now. Each table, column and index is made whole or
/// not at all, and a step is written down once all of it is there, so that the next run goes on where one has stopped.
///
/// Each of them has a transaction of its own, which takes a strong lock on one table at most that servers of
/// earlier versions use, and waits for it for a moment only. When it was not to be had, the transaction is rolled back,
/// and tried again after anyone who waited behind it had their turn: pages go on, and nobody is in a deadlock with us
/// for long. What cannot be avoided is that nobody can write to a table while an index is made on it.
///
/// Nodes that start at once take turns, and to wait for their turn they have all the time it takes.
pub(crate) async fn run(
    connection: &mut PgConnection,
    opening: String,
    statement_timeout: Duration,
) -> Result<Vec<&'static str>, MigrateError> {
    let wait = (statement_timeout / 25).clamp(Duration::from_millis(10), WAIT);
    let opening = format!(
        "{opening}; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; \
         SET LOCAL idle_in_transaction_session_timeout = 0; {}; SET LOCAL lock_timeout = {}",
        locks::of_migrations(),
        wait.as_millis()
    );
    let mut run = Run {
        connection,
        opening,
        wait,
        patience: statement_timeout * PATIENCE,
    };
    let mut names = Vec::new();
    loop {
        let done = run.look().await?;
        let Some(migration) = MIGRATIONS.get(done) else {
            break;
        };
        if run.apply(done, migration).await? {
            names.push(migration.name);
        }
    }
    if run.make_lost_indexes().await? {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// What is done in a transaction of its own.
#[derive(Clone, Copy)]
enum Work {
    /// Nothing: only looks how many steps have been applied.
    Look,
    /// A part of a step.
    Part(&'static Part),
    /// An index of a step.
    Index(&'static Index),
    /// Writes down that a step was applied.
    Record(usize, &'static Migration),
    /// Removes what has the name of a lost index. By itself, because it keeps everybody from the table.
    DropLost(&'static Index),
    /// Makes a lost index.
    MakeLost(&'static Index),
}

impl Work {
    /// The table that others use and that it keeps them from.
    fn locks(self) -> &'static str {
        match self {
            Self::Look | Self::Record(..) => "phone_auth_schema",
            Self::Part(part) => part.locks,
            Self::Index(index) | Self::DropLost(index) | Self::MakeLost(index) => index.table,
        }
    }

    /// Whether it was done, by someone else or by an earlier run.
    async fn is_done(self, connection: &mut PgConnection) -> Result<bool, MigrateError> {
        match self {
            Self::Look => Ok(true),
            Self::Record(..) => Ok(false),
            Self::Part(part) => Ok(part.makes.is_there(connection).await?),
            Self::Index(index) => {
                let exists = query_scalar(
                    "SELECT EXISTS (SELECT 1 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                    WHERE i.indrelid = to_regclass($1) AND c.relname = $2)",
                );
                let exists = exists.bind(index.table).bind(index.name).persistent(false);
                Ok(exists.fetch_one(connection).await?)
            }
            Self::DropLost(index) | Self::MakeLost(index) => {
                let rows = lost_query().fetch_all(connection).await?;
                let lost = lost_indexes(MIGRATIONS.len(), &rows)?;
                Ok(!lost.iter().any(|it| it.name == index.name))
            }
        }
    }

    fn statements(self) -> String {
        match self {
            Self::Look => String::new(),
            Self::Part(part) => part.statements.to_owned(),
            Self::Index(index) | Self::MakeLost(index) => index.statement(),
            Self::Record(step, migration) => format!(
                "INSERT INTO phone_auth_schema VALUES ({step}, '{}', now())",
                migration.name
            ),
            Self::DropLost(index) => format!("DROP INDEX IF EXISTS {}", index.name),
        }
    }
}

/// A run of `migrate`.
struct Run<'c> {
    connection: &'c mut PgConnection,
    /// Begins a transaction that no other node's run is in at the same time.
    opening: String,
    wait: Duration,
    patience: Duration,
}

impl Run<'_> {
    /// How many steps have been applied.
    async fn look(&mut self) -> Result<usize, MigrateError> {
        Ok(self.work(0, Work::Look).await?.0)
    }

    /// Applies the step after so many; whether it was not applied by another node meanwhile.
    async fn apply(
        &mut self,
        done: usize,
        migration: &'static Migration,
    ) -> Result<bool, MigrateError> {
        let mut is_any_made = false;
        for work in works(done, migration) {
            is_any_made |= self.work(done, work).await?.1;
        }
        let record = Work::Record(done + 1, migration);
        let (_, is_recorded) = self.work(done, record).await?;
        // A step makes nothing any more when a later one replaces what it made.
        let makes_any = works(done, migration).next().is_some();
        if is_recorded && makes_any && !is_any_made {
            tracing::warn!(
                "the step `{}` is there; phone_auth_schema had lost it",
                migration.name
            );
        }
        Ok(is_recorded)
    }

    /// Makes the indexes that are lost, one by one; whether there were any.
    async fn make_lost_indexes(&mut self) -> Result<bool, MigrateError> {
        let all = MIGRATIONS.len();
        let rows = lost_query().fetch_all(&mut *self.connection).await?;
        let (mut is_any_made, mut failed) = (false, None);
        for index in lost_indexes(all, &rows)? {
            self.work(all, Work::DropLost(index)).await?;
            match self.work(all, Work::MakeLost(index)).await {
                Ok((_, is_made)) => is_any_made |= is_made,
                // 23505: it would be broken from the beginning. The others are made all the same.
                Err(error) if error.code() == Some("23505") => {
                    failed = failed.or(Some(MigrateErrorKind::Duplicates {
                        index: index.name,
                        table: index.table,
                        columns: index.on,
                    }));
                }
                Err(error) => return Err(error),
            }
        }
        match failed {
            None => Ok(is_any_made),
            Some(kind) => Err(MigrateError::new(kind)),
        }
    }

    /// Does some work if so many steps have been applied, and tries again while the table is in use; how many steps
    /// have been applied, and whether it was done now.
    async fn work(&mut self, done: usize, work: Work) -> Result<(usize, bool), MigrateError> {
        let began = Instant::now();
        loop {
            match self.attempt(done, work).await {
                // A lock that was not to be had in time, and a deadlock.
                Err(error) if matches!(error.code(), Some("55P03" | "40P01")) => {}
                outcome => return outcome,
            }
            if began.elapsed() > self.patience {
                let table = work.locks();
                let process = query_scalar(USER_OF_TABLE).bind(table).persistent(false);
                let process = process.fetch_optional(&mut *self.connection).await?;
                let kind = MigrateErrorKind::InUse {
                    table,
                    process: process.flatten(),
                };
                return Err(MigrateError::new(kind));
            }
            tokio::time::sleep(self.wait * PAUSES).await;
        }
    }

    /// Does some work once, in a transaction.
    async fn attempt(&mut self, done: usize, work: Work) -> Result<(usize, bool), MigrateError> {
        let opening = AssertSqlSafe(self.opening.clone());
        let mut transaction = self.connection.begin_with(opening).await?;
        let outcome = do_once(&mut transaction, done, work).await;
        if let Ok((_, true)) = outcome {
            transaction.commit().await?;
        } else {
            // Now, and not when the connection is used next: others may be waiting.
            transaction.rollback().await?;
        }
        outcome
    }
}

/// What the step after so many makes, in order.
fn works(done: usize, migration: &'static Migration) -> impl Iterator<Item = Work> {
    let indexes = INDEXES.iter();
    let of_step = indexes.filter(move |it| it.since == done + 1 && !it.is_of_constraint);
    let parts = migration.parts.iter().map(Work::Part);
    parts.chain(of_step.map(Work::Index))
}

/// Does some work if so many steps have been applied and it was not done; how many have been, and whether it was done
/// now.
async fn do_once(
    connection: &mut PgConnection,
    done: usize,
    work: Work,
) -> Result<(usize, bool), MigrateError> {
    let applied = applied(connection).await?;
    // Another node may have been here between our transactions.
    if applied != done {
        return Ok((applied, false));
    }
    if done == 0 {
        check_model(connection).await?;
    }
    let is_due = !work.is_done(connection).await?;
    if is_due {
        let statements = AssertSqlSafe(work.statements());
        raw_sql(statements).execute(connection).await?;
    }
    Ok((applied, is_due))
}

/// How many steps have been applied, after the table that says so was made if there was none.
async fn applied(connection: &mut PgConnection) -> Result<usize, MigrateError> {
    let has_table: bool = query_scalar(HAS_SCHEMA_TABLE)
        .persistent(false)
        .fetch_one(&mut *connection)
        .await?;
    if !has_table {
        raw_sql(
            // `IF NOT EXISTS`, because the question may have been answered from a catalogue as it was before
            // anyone who held the lock made the table.
            "CREATE TABLE IF NOT EXISTS phone_auth_schema (
                version bigint NOT NULL PRIMARY KEY,
                name text NOT NULL,
                applied_at timestamptz NOT NULL
            )",
        )
        .execute(&mut *connection)
        .await?;
    }
    let version = query_scalar(APPLIED)
        .persistent(false)
        .fetch_one(connection)
        .await?;
    count(version)
}

/// The names of what has not been applied.
pub(crate) async fn pending(connections: &Connections) -> Result<Vec<&'static str>, MigrateError> {
    let applied = count_applied(connections).await?;
    let wanted: Vec<_> = columns_after(applied).collect();
    let missing = Missing::of(&wanted, &connections.run(missing(&wanted)).await?)?;
    missing.refuse_tables()?;
    missing.refuse_columns()?;
    let pending = MIGRATIONS.iter().skip(applied);
    let mut names: Vec<_> = pending.map(|migration| migration.name).collect();
    if !lost_indexes(applied, &connections.run(lost_query()).await?)?.is_empty() {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// The names of the indexes that are lost.
pub(crate) async fn lost(connections: &Connections) -> Result<Vec<&'static str>, MigrateError> {
    let applied = count_applied(connections).await?;
    let lost = lost_indexes(applied, &connections.run(lost_query()).await?)?;
    Ok(lost.iter().map(|index| index.name).collect())
}

/// How many steps have been applied.
pub(crate) async fn count_applied(connections: &Connections) -> Result<usize, MigrateError> {
    let has_table: bool = only(&connections.run(query(HAS_SCHEMA_TABLE)).await?)?;
    if has_table {
        count(only(&connections.run(query(APPLIED)).await?)?)
    } else {
        Ok(0)
    }
}

/// Whether no table is there, neither of ours nor of django-phone-auth's.
pub(crate) async fn has_no_tables(connections: &Connections) -> Result<bool, MigrateError> {
    let tables: Vec<_> = tables().collect();
    only(&connections.run(query(HAS_NO_TABLES).bind(tables)).await?)
}

/// All tables that the steps make, and the one that says which steps were applied.
pub(crate) fn tables() -> impl Iterator<Item = &'static str> {
    let all = columns_after(MIGRATIONS.len()).map(|(table, ..)| table);
    let mut seen = Vec::new();
    std::iter::once("phone_auth_schema")
        .chain(all)
        .filter(move |table| {
            let is_new = !seen.contains(table);
            seen.push(*table);
            is_new
        })
}

/// The one value that a query always answers.
pub(crate) fn only<T>(rows: &[PgRow]) -> Result<T, MigrateError>
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(row.try_get(0)?)
}

/// How many steps have been applied.
fn count(version: i64) -> Result<usize, MigrateError> {
    usize::try_from(version)
        .ok()
        .filter(|applied| *applied <= MIGRATIONS.len())
        .ok_or_else(|| MigrateError::new(MigrateErrorKind::TooNew))
}

/// A column that must be there, its table, and the number of the step that made it.
type Wanted = (&'static str, &'static str, usize);

/// The question which of these columns are missing.
fn missing(wanted: &[Wanted]) -> Query<'static> {
    let tables: Vec<_> = wanted.iter().map(|(table, ..)| *table).collect();
    let columns: Vec<_> = wanted.iter().map(|(_, column, _)| *column).collect();
    query(MISSING).bind(tables).bind(columns).persistent(false)
}

/// What is missing.
struct Missing {
    /// Whole tables, each with the step that made it.
    tables: Vec<(&'static str, usize)>,
    /// A column of a table that is there.
    column: Option<(&'static str, &'static str)>,
}

impl Missing {
    fn of(wanted: &[Wanted], rows: &[PgRow]) -> Result<Self, MigrateError> {
        let (mut tables, mut missing) = (Vec::new(), None);
        for row in rows {
            let (place, is_whole): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
            let found = usize::try_from(place - 1).ok();
            let Some(&(table, column, step)) = found.and_then(|place| wanted.get(place)) else {
                continue;
            };
            if !is_whole {
                missing = missing.or(Some((table, column)));
            } else if tables.iter().all(|(it, _)| *it != table) {
                tables.push((table, step));
            }
        }
        Ok(Self {
            tables,
            column: missing,
        })
    }

    /// Refuses a database that lacks tables which it had.
    fn refuse_tables(&self) -> Result<(), MigrateError> {
        let Some(since) = self.tables.iter().map(|(_, step)| *step).min() else {
            return Ok(());
        };
        let tables = self.tables.iter().map(|(table, _)| *table).collect();
        let kind = MigrateErrorKind::TablesGone { tables, since };
        Err(MigrateError::new(kind))
    }

    /// Refuses a table that lacks a column.
    fn refuse_columns(&self) -> Result<(), MigrateError> {
        let Some((table, column)) = self.column else {
            return Ok(());
        };
        let kind = MigrateErrorKind::Incompatible { table, column };
        Err(MigrateError::new(kind))
    }
}

/// Refuses tables that only have the name of one of django-phone-auth's, before anything is made.
///
/// A table of django-phone-auth's that is found in any schema that the connection searches is taken as it is. One more
/// of its name in the first of these schemas would hide it from us, with everybody in it.
async fn check_model(connection: &mut PgConnection) -> Result<(), MigrateError> {
    let all = MODEL_COLUMNS.iter();
    let wanted: Vec<Wanted> = all
        .flat_map(|(table, columns)| columns.iter().map(|column| (*table, *column, 1)))
        .collect();
    let rows = missing(&wanted).fetch_all(connection).await?;
    Missing::of(&wanted, &rows)?.refuse_columns()
}

#[cfg(test)]
mod tests;
