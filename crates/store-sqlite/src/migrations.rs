//! The tables, made and brought up to date.
//!
//! What has been done stands in a table of our own, `phone_auth_schema`, and not in SQLite's
//! `user_version`: that one number belongs to the whole file, and the application that embeds us may
//! keep its own tables, and its own version, in it.
//!
//! Nothing here reads or writes a row of the model's tables. Where Django made them, only tables and
//! indexes of ours are added.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::spellings::{digits, is_foreign_phone, is_number, is_padded, trimmed};

/// A step that every database goes through once. The first is number 1.
struct Migration {
    name: &'static str,
    apply: fn(&Transaction<'_>) -> Result<(), MigrateError>,
    /// A table and a column that are there once it was applied, and not before: by these it is known where
    /// `phone_auth_schema` was lost, as by a copy of some tables. None for a step that may be applied again.
    made: Option<(&'static str, &'static str)>,
}

/// All steps, in order. A step that has been released is never changed, only followed by another.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "people and addresses",
        apply: make_model_tables,
        made: None,
    },
    Migration {
        name: "sessions",
        apply: |transaction| Ok(transaction.execute_batch(include_str!("schema/sessions.sql"))?),
        made: Some(("phone_auth_session", "digest")),
    },
    Migration {
        name: "outbox",
        apply: |transaction| Ok(transaction.execute_batch(include_str!("schema/outbox.sql"))?),
        made: Some(("phone_auth_outbox", "id")),
    },
    Migration {
        name: "verified addresses",
        apply: |transaction| Ok(transaction.execute_batch(include_str!("schema/verified.sql"))?),
        made: Some(("phone_auth_phone_verified", "address_id")),
    },
    Migration {
        name: "sessions bound to passwords",
        apply: |transaction| {
            Ok(transaction.execute_batch(include_str!("schema/session_password.sql"))?)
        },
        made: Some(("phone_auth_session", "password_digest")),
    },
    Migration {
        name: "site key",
        apply: |transaction| Ok(transaction.execute_batch(include_str!("schema/site_key.sql"))?),
        made: Some(("phone_auth_site_key", "id")),
    },
    Migration {
        name: "link requests",
        apply: |transaction| Ok(transaction.execute_batch(include_str!("schema/links.sql"))?),
        made: Some(("phone_auth_link_request", "holder")),
    },
    Migration {
        name: "spellings",
        apply: |transaction| {
            for index in &SPELLINGS {
                index.make(transaction, false)?;
            }
            Ok(())
        },
        made: None,
    },
    Migration {
        name: "leases of messages",
        apply: |transaction| {
            Ok(transaction.execute_batch(include_str!("schema/outbox_leases.sql"))?)
        },
        made: Some(("phone_auth_outbox", "earlier_receipts")),
    },
];

/// The number of the step that made the indexes for spellings.
const SPELLINGS_STEP: usize = 8;

/// The columns that the model's tables have, and that the store reads or writes.
const MODEL_COLUMNS: [(&str, &[&str]); 3] = [
    (
        "auth_user",
        &[
            "id",
            "password",
            "last_login",
            "is_superuser",
            "username",
            "first_name",
            "last_name",
            "email",
            "is_staff",
            "is_active",
            "date_joined",
        ],
    ),
    (
        "phone_auth_emailaddress",
        &["id", "email", "is_verified", "user_id"],
    ),
    (
        "phone_auth_phonenumber",
        &["id", "phone", "is_verified", "user_id"],
    ),
];

/// An index of ours on one of the model's tables.
struct Index {
    name: &'static str,
    table: &'static str,
    expression: &'static str,
    /// Which rows it holds, if not all.
    rows: Option<&'static str>,
    /// Whether it may be unique, where the table is ours.
    is_of_names: bool,
}

impl Index {
    /// Makes it.
    fn make(&self, connection: &Connection, is_table_ours: bool) -> Result<(), MigrateError> {
        let unique = if self.is_of_names && is_table_ours {
            "UNIQUE "
        } else {
            ""
        };
        let Self {
            name,
            table,
            expression,
            ..
        } = self;
        let rows = self.rows.map(|rows| format!(" WHERE {rows}"));
        connection.execute_batch(&format!(
            "CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} ({expression}){}",
            rows.unwrap_or_default()
        ))?;
        Ok(())
    }
}

/// For lookups in any ASCII case.
const ANY_CASE: [Index; 3] = [
    Index {
        name: "phone_auth_user_username_any_case",
        table: "auth_user",
        expression: "lower(username)",
        rows: None,
        is_of_names: true,
    },
    Index {
        name: "phone_auth_user_email_any_case",
        table: "auth_user",
        expression: "lower(email)",
        rows: None,
        is_of_names: false,
    },
    Index {
        name: "phone_auth_emailaddress_any_case",
        table: "phone_auth_emailaddress",
        expression: "lower(email)",
        rows: None,
        is_of_names: true,
    },
];

/// For lookups of what is stored in another spelling than ours, and for what is asked of one account at every request.
const SPELLINGS: [Index; 6] = [
    Index {
        name: "phone_auth_user_username_any_spelling",
        table: "auth_user",
        expression: digits!("username"),
        rows: Some(is_number!("username")),
        is_of_names: false,
    },
    Index {
        name: "phone_auth_user_email_any_spelling",
        table: "auth_user",
        expression: concat!("lower(", trimmed!("email"), ")"),
        rows: Some(is_padded!("email")),
        is_of_names: false,
    },
    Index {
        name: "phone_auth_emailaddress_any_spelling",
        table: "phone_auth_emailaddress",
        expression: concat!("lower(", trimmed!("email"), ")"),
        rows: Some(is_padded!("email")),
        is_of_names: false,
    },
    Index {
        name: "phone_auth_phonenumber_any_spelling",
        table: "phone_auth_phonenumber",
        expression: digits!("phone"),
        rows: Some(is_foreign_phone!("phone")),
        is_of_names: false,
    },
    Index {
        name: "phone_auth_emailaddress_any_verified",
        table: "phone_auth_emailaddress",
        expression: "user_id",
        rows: Some("is_verified"),
        is_of_names: false,
    },
    Index {
        name: "phone_auth_phonenumber_any_verified",
        table: "phone_auth_phonenumber",
        expression: "user_id",
        rows: Some("is_verified"),
        is_of_names: false,
    },
];

/// What [`pending_migrations`](crate::SqliteStore::pending_migrations) says of indexes that must be made again. Without
/// them a lookup reads a whole table, and answers the same.
pub const LOST_INDEXES: &str = "lost indexes";

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
    let mut names = Vec::new();
    for (version, migration) in (1_i64..).zip(MIGRATIONS).skip(applied) {
        let is_there = match migration.made {
            Some((table, column)) => has_column(&transaction, table, column)?,
            None => false,
        };
        if is_there {
            tracing::warn!(
                "the step `{}` is there; phone_auth_schema had lost it",
                migration.name
            );
        } else {
            (migration.apply)(&transaction)?;
        }
        transaction.execute(
            "INSERT INTO phone_auth_schema VALUES (?1, ?2, strftime('%Y-%m-%d %H:%M:%f', 'now'))",
            (version, migration.name),
        )?;
        names.push(migration.name);
    }
    let lost = lost_indexes(&transaction, MIGRATIONS.len())?;
    for index in &lost {
        // Whoever made the table anew was Django.
        index.make(&transaction, false)?;
    }
    if !lost.is_empty() {
        names.push(LOST_INDEXES);
    }
    transaction.commit()?;
    Ok(names)
}

/// The names of what has not been applied.
pub(crate) fn pending(connection: &Connection) -> Result<Vec<&'static str>, MigrateError> {
    let applied = if has_table(connection, "phone_auth_schema")? {
        applied(connection)?
    } else {
        0
    };
    let pending = MIGRATIONS.iter().skip(applied);
    let mut names: Vec<_> = pending.map(|migration| migration.name).collect();
    if applied > 0 && !lost_indexes(connection, applied)?.is_empty() {
        names.push(LOST_INDEXES);
    }
    Ok(names)
}

/// Whether something has been applied: then the file is ours to work with, beside Django or not.
pub(crate) fn has_begun(connection: &Connection) -> Result<bool, MigrateError> {
    has_table(connection, "phone_auth_schema")
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

/// Makes the model's tables where they are missing, and the indexes for lookups in any ASCII case.
///
/// On tables of our own these indexes are unique. On tables that Django made they are not: it knows
/// nothing of them, may hold `Bob` and `bob` already, and must go on working. There the check in the
/// transaction that writes is what keeps names apart, as it does everywhere.
fn make_model_tables(transaction: &Transaction<'_>) -> Result<(), MigrateError> {
    let mut is_ours = Vec::new();
    for (table, columns) in MODEL_COLUMNS {
        let exists = has_table(transaction, table)?;
        if exists {
            check_columns(transaction, table, columns)?;
        }
        is_ours.push((table, !exists));
    }
    transaction.execute_batch(include_str!("schema/model.sql"))?;
    for index in &ANY_CASE {
        index.make(transaction, is_ours.contains(&(index.table, true)))?;
    }
    Ok(())
}

/// The indexes that are not there. Django changes a table on SQLite by making another one in its place, and
/// takes along only the indexes that it knows. Those that no step has made yet are not lost.
fn lost_indexes(
    connection: &Connection,
    applied: usize,
) -> Result<Vec<&'static Index>, MigrateError> {
    let of_spellings = SPELLINGS.iter().filter(|_| applied >= SPELLINGS_STEP);
    let mut lost = Vec::new();
    for index in ANY_CASE.iter().chain(of_spellings) {
        let exists: bool = connection.query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = ?1)",
            [index.name],
            |row| row.get(0),
        )?;
        if !exists {
            lost.push(index);
        }
    }
    Ok(lost)
}

/// Whether there is a table of this name.
fn has_table(connection: &Connection, table: &str) -> Result<bool, MigrateError> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
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

/// Refuses a table that only has the name of one of the model's.
fn check_columns(
    connection: &Connection,
    table: &'static str,
    columns: &[&'static str],
) -> Result<(), MigrateError> {
    for column in columns {
        if !has_column(connection, table, column)? {
            return Err(MigrateError::new(MigrateErrorKind::Incompatible {
                table,
                column,
            }));
        }
    }
    Ok(())
}
