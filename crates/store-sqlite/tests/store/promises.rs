//! SQLite keeps every promise of the port.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::future::ready;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use phone_auth_core::address::AddressKind;
use phone_auth_store_testkit::{
    ExternalChange, ExternalWriter, OddCell, OddValue, Subject, limit_suite, outbox_suite,
    store_suite,
};
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use crate::common::Scratch;

async fn empty() -> Subject {
    of(Arc::new(Scratch::new()))
}

/// The store in a folder.
pub(crate) fn of(scratch: Arc<Scratch>) -> Subject {
    let store = scratch.store();
    let external_writer = Hand(Mutex::new(scratch.connect()));
    let same = Arc::clone(&scratch);
    Subject::with_outbox(store, external_writer)
        .reopening(move || ready(of(Arc::clone(&same))))
        .keeping(scratch)
}

store_suite!(empty);
outbox_suite!(empty);

async fn nodes() -> Subject {
    nodes_of(Arc::new(Scratch::new()))
}

/// Three nodes on one file.
fn nodes_of(scratch: Arc<Scratch>) -> Subject {
    let nodes = [scratch.store(), scratch.store(), scratch.store()];
    let mut subject = of(Arc::clone(&scratch));
    for node in nodes {
        subject = subject.with_limits(node);
    }
    subject.reopening(move || ready(nodes_of(Arc::clone(&scratch))))
}

limit_suite!(nodes);

mod in_utf16 {
    //! The same in a file that keeps its texts in UTF-16, as another program may have made it.

    use super::*;

    async fn empty() -> Subject {
        let scratch = Scratch::new();
        scratch
            .connect()
            .execute_batch(
                "PRAGMA encoding = 'UTF-16le'; CREATE TABLE others (x); DROP TABLE others",
            )
            .unwrap();
        let encoding = "PRAGMA encoding";
        let kept: String = scratch
            .connect()
            .query_row(encoding, [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, "UTF-16le");
        of(Arc::new(scratch))
    }

    store_suite!(empty);
    outbox_suite!(empty);
}

/// Another user's connection to the same file.
struct Hand(Mutex<Connection>);

#[async_trait]
impl ExternalWriter for Hand {
    async fn make(&self, change: ExternalChange) {
        let connection = self.0.lock().unwrap();
        let execute = |statement: &str, params: &[&dyn rusqlite::ToSql]| {
            connection.execute(statement, params).unwrap();
        };
        match change {
            ExternalChange::DeleteUser(id) => {
                execute(
                    "DELETE FROM phone_auth_emailaddress WHERE user_id = ?1",
                    params![id.get()],
                );
                execute(
                    "DELETE FROM phone_auth_phonenumber WHERE user_id = ?1",
                    params![id.get()],
                );
                // The sessions go along by themselves.
                execute("DELETE FROM auth_user WHERE id = ?1", params![id.get()]);
            }
            ExternalChange::RenameUser(id, username) => {
                // As on a database that Django made, where this index is not unique.
                connection
                    .execute_batch("DROP INDEX IF EXISTS phone_auth_user_username_any_case")
                    .unwrap();
                execute(
                    "UPDATE auth_user SET username = ?2 WHERE id = ?1",
                    params![id.get(), username],
                );
            }
            ExternalChange::SetOwnEmail(id, email) => execute(
                "UPDATE auth_user SET email = ?2 WHERE id = ?1",
                params![id.get(), email],
            ),
            ExternalChange::SetLastLogin(id, time) => execute(
                "UPDATE auth_user SET last_login = ?2 WHERE id = ?1",
                // The six digits always: another text for the same time than the store writes.
                params![
                    id.get(),
                    time.map(|time| time.format("%Y-%m-%d %H:%M:%S%.6f").to_string())
                ],
            ),
            ExternalChange::SetPassword(id, password) => execute(
                "UPDATE auth_user SET password = ?2 WHERE id = ?1",
                params![id.get(), password],
            ),
            ExternalChange::UnbindSessions(id) => execute(
                "UPDATE phone_auth_session SET password_digest = NULL WHERE person_id = ?1",
                params![id.get()],
            ),
            ExternalChange::SetActive(id, active) => execute(
                "UPDATE auth_user SET is_active = ?2 WHERE id = ?1",
                params![id.get(), active],
            ),
            ExternalChange::ShiftLimits(by) => execute(
                "UPDATE phone_auth_limit SET blocked_until = blocked_until + ?1, expires_at = expires_at + ?1",
                params![by.num_microseconds()],
            ),
            ExternalChange::LoseIndexes => {
                let look =
                    "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL";
                let mut indexes = connection.prepare(look).unwrap();
                let names: Vec<String> = indexes
                    .query_map([], |row| row.get(0))
                    .unwrap()
                    .collect::<Result<_, _>>()
                    .unwrap();
                for name in names {
                    connection
                        .execute_batch(&format!("DROP INDEX {name}"))
                        .unwrap();
                }
            }
            ExternalChange::SetOdd(cell, value) => set_odd(&connection, cell, value),
            ExternalChange::DeleteAddress(kind, id) => execute(
                &format!("DELETE FROM {} WHERE id = ?1", table(kind)),
                params![id.get()],
            ),
            ExternalChange::EditAddress(kind, id, value) => execute(
                &format!("UPDATE {} SET {kind} = ?2 WHERE id = ?1", table(kind)),
                params![id.get(), value],
            ),
            ExternalChange::MoveAddress(kind, id, user) => execute(
                &format!("UPDATE {} SET user_id = ?2 WHERE id = ?1", table(kind)),
                params![id.get(), user.get()],
            ),
            ExternalChange::SetVerified(kind, id, verified) => execute(
                &format!("UPDATE {} SET is_verified = ?2 WHERE id = ?1", table(kind)),
                params![id.get(), verified],
            ),
        }
    }
}

/// The table of a kind; its column of texts is called like the kind.
fn table(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => "phone_auth_emailaddress",
        AddressKind::Phone => "phone_auth_phonenumber",
    }
}

/// Puts a value into a column, whatever may be there: as in a table that another program made without constraints.
fn set_odd(connection: &Connection, cell: OddCell, value: OddValue) {
    let number = |id| ("id", Value::Integer(id));
    let (table, (key, id), column) = match cell {
        OddCell::User(id, column) => ("auth_user", number(id.get()), column),
        OddCell::Address(kind, id, column) => (table(kind), number(id.get()), column),
        OddCell::Session(digest, column) => {
            let digest = Value::Blob(digest.as_bytes().to_vec());
            ("phone_auth_session", ("digest", digest), column)
        }
        OddCell::Message(id, column) => ("phone_auth_outbox", number(id.get()), column),
    };
    let value = match value {
        OddValue::Null => Value::Null,
        OddValue::Number(number) => Value::Integer(number),
        OddValue::Text(text) => Value::Text(text.to_owned()),
    };
    let look = "SELECT sql FROM sqlite_master WHERE name = ?1";
    let definition: String = connection
        .query_row(look, [table], |row| row.get(0))
        .unwrap();
    let lax = definition.replace(" NOT NULL", "");
    if lax != definition {
        // What a definition says is a text that SQLite reads anew.
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false)
            .unwrap();
        connection
            .execute_batch("PRAGMA writable_schema = ON")
            .unwrap();
        connection
            .execute(
                "UPDATE sqlite_master SET sql = ?2 WHERE name = ?1",
                [table, &lax],
            )
            .unwrap();
        connection
            .execute_batch("PRAGMA writable_schema = RESET")
            .unwrap();
    }
    connection
        .execute(
            &format!("UPDATE {table} SET {column} = ?2 WHERE {key} = ?1"),
            params![id, value],
        )
        .unwrap();
}
