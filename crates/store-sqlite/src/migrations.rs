//! The tables, made and brought up to date.
//!
//! What has been done stands in a table of our own, `phone_auth_schema`, and not in SQLite's
//! `user_version`: that one number belongs to the whole file, and the application that embeds us may
//! keep its own tables, and its own version, in it.
//!
//! Nothing here reads or writes a row of django-phone-auth's tables. Where Django made them, only tables and
//! indexes of ours are added.

use rusqlite::{Connection, TransactionBehavior};

use crate::indexes::{INDEXES, LOST_INDEXES, lost_indexes};
use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::steps::{MIGRATIONS, MODEL_COLUMNS, Migration, columns_after};

/// Applies what has not been applied, all of it or nothing; the names of what was applied now.
pub(crate) fn run(connection: &mut Connection) -> Result<Vec<&'static str>, MigrateError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS phone_auth_schema (
            version integer NOT NULL PRIMARY KEY,
            name text NOT NULL,
            applied_at datetime NOT NULL
        )",
    )?;
    let applied = applied(&transaction)?;
    if applied == 0 {
        check_model(&transaction)?;
    }
    check_tables(&transaction, applied)?;
    let mut names = Vec::new();
    for (step, migration) in (1..).zip(MIGRATIONS).skip(applied) {
        apply(&transaction, step, migration)?;
        names.push(migration.name);
    }
    let lost = lost_indexes(&transaction, MIGRATIONS.len())?;
    for index in &lost {
        index.make_again(&transaction)?;
    }
    if !lost.is_empty() {
        names.push(LOST_INDEXES);
    }
    transaction.commit()?;
    Ok(names)
}

/// Applies a step, and writes that it was. What is there already stays as it is: a table that Django made, or one of ours
/// where `phone_auth_schema` was lost.
fn apply(connection: &Connection, step: usize, migration: &Migration) -> Result<(), MigrateError> {
    for part in migration.parts {
        let is_there = match part.makes {
            Some((table, column)) => has_column(connection, table, column)?,
            None => false,
        };
        if !is_there {
            connection.execute_batch(part.statements)?;
        } else if step > 1 {
            tracing::warn!(
                "a part of the step `{}` is there; phone_auth_schema had lost it",
                migration.name
            );
        }
    }
    for index in INDEXES.iter().filter(|index| index.since == step) {
        index.make(connection)?;
    }
    connection.execute(
        "INSERT INTO phone_auth_schema VALUES (?1, ?2, strftime('%Y-%m-%d %H:%M:%f', 'now'))",
        (i64::try_from(step).unwrap_or(i64::MAX), migration.name),
    )?;
    Ok(())
}

/// The names of what has not been applied.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<&'static str>, MigrateError> {
    // One view of the file: another process may be applying steps.
    let connection = &*connection.unchecked_transaction()?;
    let applied = count_applied(connection)?;
    check_tables(connection, applied)?;
    let pending = MIGRATIONS.iter().skip(applied);
    let mut names: Vec<_> = pending.map(|migration| migration.name).collect();
    if !lost_indexes(connection, applied)?.is_empty() {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// The names of the indexes that are lost.
pub(crate) fn lost(connection: &Connection) -> Result<Vec<&'static str>, MigrateError> {
    let lost = lost_indexes(connection, count_applied(connection)?)?;
    Ok(lost.iter().map(|index| index.name).collect())
}

/// How many steps have been applied, where none may have been.
pub(crate) fn count_applied(connection: &Connection) -> Result<usize, MigrateError> {
    if has_table(connection, "phone_auth_schema")? {
        applied(connection)
    } else {
        Ok(0)
    }
}

/// Whether something has been applied: then the file is ours to work with, beside Django or not.
pub(crate) fn has_begun(connection: &Connection) -> Result<bool, MigrateError> {
    has_table(connection, "phone_auth_schema")
}

/// Whether no table is there, neither of ours nor of django-phone-auth's.
pub(crate) fn has_no_tables(connection: &Connection) -> Result<bool, MigrateError> {
    let all = columns_after(MIGRATIONS.len()).map(|(table, ..)| table);
    for table in std::iter::once("phone_auth_schema").chain(all) {
        if has_table(connection, table)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How many steps have been applied.
fn applied(connection: &Connection) -> Result<usize, MigrateError> {
    let version: i64 = connection.query_row(
        "SELECT coalesce(max(version), 0) FROM phone_auth_schema",
        [],
        |row| row.get(0),
    )?;
    usize::try_from(version)
        .ok()
        .filter(|applied| *applied <= MIGRATIONS.len())
        .ok_or_else(|| MigrateError::new(MigrateErrorKind::TooNew))
}

/// Whether there is a table of this name.
fn has_table(connection: &Connection, table: &str) -> Result<bool, MigrateError> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ?1)",
        [table],
        |row| row.get(0),
    )?)
}

/// Whether there is a table of this name with this column.
fn has_column(connection: &Connection, table: &str, column: &str) -> Result<bool, MigrateError> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2)",
        [table, column],
        |row| row.get(0),
    )?)
}

/// Refuses tables that only have the name of one of django-phone-auth's.
fn check_model(connection: &Connection) -> Result<(), MigrateError> {
    for (table, columns) in MODEL_COLUMNS {
        if has_table(connection, table)? {
            for column in columns {
                check_column(connection, table, column)?;
            }
        }
    }
    Ok(())
}

/// Refuses a database that has lost tables which so many steps have made, or columns of theirs.
fn check_tables(connection: &Connection, applied: usize) -> Result<(), MigrateError> {
    let (mut tables, mut since) = (Vec::new(), usize::MAX);
    for (table, _, step) in columns_after(applied) {
        if !tables.contains(&table) && !has_table(connection, table)? {
            tables.push(table);
            since = since.min(step);
        }
    }
    if !tables.is_empty() {
        let kind = MigrateErrorKind::TablesGone { tables, since };
        return Err(MigrateError::new(kind));
    }
    for (table, column, _) in columns_after(applied) {
        check_column(connection, table, column)?;
    }
    Ok(())
}

/// Refuses a table that lacks a column.
fn check_column(
    connection: &Connection,
    table: &'static str,
    column: &'static str,
) -> Result<(), MigrateError> {
    if has_column(connection, table, column)? {
        return Ok(());
    }
    let kind = MigrateErrorKind::Incompatible { table, column };
    Err(MigrateError::new(kind))
}
